#include "intake/session.h"

#include "base/clock.h"
#include "intake/grant.h"
#include "wire/convert.h"
#include "wire/protocol.h"

namespace tributary {
namespace {

constexpr size_t kWantBytesMax = kControlFrameBytesMax / 2;

}  // namespace

Task<std::unique_ptr<IntakeSession>> IntakeSession::greet(std::unique_ptr<Link> link, std::string our_name,
                                                          const IntakeConfig& intake) {
  const link::Frame frame =
      co_await with_deadline(kConnectTimeout, "the child's greeting", link->receive(kControlFrameBytesMax));
  const std::optional<Denial> denial = judge_greeting(frame, link->peer_names(), our_name, intake);
  if (denial) {
    co_await with_deadline(kConnectTimeout, "refusing a child",
                           link->send(refusal_frame(denial->code, denial->message, denial->hint)));
    const std::string address = link->peer_address();
    co_await link->finish();
    throw Error(ErrorKind::refused, "refused " + address + ": " + denial->message, denial->hint);
  }
  const link::Hello& hello = frame.hello();
  const Uuid instance = Uuid::from_bytes(hello.instance());
  std::set<std::string> tables(hello.tables().begin(), hello.tables().end());
  Position head;
  if (hello.has_head()) head = position_from(hello.head());
  co_return std::unique_ptr<IntakeSession>(
      new IntakeSession(std::move(link), hello.node(), instance, std::move(tables), head));
}

IntakeSession::IntakeSession(std::unique_ptr<Link> link, std::string node, Uuid instance, std::set<std::string> tables,
                             Position head)
    : link_(std::move(link)), node_(std::move(node)), instance_(instance), tables_(std::move(tables)), head_(head) {}

Task<> IntakeSession::welcome(std::string our_name, Want state, Tiers tiers) {
  const Position applied = state.at;
  std::vector<Want> pieces = Want::split(std::move(state), kWantBytesMax);
  link::Frame frame;
  link::Welcome& welcome = *frame.mutable_welcome();
  welcome.set_protocol_version(kProtocolVersion);
  welcome.set_node(our_name);
  write_position(welcome.mutable_applied(), applied);
  welcome.set_window_bytes(kWindowBytes);
  welcome.set_frame_bytes_max(kFrameBytesMax);
  write_want(welcome.mutable_want(), pieces.front());
  write_tiers(welcome.mutable_tiers(), tiers);
  reached_ = applied;
  co_await link_->send(frame);
  for (size_t i = 1; i < pieces.size(); ++i) co_await want(std::move(pieces[i]));
}

Task<> IntakeSession::want(Want want) {
  for (const Want& piece : Want::split(std::move(want), kWantBytesMax)) {
    link::Frame frame;
    write_want(frame.mutable_want(), piece);
    co_await link_->send(frame);
  }
}

Task<> IntakeSession::refuse(link::RefusalCode code, std::string message, std::string hint) {
  try {
    co_await with_deadline(std::chrono::seconds(2), "refusing a child",
                           link_->send(refusal_frame(code, message, hint)));
    co_await link_->finish();
  } catch (const Error&) {
    // The child is gone; there is nobody to tell.
  }
}

Task<IntakeSession::Inbound> IntakeSession::receive() {
  for (;;) {
    link::Frame frame = co_await link_->receive(kFrameBytesMax);
    switch (frame.body_case()) {
      case link::Frame::kBatch: {
        Batch batch = batch_from(std::move(*frame.mutable_batch()), kRawBytesMax, reached_);
        if (!receipts_.has_room(kWindowBytes))
          throw Error(ErrorKind::protocol, "the child sent more than its window allows");
        receipts_.received(batch);
        reached_ = batch.to;
        co_return batch;
      }
      case link::Frame::kRelation: co_return relation_from(frame.relation());
      case link::Frame::kStatusReport: co_return std::move(*frame.mutable_status_report());
      case link::Frame::kPing: heartbeat_.answer(frame.ping()); break;
      case link::Frame::kPong: break;
      case link::Frame::kRefusal: throw error_from(frame.refusal(), node_);
      case link::Frame::kHello:
      case link::Frame::kWelcome:
      case link::Frame::kAck:
      case link::Frame::kWant:
      case link::Frame::BODY_NOT_SET: throw Error(ErrorKind::protocol, "the child sent a frame out of place");
    }
  }
}

Task<> IntakeSession::acknowledge(Position applied, uint64_t consumed_bytes, std::optional<link::Hold> hold,
                                  std::optional<Tiers> tiers) {
  link::Frame frame;
  *frame.mutable_ack() = receipts_.acknowledge(applied, consumed_bytes);
  if (hold) *frame.mutable_ack()->mutable_hold() = std::move(*hold);
  if (tiers) write_tiers(frame.mutable_ack()->mutable_tiers(), *tiers);
  co_await link_->send(frame);
}

}  // namespace tributary
