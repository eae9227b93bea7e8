#include "monitor/http.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace tributary {
namespace {

using asio::ip::tcp;
using testing::HasSubstr;
using testing::StartsWith;

// A server on a free loopback port, and a client that sends some bytes and takes whatever comes until the end.
class HttpTest : public testing::Test {
 protected:
  StatusBoard board_{"district-a", "district", "0.1.0"};
  asio::io_context io_;

  void SetUp() override {
    board_.database().set_health(status::OK);
    board_.uplink().set_health(status::OK);
  }

  static Task<std::string> exchange(uint16_t port, std::string request) {
    tcp::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect({asio::ip::address_v4::loopback(), port}, asio::use_awaitable);
    constexpr auto kTupled = asio::as_tuple(asio::use_awaitable);
    co_await asio::async_write(socket, asio::buffer(request), kTupled);
    std::string response;
    co_await asio::async_read(socket, asio::dynamic_buffer(response), kTupled);
    co_return response;
  }

  static Task<> take(uint16_t port, std::string request, std::string& out) {
    out = co_await exchange(port, std::move(request));
  }

  Task<> converse(std::string request, size_t silent_clients, std::string& response) {
    auto acceptor = listen_http(io_.get_executor(), "127.0.0.1:0");
    const auto endpoint = acceptor.local_endpoint();
    std::vector<tcp::socket> silent;
    for (size_t i = 0; i < silent_clients; ++i) silent.emplace_back(io_).connect(endpoint);
    co_await until_one_ends(serve_http(std::move(acceptor), board_),
                            take(endpoint.port(), std::move(request), response));
  }

  // The answer to `request` while some others have connected and say nothing.
  std::string ask(const std::string& request, size_t silent_clients = 0) {
    std::string response;
    std::exception_ptr failure;
    asio::co_spawn(io_, converse(request, silent_clients, response),
                   [&](std::exception_ptr error) { failure = error; });
    io_.run();
    if (failure) std::rethrow_exception(failure);
    return response;
  }
};

std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}
std::string body_of(const std::string& response) {
  return response.substr(response.find("\r\n\r\n") + 4);
}

TEST_F(HttpTest, HealthzAnswers) {
  const auto response = ask(get("/healthz"));
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(response, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_EQ(body_of(response), "ok\n");
}

TEST_F(HttpTest, StatusIsJsonThatReadsBackAsTheStatus) {
  board_.child("village").set_state("connected");
  const auto response = ask(get("/status?pretty"));
  EXPECT_THAT(response, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(response, HasSubstr("\"applied_position\": \"\""));  // the names of the .proto, values also when empty
  status::NodeStatus node;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(body_of(response), &node).ok());
  EXPECT_EQ(node.node(), "district-a");
  EXPECT_EQ(node.health(), status::OK);
  EXPECT_EQ(node.children(0).node(), "village");
  EXPECT_FALSE(node.has_capture());
}

TEST_F(HttpTest, HeadHasTheHeadersOfGetAndNoBody) {
  const auto response = ask("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("Content-Length: 3\r\n"));
  EXPECT_EQ(body_of(response), "");
}

TEST_F(HttpTest, PostIsRefusedAlsoWithABodyThatNobodyReads) {
  const auto response =
      ask("POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + std::string(100000, 'x'));
  EXPECT_THAT(response, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(response, HasSubstr("Allow: GET, HEAD\r\n"));
}

TEST_F(HttpTest, AnUnknownPathIsNotFound) {
  EXPECT_THAT(ask(get("/passwords")), StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpTest, TheRootPointsToTheStatus) {
  EXPECT_THAT(body_of(ask(get("/"))), HasSubstr("/status"));
}

TEST_F(HttpTest, AHeadThatIsTooLargeIsRefused) {
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpTest, WhatIsNoProperRequestIsRefused) {
  for (const std::string request : {
           "GET /healthz HTTP/1.1\r\n\r\n",                                     // no Host
           "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",               // two
           "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",  // a body
           "GET http://elsewhere/ HTTP/1.1\r\nHost: a\r\n\r\n",                 // a proxy's request
           "GET /healthz HTTP/3.0\r\nHost: a\r\n\r\n",
           "\x16\x03\x01\x02 nonsense\r\n\r\n",  // TLS
       })
    EXPECT_THAT(answer_http(request.substr(0, request.find("\r\n\r\n") + 4), board_), StartsWith("HTTP/1.1 400 "))
        << request;
}

TEST_F(HttpTest, ReadyzSaysWhyTheNodeIsNotReady) {
  EXPECT_THAT(answer_http(get("/readyz"), board_), StartsWith("HTTP/1.1 200 "));
  board_.uplink().set_health(status::OFFLINE);
  board_.uplink().set_message("connection refused");
  board_.set_notice("uplink", status::OFFLINE, "connection refused", "");
  const auto response = ask(get("/readyz"));
  EXPECT_THAT(response, StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(body_of(response), "uplink: offline: connection refused\n");
}

TEST_F(HttpTest, AHeldChildDoesNotMakeTheNodeUnready) {
  board_.child("village").set_health(status::HELD);
  board_.set_notice("child village", status::HELD, "a duplicate key", "");
  EXPECT_THAT(answer_http(get("/readyz"), board_), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpTest, SilentClientsDoNotKeepOthersFromTheirAnswerAndStoppingIsImmediate) {
  const auto began = Clock::now();
  EXPECT_EQ(body_of(ask(get("/healthz"), 60)), "ok\n");
  EXPECT_LT(Clock::now() - began, std::chrono::seconds(5));
}

TEST_F(HttpTest, AnAddressInUseIsSaidWithAHint) {
  const auto first = listen_http(io_.get_executor(), "127.0.0.1:0");
  const auto address = "127.0.0.1:" + std::to_string(first.local_endpoint().port());
  try {
    listen_http(io_.get_executor(), address);
    FAIL() << "two servers listen at " << address;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::setup);
    EXPECT_THAT(error.message(), HasSubstr(address + " is in use"));
    EXPECT_THAT(error.hint(), HasSubstr("[status] listen"));
  }
}

TEST_F(HttpTest, AddressesThatAreNoneAreRefused) {
  for (const char* address : {"", "7480", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "example.org:80", ":7480"})
    EXPECT_THROW(listen_http(io_.get_executor(), address), Error) << address;
  EXPECT_NO_THROW(listen_http(io_.get_executor(), "[::1]:0"));
}

}  // namespace
}  // namespace tributary
