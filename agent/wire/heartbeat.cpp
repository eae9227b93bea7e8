#include "wire/heartbeat.h"

#include "base/clock.h"
#include "wire/protocol.h"

namespace tributary {

Task<> Heartbeat::run() {
  has_unanswered_.emplace(co_await asio::this_coro::executor);
  has_unanswered_->notify();
  co_await until_one_ends(ping_when_silent(), watch_for_silence(), send_pongs());
}

void Heartbeat::answer(const link::Ping& ping) {
  unanswered_ = ping;
  if (has_unanswered_) has_unanswered_->notify();
}

Task<> Heartbeat::send_pongs() {
  for (;;) {
    co_await has_unanswered_->wait();
    if (!unanswered_) continue;
    link::Frame frame;
    frame.mutable_pong()->set_ping_sent_at(unanswered_->sent_at());
    frame.mutable_pong()->set_sent_at(unix_milliseconds_now());
    unanswered_.reset();
    co_await link_.send(frame);
  }
}

Task<> Heartbeat::ping() {
  link::Frame frame;
  frame.mutable_ping()->set_sent_at(unix_milliseconds_now());
  co_await link_.send(frame);
}

// Silence in either direction: while a large row comes in for minutes, its sender has to hear something too.
Task<> Heartbeat::ping_when_silent() {
  uint64_t heard_bytes = 0, said_bytes = 0;
  Clock::time_point last_ping{};
  for (;;) {
    const bool is_silent = link_.bytes_received() == heard_bytes || link_.bytes_sent() == said_bytes;
    heard_bytes = link_.bytes_received();
    if (is_silent || Clock::now() - last_ping >= kProbeInterval) {
      last_ping = Clock::now();
      co_await ping();
    }
    said_bytes = link_.bytes_sent();
    co_await sleep_for(interval_);
  }
}

// Beside the pings: when the peer reads nothing any more, they are not sent either.
Task<> Heartbeat::watch_for_silence() {
  uint64_t heard_bytes = link_.bytes_received();
  auto last_heard = Clock::now();
  for (;;) {
    co_await sleep_for(kPingInterval);
    if (link_.bytes_received() != heard_bytes) {
      heard_bytes = link_.bytes_received();
      last_heard = Clock::now();
    } else if (Clock::now() - last_heard >= kSilenceMax) {
      throw Error(ErrorKind::connection, peer_ + " has been silent for too long");
    }
  }
}

}  // namespace tributary
