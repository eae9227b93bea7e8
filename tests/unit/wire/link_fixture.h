// Two ends of a link over loopback, with certificates of the program's own pki.
#pragma once

#include <gmock/gmock.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include <boost/asio/ip/tcp.hpp>
#include <filesystem>

#include "wire/pki.h"
#include "wire/tls.h"

namespace tributary {

using asio::ip::tcp;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr size_t kFrameMax = 8 << 20;

inline link::Frame ping(int64_t number) {
  link::Frame frame;
  frame.mutable_ping()->set_sent_at(number);
  return frame;
}

inline link::Frame batch(size_t bytes) {
  link::Frame frame;
  frame.mutable_batch()->set_payload(std::string(bytes, 'b'));
  return frame;
}

class LinkTest : public testing::Test {
 protected:
  LinkTest() : acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    make_ca({}, ca_, Overwrite::refuse);
    child_ = make_node("district-a", ca_);
    parent_ = make_node("region-1", ca_);
  }
  ~LinkTest() override { std::filesystem::remove_all(directory_); }

  TlsConfig make_node(const std::string& name, const PemPaths& ca) {
    const PemPaths node{directory_ / (name + ".pem"), directory_ / (name + ".key")};
    make_node_certificate({name, {}}, ca, node, Overwrite::allow);
    return {ca.certificate, node.certificate, node.key};
  }
  // The same certificate, signed anew with an end in the past.
  void let_expire(const std::string& certificate_path) {
    FILE* file = fopen(certificate_path.c_str(), "r");
    X509* certificate = PEM_read_X509(file, nullptr, nullptr, nullptr);
    fclose(file);
    file = fopen(ca_.key.c_str(), "r");
    EVP_PKEY* key = PEM_read_PrivateKey(file, nullptr, nullptr, nullptr);
    fclose(file);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), -60);
    ASSERT_GT(X509_sign(certificate, key, EVP_sha256()), 0);
    file = fopen(certificate_path.c_str(), "w");
    PEM_write_X509(file, certificate);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  std::string endpoint() const { return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  Task<std::unique_ptr<Link>> connect(TlsConfig config, std::string name = "district-a",
                                      std::string parent = "region-1") {
    co_return co_await Link::connect(endpoint(), TlsContext(config, name), parent, 5s);
  }
  Task<std::unique_ptr<Link>> accept(TlsConfig config, std::string name = "region-1") {
    tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
    co_return co_await Link::accept(std::move(socket), TlsContext(config, name), 5s);
  }
  // Runs both sides to their ends; what each threw is in child_failure_ and parent_failure_.
  void run(Task<> child, Task<> parent) {
    const auto note = [](std::optional<Error>& failure) {
      return [&failure](std::exception_ptr thrown) {
        try {
          if (thrown) std::rethrow_exception(thrown);
        } catch (const Error& error) {
          failure = error;
        }
      };
    };
    asio::co_spawn(io_, std::move(parent), note(parent_failure_));
    asio::co_spawn(io_, std::move(child), note(child_failure_));
    io_.restart();
    io_.run_for(20s);
    EXPECT_TRUE(io_.stopped()) << "a side did not come to its end";
  }
  static Task<> exchange_greetings(Task<std::unique_ptr<Link>> opening) {
    const auto link = co_await std::move(opening);
    co_await link->send(ping(1));
    co_await link->receive(kFrameMax);
  }

  static std::filesystem::path own_directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "link-test-XXXXXX").string();
    return mkdtemp(pattern.data());
  }

  const std::filesystem::path directory_ = own_directory();
  const PemPaths ca_{directory_ / "ca.pem", directory_ / "ca.key"};
  asio::io_context io_;
  tcp::acceptor acceptor_;
  TlsConfig child_, parent_;
  std::optional<Error> child_failure_, parent_failure_;
};

}  // namespace tributary
