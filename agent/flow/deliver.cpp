#include "flow/deliver.h"

#include <spdlog/spdlog.h>

#include <set>
#include <utility>

#include "base/clock.h"
#include "base/on_failure.h"
#include "base/version.h"
#include "monitor/news.h"
#include "monitor/words.h"
#include "uplink/outgoing.h"
#include "uplink/session.h"

namespace tributary {
namespace {

constexpr size_t kBatchesPerRead = 4096;  // small ones are merged
constexpr uint64_t kBytesPerRead = 4 << 20;
constexpr auto kStatusInterval = std::chrono::seconds(5);
constexpr auto kQueueCareInterval = std::chrono::seconds(30);

// `stored` follows `place`: ready for the link. Moves `place` behind it.
std::vector<Batch> prepare(std::vector<StoredBatch> stored, Queue::Place& place) {
  std::vector<Batch> batches;
  if (place.rest) batches.push_back(*std::exchange(place.rest, std::nullopt));
  for (StoredBatch& entry : stored) {
    place.after_id = entry.id;
    batches.push_back(std::move(entry.batch));
  }
  return outgoing(std::move(batches));
}

bool is_little(const std::vector<StoredBatch>& stored) {
  uint64_t bytes = 0;
  for (const StoredBatch& entry : stored) bytes += entry.batch.raw_bytes;
  return bytes <= kSmallBytes;
}

// What lies in the queue after `place`, ready for the link; moves `place` behind it.
Task<std::vector<Batch>> next_batches(Delivery& delivery, Queue::Place& place) {
  auto recent = delivery.queue.read_recent(place.after_id);
  if (recent && !place.rest && is_little(*recent)) co_return prepare(std::move(*recent), place);
  co_return co_await delivery.queue_reader.run(
      [&] { return prepare(delivery.queue.read_after(place.after_id, kBatchesPerRead, kBytesPerRead), place); });
}

Task<> send_batches(Delivery& delivery, UplinkSession& session, Queue::Place place) {
  std::set<uint64_t> announced;
  const auto announce = [&](uint64_t shape) -> Task<> {
    if (!announced.insert(shape).second) co_return;
    const Relation relation = co_await delivery.queue_reader.run([&] { return delivery.queue.relation(shape); });
    co_await session.send_relation(relation);
  };
  // The shapes that will come next: the parent says at once what does not fit.
  const auto latest = co_await delivery.queue_reader.run([&] { return delivery.queue.latest_relations(); });
  for (const Relation& relation : latest)
    if (announced.insert(relation.shape_id()).second) co_await session.send_relation(relation);

  for (;;) {
    while (delivery.pauses.sending_since() != 0) co_await delivery.appended.wait();
    // Read no sooner than it can be sent: what is stored meanwhile may go with it.
    co_await session.wait_for_room();
    std::vector<Batch> batches = co_await next_batches(delivery, place);
    for (Batch& batch : batches) {
      for (const uint64_t shape : batch.relations) co_await announce(shape);
      co_await session.send_batch(std::move(batch));
    }
    auto& status = delivery.board.uplink();
    status.set_sent_position(session.window().sent_position().to_string());
    status.set_batches_in_flight(session.window().batches_in_flight());
    if (batches.empty()) co_await delivery.appended.wait();
  }
}

// Whether the stream goes on, as the parent says, or a person here.
void show_flow(Delivery& delivery, const Acknowledgement& said) {
  const std::string& parent = delivery.config.parent->name;
  const auto show = [&](const char* state, status::Health health, const std::string& message) {
    auto& status = delivery.board.uplink();
    status.set_state(state);
    status.set_health(health);
    status.set_message(message);
  };
  if (said.is_held && said.is_paused) {
    const std::string words = "paused there since " + time_in_words(said.held_since, unix_milliseconds_now());
    show("paused", status::ATTENTION, words);
    delivery.board.set_notice("uplink", status::ATTENTION,
                              parent + " does not apply what this node sends: " + words + "; it waits here",
                              "to go on, at " + parent + ": tributary resume " + delivery.config.node.name);
    return;
  }
  if (said.is_held) {
    show("held", status::HELD, said.hold_reason);
    delivery.board.set_notice("uplink", status::HELD, parent + " holds this node's stream: " + said.hold_reason,
                              said.hold_hint);
    return;
  }
  delivery.board.clear_notice("uplink");
  if (const int64_t since = delivery.pauses.sending_since(); since != 0)
    show("paused", status::ATTENTION, "paused here since " + time_in_words(since, unix_milliseconds_now()));
  else
    show("connected", status::OK, {});
}

// What a person pauses or resumes here shows at once.
Task<> show_pauses(Delivery& delivery, const Acknowledgement& said) {
  for (;;) {
    co_await delivery.pauses.for_uplink().wait();
    show_flow(delivery, said);
    delivery.appended.notify();
  }
}

Task<> take_acknowledgements(Delivery& delivery, UplinkSession& session, Signal& moved, DeliveryMemory& memory,
                             Acknowledgement& said) {
  for (;;) {
    const UplinkSession::News news = co_await session.next_news();
    if (const auto* want = std::get_if<Want>(&news)) {
      delivery.parent.take(*want);
      delivery.heard.notify();
      continue;
    }
    const auto& acknowledgement = std::get<Acknowledgement>(news);
    if (acknowledgement.tiers) delivery.above.heard(acknowledgement.applied.stream, *acknowledgement.tiers);
    delivery.heard.notify();
    const bool is_news = acknowledgement.is_held || said.is_held;
    said = acknowledgement;
    if (is_news) show_flow(delivery, said);
    if (!acknowledgement.is_moved) continue;
    delivery.parent.applied(acknowledgement.applied);
    memory.has_progressed = true;
    moved.notify();
  }
}

// The queue learns what is applied; several acknowledgements at once become one write.
Task<> store_acknowledgements(Delivery& delivery, UplinkSession& session, Signal& moved) {
  for (;;) {
    const Position applied = session.applied_position();
    co_await delivery.queue_writer.run([&] { delivery.queue.acknowledge(applied); });
    delivery.board.uplink().set_applied_position(applied.to_string());
    delivery.board.uplink().set_batches_in_flight(session.window().batches_in_flight());
    co_await moved.wait_for(kQueueCareInterval);
  }
}

Task<> report_status(Delivery& delivery, UplinkSession& session) {
  std::string said;
  Clock::time_point news_after{}, figures_after{};
  for (;;) {
    delivery.board.uplink().set_round_trip_ms(session.round_trip_ms());
    delivery.board.uplink().set_clock_offset_ms(session.clock_offset_ms());
    const status::NodeStatus report = delivery.board.report_for_parent();
    std::string news = without_figures(report).SerializeAsString();
    const auto now = Clock::now();
    if (now >= figures_after || (now >= news_after && news != said)) {
      co_await session.send_status(report);
      said = std::move(news);
      news_after = now + pause_before_news(report.ByteSizeLong());
      figures_after = now + pause_before_figures(report.ByteSizeLong());
    }
    co_await sleep_for(kStatusInterval);
  }
}

// Capture begins the stream; before that there is nothing to greet with.
Task<> wait_for_stream(Delivery& delivery) {
  for (;;) {
    const StreamRecord record = co_await delivery.queue_writer.run([&] { return delivery.queue.stream_record(); });
    if (!record.stream.is_nil() && record.break_reason.empty()) co_return;
    co_await delivery.appended.wait_for(std::chrono::milliseconds(200));
  }
}

// The parent's position is not in our queue: nothing that we could send follows it.
Task<> give_up_stream(Delivery& delivery, Position parents) {
  const std::string reason = "the parent's position " + parents.to_string() +
                             " is not in the queue: one of the two databases, " +
                             "or the queue, was restored or cloned, or the parent was without this node for too long";
  co_await delivery.queue_writer.run([&] {
    StreamRecord record = delivery.queue.stream_record();
    record.break_reason = reason;
    record.break_after = parents;
    delivery.queue.store_stream_record(record);
  });
  delivery.restart_capture();
  throw Error(ErrorKind::stream_lost, reason);
}

}  // namespace

Task<> deliver_once(Delivery delivery, DeliveryMemory& memory) {
  const ParentConfig& parent = *delivery.config.parent;
  auto& status = delivery.board.uplink();
  memory.has_progressed = false;
  status.set_parent(parent.name);
  status.set_state("connecting");
  if (!status.offline_since()) status.set_offline_since(unix_milliseconds_now());

  co_await wait_for_stream(delivery);
  const TlsContext context(delivery.config.tls, delivery.config.node.name);
  Greeting greeting{
      delivery.config.node.name, delivery.queue.instance(), std::string("tributary ") + kVersion, parent.name, {}};
  for (const TableConfig& table : delivery.config.tables) greeting.tables.push_back(table.full_name());
  greeting.head = delivery.queue.head();

  std::unique_ptr<UplinkSession> session;
  std::optional<Error> failure;
  for (size_t attempt = 0; !session && attempt < parent.endpoints.size(); ++attempt) {
    const std::string address = parent.endpoints[memory.endpoint % parent.endpoints.size()];
    status.set_endpoint(address);
    try {
      session = co_await UplinkSession::open(address, context, greeting);
    } catch (const Error& error) {
      failure = error;
      ++memory.endpoint;
    }
  }
  if (!session) throw *failure;

  const Position applied = session->applied_position();
  auto place = co_await delivery.queue_reader.run([&] { return delivery.queue.find(applied); });
  if (!place) co_await give_up_stream(delivery, applied);

  Acknowledgement said;  // last
  show_flow(delivery, said);
  status.set_connected_since(unix_milliseconds_now());
  status.set_offline_since(0);
  spdlog::info("uplink: connected to {} at {}, continuing after {}", parent.name, session->peer_address(),
               applied.to_string());

  delivery.parent.welcome(applied, session->welcomed());
  delivery.above.heard(applied.stream, session->welcomed_tiers().value_or(Tiers{}));
  delivery.heard.notify();
  const std::shared_ptr<void> leave(nullptr, [&delivery](void*) { delivery.parent.disconnected(); });
  Signal moved(co_await asio::this_coro::executor);
  // Cancellation alone does not reach every wait inside TLS: the first task to fail takes the link away from the
  // others.
  const auto close_link = [&session] { session->close(); };
  co_await until_one_ends(on_failure(close_link, send_batches(delivery, *session, std::move(*place))),
                          on_failure(close_link, take_acknowledgements(delivery, *session, moved, memory, said)),
                          on_failure(close_link, show_pauses(delivery, said)),
                          on_failure(close_link, store_acknowledgements(delivery, *session, moved)),
                          on_failure(close_link, report_status(delivery, *session)),
                          on_failure(close_link, session->keep_alive()));
}

}  // namespace tributary
