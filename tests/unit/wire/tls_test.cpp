// Certificates that are not as they must be, on either side.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <fstream>

#include "unit/wire/link_fixture.h"

namespace tributary {
namespace {

// A peer of another make, which does not look at certificates before it sends.
class ForeignPeer {
 public:
  explicit ForeignPeer(const std::optional<TlsConfig>& own) : context_(asio::ssl::context::tls) {
    if (!own) return;
    context_.use_certificate_chain_file(own->certificate);
    context_.use_private_key_file(own->key, asio::ssl::context::pem);
  }
  Task<> connect_and_read(tcp::endpoint to) {
    tcp::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect(to, asio::use_awaitable);
    co_await shake_hands_and_read(std::move(socket), asio::ssl::stream_base::client);
  }
  Task<> accept_and_read(tcp::acceptor& acceptor) {
    co_await shake_hands_and_read(co_await acceptor.async_accept(asio::use_awaitable), asio::ssl::stream_base::server);
  }
  size_t bytes_read() const { return bytes_read_; }

 private:
  Task<> shake_hands_and_read(tcp::socket socket, asio::ssl::stream_base::handshake_type side) {
    asio::ssl::stream<tcp::socket> stream(std::move(socket), context_);
    char bytes[100];
    try {
      co_await stream.async_handshake(side, asio::use_awaitable);
      bytes_read_ = co_await stream.async_read_some(asio::buffer(bytes), asio::use_awaitable);
    } catch (const boost::system::system_error&) {
      // Refused, as it should be: the other side's view is what the tests look at.
    }
  }

  asio::ssl::context context_;
  size_t bytes_read_ = 0;
};

TEST_F(LinkTest, SendsNothingToAnotherNodeEvenWithAValidCertificate) {
  run(exchange_greetings(connect(child_)), exchange_greetings(accept(make_node("region-2", ca_), "region-2")));
  ASSERT_TRUE(child_failure_);
  EXPECT_EQ(child_failure_->kind(), ErrorKind::refused);
  EXPECT_THAT(child_failure_->message(), HasSubstr("region-1"));
  EXPECT_THAT(child_failure_->message(), HasSubstr("region-2"));
  ASSERT_TRUE(parent_failure_);
  EXPECT_EQ(parent_failure_->kind(), ErrorKind::setup);
}

TEST_F(LinkTest, AWildcardIsNoName) {
  const TlsConfig wild = make_node("*.example.org", ca_);
  ForeignPeer peer(wild);
  run(exchange_greetings(connect(child_, "district-a", "region.example.org")), peer.accept_and_read(acceptor_));
  ASSERT_TRUE(child_failure_);
  EXPECT_EQ(child_failure_->kind(), ErrorKind::refused);
  EXPECT_EQ(peer.bytes_read(), 0U);
}

TEST_F(LinkTest, RefusesCertificatesOfAnotherAuthorityOnBothSides) {
  const PemPaths other_ca{directory_ / "other-ca.pem", directory_ / "other-ca.key"};
  make_ca({}, other_ca, Overwrite::refuse);
  TlsConfig stranger = make_node("stranger", other_ca);
  stranger.ca = ca_.certificate;  // the stranger believes us
  run(exchange_greetings(connect(stranger, "stranger")), exchange_greetings(accept(parent_)));
  ASSERT_TRUE(parent_failure_);
  EXPECT_EQ(parent_failure_->kind(), ErrorKind::setup);
  EXPECT_THAT(parent_failure_->message(), HasSubstr("not signed by a CA"));
  ASSERT_TRUE(child_failure_);
  EXPECT_EQ(child_failure_->kind(), ErrorKind::setup);
  EXPECT_THAT(child_failure_->message(), HasSubstr("this node's certificate"));

  run(exchange_greetings(connect(child_, "district-a", "stranger")), exchange_greetings(accept(stranger, "stranger")));
  EXPECT_EQ(child_failure_->kind(), ErrorKind::setup);
  EXPECT_THAT(child_failure_->message(), HasSubstr("not signed by a CA"));
  EXPECT_EQ(parent_failure_->kind(), ErrorKind::setup);
}

TEST_F(LinkTest, BelievesEveryAuthorityOfItsFile) {
  const PemPaths other_ca{directory_ / "other-ca.pem", directory_ / "other-ca.key"};
  make_ca({.common_name = "the other CA"}, other_ca, Overwrite::refuse);
  const std::string both = directory_ / "both.pem";
  for (const std::string& ca : {ca_.certificate, other_ca.certificate})
    std::ofstream(both, std::ios::app) << std::ifstream(ca).rdbuf();
  TlsConfig other = make_node("district-b", other_ca);
  other.ca = parent_.ca = both;
  run(exchange_greetings(connect(other, "district-b")), exchange_greetings(accept(parent_)));
  EXPECT_FALSE(child_failure_) << child_failure_->what();
  EXPECT_FALSE(parent_failure_) << parent_failure_->what();
}

TEST_F(LinkTest, RefusesAnExpiredCertificateOnBothSides) {
  let_expire(child_.certificate);
  let_expire(parent_.certificate);
  ForeignPeer expired_child(child_);
  run(expired_child.connect_and_read(acceptor_.local_endpoint()),
      exchange_greetings(accept(make_node("region-2", ca_), "region-2")));
  ASSERT_TRUE(parent_failure_);
  EXPECT_EQ(parent_failure_->kind(), ErrorKind::setup);
  EXPECT_THAT(parent_failure_->message(), HasSubstr("has expired"));

  ForeignPeer expired_parent(parent_);
  run(exchange_greetings(connect(make_node("district-b", ca_), "district-b")),
      expired_parent.accept_and_read(acceptor_));
  ASSERT_TRUE(child_failure_);
  EXPECT_EQ(child_failure_->kind(), ErrorKind::setup);
  EXPECT_THAT(child_failure_->message(), HasSubstr("has expired"));
  EXPECT_EQ(expired_parent.bytes_read(), 0U);
}

TEST_F(LinkTest, RefusesAPeerWithoutACertificate) {
  ForeignPeer nameless(std::nullopt);
  run(nameless.connect_and_read(acceptor_.local_endpoint()), exchange_greetings(accept(parent_)));
  ASSERT_TRUE(parent_failure_);
  EXPECT_EQ(parent_failure_->kind(), ErrorKind::setup);
  EXPECT_THAT(parent_failure_->message(), HasSubstr("gave no certificate"));
}

TEST_F(LinkTest, SaysWhenAPeerDoesNotSpeakTls) {
  run(
      [&]() -> Task<> {
        tcp::socket socket(co_await asio::this_coro::executor);
        co_await socket.async_connect(acceptor_.local_endpoint(), asio::use_awaitable);
        co_await asio::async_write(socket, asio::buffer("GET / HTTP/1.1\r\n\r\n", 18), asio::use_awaitable);
        char bytes[100];
        while (co_await socket.async_read_some(asio::buffer(bytes), asio::as_tuple(asio::use_awaitable)) ==
               std::tuple(boost::system::error_code(), size_t{7})) {
        }
      }(),
      exchange_greetings(accept(parent_)));
  ASSERT_TRUE(parent_failure_);
  EXPECT_EQ(parent_failure_->kind(), ErrorKind::protocol);
  EXPECT_THAT(parent_failure_->message(), HasSubstr("does not speak TLS"));
}

TEST_F(LinkTest, OwnFilesAreCheckedAtOnceAndNamed) {
  const auto failure_of = [](const TlsConfig& config, const std::string& name) -> std::string {
    try {
      TlsContext context(config, name);
    } catch (const Error& failure) {
      EXPECT_EQ(failure.kind(), ErrorKind::setup);
      return failure.message();
    }
    return "";
  };
  EXPECT_EQ(failure_of(child_, "district-a"), "");
  EXPECT_THAT(failure_of(child_, "district-b"), HasSubstr("does not bear the node's name, district-b"));
  TlsConfig config = child_;
  config.key = parent_.key;
  EXPECT_THAT(failure_of(config, "district-a"), HasSubstr("does not belong to the certificate"));
  config = child_;
  config.ca = directory_ / "none.pem";
  EXPECT_THAT(failure_of(config, "district-a"), HasSubstr(config.ca));
  config = child_;
  config.key = child_.certificate;
  EXPECT_THAT(failure_of(config, "district-a"), HasSubstr("cannot read the key " + config.key));
  config = child_;
  config.certificate = child_.key;
  EXPECT_THAT(failure_of(config, "district-a"), HasSubstr(config.certificate));
  let_expire(child_.certificate);
  EXPECT_THAT(failure_of(child_, "district-a"), HasSubstr("has expired"));
}

}  // namespace
}  // namespace tributary
