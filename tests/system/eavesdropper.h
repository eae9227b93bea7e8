// Somebody between a child and its parent who holds both certificates: passes every frame on, and keeps what the child
// said, opened.
//
//   child ══TLS══▶ Eavesdropper ══TLS══▶ parent
#pragma once

#include <atomic>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <mutex>
#include <string>
#include <thread>

#include "base/listen.h"
#include "base/task.h"
#include "change/compression.h"
#include "support/hierarchy.h"
#include "wire/protocol.h"
#include "wire/tls.h"

namespace tributary::test {

class Eavesdropper {
 public:
  // Of the child's link to its parent. Writes the child's configuration: its agent starts behind it.
  explicit Eavesdropper(Node& child, const Pki& pki)
      : child_(child.name()),
        parent_(child.parent()->name()),
        parent_endpoint_("127.0.0.1:" + std::to_string(child.parent()->intake_port())),
        as_parent_(credentials(pki, parent_), parent_),
        as_child_(credentials(pki, child_), child_) {
    const uint16_t port = free_port();
    std::string config = read_file(child.agent().config_file());
    const std::string endpoint = "127.0.0.1:" + std::to_string(child.link().port());
    config.replace(config.find(endpoint), endpoint.size(), "127.0.0.1:" + std::to_string(port));
    child.agent().write_config(config);
    asio::co_spawn(context_,
                   accept(listen_on(context_.get_executor(), "127.0.0.1:" + std::to_string(port), "test", "test")),
                   asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Eavesdropper() {
    context_.stop();
    thread_.join();
  }
  Eavesdropper(const Eavesdropper&) = delete;
  Eavesdropper& operator=(const Eavesdropper&) = delete;

  // Every frame of the child, and every payload, as they are when opened.
  std::string heard() const {
    const std::lock_guard guard(mutex_);
    return heard_;
  }

 private:
  static TlsConfig credentials(const Pki& pki, const std::string& node) {
    return {pki.ca().string(), pki.certificate(node).string(), pki.key(node).string()};
  }
  Task<> accept(asio::ip::tcp::acceptor acceptor) {
    for (;;) {
      auto socket = co_await acceptor.async_accept(asio::use_awaitable);
      asio::co_spawn(context_, serve(std::move(socket)), asio::detached);
    }
  }
  Task<> serve(asio::ip::tcp::socket socket) {
    try {
      const auto below = co_await Link::accept(std::move(socket), as_parent_, std::chrono::seconds(15));
      const auto above = co_await Link::connect(parent_endpoint_, as_child_, parent_, std::chrono::seconds(15));
      co_await until_one_ends(pass_on(*below, *above, true), pass_on(*above, *below, false));
    } catch (const std::exception&) {
      // The session has ended; the child begins another.
    }
  }
  Task<> pass_on(Link& from, Link& to, bool is_heard) {
    for (;;) {
      const link::Frame frame = co_await from.receive(kFrameBytesMax);
      if (is_heard) hear(frame);
      co_await to.send(frame);
    }
  }
  void hear(const link::Frame& frame) {
    const std::lock_guard guard(mutex_);
    heard_ += frame.SerializeAsString();
    if (frame.batch().raw_bytes() > 0) heard_ += decompress(frame.batch().payload(), frame.batch().raw_bytes());
  }

  const std::string child_, parent_, parent_endpoint_;
  const TlsContext as_parent_, as_child_;
  asio::io_context context_;
  mutable std::mutex mutex_;
  std::string heard_;
  std::thread thread_;
};

}  // namespace tributary::test
