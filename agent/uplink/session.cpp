#include "uplink/session.h"

#include "base/clock.h"
#include "change/compression.h"
#include "wire/convert.h"
#include "wire/protocol.h"

namespace tributary {

Task<std::unique_ptr<UplinkSession>> UplinkSession::open(std::string endpoint, TlsContext context,
                                                         const Greeting& greeting) {
  auto executor = co_await asio::this_coro::executor;
  auto link = co_await Link::connect(std::move(endpoint), std::move(context), greeting.parent, kConnectTimeout);
  link::Frame frame;
  link::Hello& hello = *frame.mutable_hello();
  hello.set_protocol_version(kProtocolVersion);
  hello.set_node(greeting.node);
  hello.set_instance(greeting.instance.to_bytes());
  hello.set_software(greeting.software);
  hello.set_parent(greeting.parent);
  for (const std::string& table : greeting.tables) hello.add_tables(table);
  write_position(hello.mutable_head(), greeting.head);
  co_await with_deadline(kConnectTimeout, "greeting the parent", link->send(frame));
  const link::Frame answer =
      co_await with_deadline(kWelcomeTimeout, "the parent's welcome", link->receive(kControlFrameBytesMax));
  if (answer.has_refusal()) throw error_from(answer.refusal(), greeting.parent);
  if (!answer.has_welcome()) throw Error(ErrorKind::protocol, "the parent answered the greeting with something else");
  if (answer.welcome().protocol_version() != kProtocolVersion)
    throw Error(ErrorKind::protocol,
                "the parent speaks protocol version " + std::to_string(answer.welcome().protocol_version()) +
                    ", this agent " + std::to_string(kProtocolVersion),
                "upgrade the older of the two");
  co_return std::unique_ptr<UplinkSession>(new UplinkSession(std::move(link), executor, answer.welcome()));
}

UplinkSession::UplinkSession(std::unique_ptr<Link> link, const asio::any_io_executor& executor,
                             const link::Welcome& welcome)
    : link_(std::move(link)),
      window_(position_from(welcome.applied()), welcome.window_bytes()),
      room_(executor),
      frame_bytes_max_(welcome.frame_bytes_max()),
      welcomed_(want_from(welcome.want())) {
  if (welcome.has_tiers()) welcomed_tiers_ = tiers_from(welcome.tiers());
}

Task<> UplinkSession::send_relation(const Relation& relation) {
  link::Frame frame;
  write_relation(frame.mutable_relation(), relation);
  co_await link_->send(frame);
}

Task<> UplinkSession::wait_for_room() {
  while (!window_.has_room()) co_await room_.wait();
}

Task<> UplinkSession::send_batch(Batch batch) {
  co_await wait_for_room();
  if (batch.payload.size() + kFrameOverheadMax > frame_bytes_max_)
    throw Error(ErrorKind::setup,
                "a change of " + std::to_string(batch.payload.size() >> 20) +
                    " MiB, compressed, is more than the parent takes (" + std::to_string(frame_bytes_max_ >> 20) +
                    " MiB)",
                "leave the column with such values out of [[table]] columns, or bring them over in another way");
  const Position reached = window_.sent_position();
  window_.sent(batch.to, batch.is_last_part, bytes_in_flight(batch));
  const bool is_plain = !is_compressed(batch.payload);
  link::Frame frame;
  write_next_batch(frame.mutable_batch(), std::move(batch), reached);
  if (is_plain)
    co_await link_->send_packed(frame);
  else
    co_await link_->send(frame);
}

Task<> UplinkSession::send_status(const status::NodeStatus& report) {
  link::Frame frame;
  *frame.mutable_status_report() = report;
  co_await link_->send_packed(frame);
}

Task<UplinkSession::News> UplinkSession::next_news() {
  for (;;) {
    const link::Frame frame = co_await link_->receive(kControlFrameBytesMax);
    switch (frame.body_case()) {
      case link::Frame::kAck: {
        const link::Ack& ack = frame.ack();
        Acknowledgement acknowledgement;
        acknowledgement.is_moved = ack.has_applied()
                                       ? window_.acknowledged(position_from(ack.applied()), ack.consumed_bytes())
                                       : window_.acknowledged_batches(ack.batches(), ack.chain());
        acknowledgement.applied = window_.applied_position();
        acknowledgement.is_held = ack.has_hold();
        acknowledgement.hold_reason = ack.hold().reason();
        acknowledgement.hold_hint = ack.hold().hint();
        acknowledgement.is_paused = ack.hold().is_pause();
        acknowledgement.held_since = ack.hold().since();
        if (ack.has_tiers()) acknowledgement.tiers = tiers_from(ack.tiers());
        room_.notify();
        co_return acknowledgement;
      }
      case link::Frame::kWant: co_return want_from(frame.want());
      case link::Frame::kPing: heartbeat_.answer(frame.ping()); break;
      case link::Frame::kPong: {
        const int64_t now = unix_milliseconds_now();
        round_trip_ms_ = static_cast<double>(now - frame.pong().ping_sent_at());
        clock_offset_ms_ = static_cast<double>(frame.pong().sent_at()) - static_cast<double>(now) + round_trip_ms_ / 2;
        break;
      }
      case link::Frame::kRefusal: throw error_from(frame.refusal(), "the parent");
      case link::Frame::kHello:
      case link::Frame::kWelcome:
      case link::Frame::kRelation:
      case link::Frame::kBatch:
      case link::Frame::kStatusReport:
      case link::Frame::BODY_NOT_SET:
        throw Error(ErrorKind::protocol, "the parent sent a frame that only a child may send");
    }
  }
}

}  // namespace tributary
