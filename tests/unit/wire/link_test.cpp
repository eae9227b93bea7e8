#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>

#include "unit/wire/link_fixture.h"

namespace tributary {
namespace {

TEST_F(LinkTest, CarriesFramesBothWays) {
  run(
      [&]() -> Task<> {
        const auto link = co_await connect(child_);
        EXPECT_THAT(link->peer_names(), ElementsAre("region-1"));
        EXPECT_EQ(link->peer_address(), endpoint());
        co_await link->send(batch(5 << 20));
        EXPECT_EQ((co_await link->receive(kFrameMax)).ping().sent_at(), 7);
        EXPECT_GT(link->bytes_sent(), 5U << 20);
        EXPECT_LT(link->bytes_received(), 20U);
      }(),
      [&]() -> Task<> {
        const auto link = co_await accept(parent_);
        EXPECT_THAT(link->peer_names(), ElementsAre("district-a"));
        EXPECT_THAT(link->peer_address(), HasSubstr("127.0.0.1:"));
        EXPECT_EQ((co_await link->receive(kFrameMax)).batch().payload().size(), 5U << 20);
        co_await link->send(ping(7));
        co_await link->finish();
      }());
  EXPECT_FALSE(child_failure_) << child_failure_->what();
  EXPECT_FALSE(parent_failure_) << parent_failure_->what();
}

TEST_F(LinkTest, SendsWholeFramesInTheOrderOfTheCallsOfManySenders) {
  run(
      [&]() -> Task<> {
        const auto link = co_await connect(child_);
        const auto executor = co_await asio::this_coro::executor;
        for (int i = 0; i < 50; ++i)
          asio::co_spawn(
              executor,
              [&link, i]() -> Task<> {
                const link::Frame frame = i % 5 == 3 ? batch(100'000) : ping(i);
                co_await link->send(frame);
              },
              asio::detached);
        EXPECT_TRUE((co_await link->receive(kFrameMax)).has_pong());
      }(),
      [&]() -> Task<> {
        const auto link = co_await accept(parent_);
        for (int i = 0; i < 50; ++i) {
          const link::Frame frame = co_await link->receive(kFrameMax);
          if (i % 5 == 3)
            EXPECT_EQ(frame.batch().payload().size(), 100'000U) << i;
          else
            EXPECT_EQ(frame.ping().sent_at(), i);
        }
        link::Frame done;
        done.mutable_pong();
        co_await link->send(done);
        co_await link->finish();
      }());
  EXPECT_FALSE(child_failure_) << child_failure_->what();
  EXPECT_FALSE(parent_failure_) << parent_failure_->what();
}

TEST_F(LinkTest, TheLastWordsOfASessionArrive) {
  run(
      [&]() -> Task<> {
        const auto link = co_await connect(child_);
        for (int i = 0; i < 20; ++i) co_await link->send(batch(10'000));
        EXPECT_EQ((co_await link->receive(kFrameMax)).refusal().message(), "no");
        co_await link->receive(kFrameMax);
      }(),
      [&]() -> Task<> {
        const auto link = co_await accept(parent_);
        link::Frame refusal;
        refusal.mutable_refusal()->set_message("no");
        co_await link->send(refusal);
        co_await link->finish();
      }());
  ASSERT_TRUE(child_failure_);
  EXPECT_EQ(child_failure_->kind(), ErrorKind::connection);
  EXPECT_THAT(child_failure_->message(), HasSubstr("closed the connection"));
  EXPECT_FALSE(parent_failure_) << parent_failure_->what();
}

TEST_F(LinkTest, AnOversizedFrameIsRefusedBeforeItIsRead) {
  run(
      [&]() -> Task<> {
        const auto link = co_await connect(child_);
        co_await link->send(batch(1 << 20));
        co_await link->receive(kFrameMax);
      }(),
      [&]() -> Task<> {
        const auto link = co_await accept(parent_);
        co_await link->receive(1000);
      }());
  ASSERT_TRUE(parent_failure_);
  EXPECT_EQ(parent_failure_->kind(), ErrorKind::protocol);
  ASSERT_TRUE(child_failure_);
  EXPECT_EQ(child_failure_->kind(), ErrorKind::connection);
}

TEST_F(LinkTest, ASilentPeerDoesNotHoldAHandshakeForEver) {
  run(
      [&]() -> Task<> {
        tcp::socket socket(co_await asio::this_coro::executor);
        co_await socket.async_connect(acceptor_.local_endpoint(), asio::use_awaitable);
        char byte;
        co_await socket.async_read_some(asio::buffer(&byte, 1), asio::as_tuple(asio::use_awaitable));
      }(),
      [&]() -> Task<> {
        tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
        co_await Link::accept(std::move(socket), TlsContext(parent_, "region-1"), 50ms);
      }());
  ASSERT_TRUE(parent_failure_);
  EXPECT_EQ(parent_failure_->kind(), ErrorKind::connection);
  EXPECT_THAT(parent_failure_->message(), HasSubstr("took too long"));
}

TEST_F(LinkTest, SaysWhichEndpointItCannotReach) {
  const std::string nowhere = endpoint();
  acceptor_.close();
  const auto connect_to = [&](std::string target) -> Task<> {
    co_await Link::connect(target, TlsContext(child_, "district-a"), "region-1", 5s);
  };
  run(connect_to(nowhere), connect_to("no port"));
  ASSERT_TRUE(child_failure_);
  EXPECT_EQ(child_failure_->kind(), ErrorKind::connection);
  EXPECT_THAT(child_failure_->message(), HasSubstr(nowhere));
  ASSERT_TRUE(parent_failure_);
  EXPECT_EQ(parent_failure_->kind(), ErrorKind::config);
}

TEST_F(LinkTest, ClosingEndsAPendingReceive) {
  run(
      [&]() -> Task<> {
        const auto link = co_await connect(child_);
        asio::post(io_, [&link] { link->close(); });
        co_await link->receive(kFrameMax);
      }(),
      exchange_greetings(accept(parent_)));
  ASSERT_TRUE(child_failure_);
  EXPECT_EQ(child_failure_->kind(), ErrorKind::connection);
}

}  // namespace
}  // namespace tributary
