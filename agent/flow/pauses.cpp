#include "flow/pauses.h"

#include <memory.pb.h>

#include <algorithm>

namespace tributary {

int64_t Pauses::All::pause(const std::string& table, int64_t now) {
  Table& paused = tables[table];
  if (paused.since != 0 && !paused.is_ending) return paused.since;
  paused = {std::max(now, paused.since + 1), false};
  return 0;
}

bool Pauses::All::resume(const std::string& table) {
  const auto paused = tables.find(table);
  if (paused == tables.end()) return false;
  paused->second.is_ending = true;
  return true;
}

bool Pauses::All::is_ending(const std::string& table, int64_t since) const {
  const auto paused = tables.find(table);
  return paused != tables.end() && paused->second == Table{since, true};
}

void Pauses::All::end(const std::string& table, int64_t since, const std::optional<StreamPlace>& place) {
  if (!is_ending(table, since)) return;
  tables.erase(table);
  if (place) resumed[table] = *place;
}

std::string Pauses::All::memory() const {
  memory::Pauses message;
  message.set_sending_since(sending_since);
  for (const auto& [name, table] : tables) {
    memory::PausedTable& paused = *message.add_tables();
    paused.set_name(name);
    paused.set_since(table.since);
    paused.set_is_ending(table.is_ending);
  }
  for (const auto& [name, place] : resumed) {
    memory::ResumedTable& table = *message.add_resumed();
    table.set_name(name);
    table.set_stream(place.stream.to_string());
    table.set_seq(place.seq);
  }
  return message.SerializeAsString();
}

Pauses::All Pauses::All::from(const std::string& memory) {
  memory::Pauses message;
  if (!message.ParseFromString(memory))
    throw Error(ErrorKind::protocol, "what is paused cannot be read from the queue");
  All all;
  all.sending_since = message.sending_since();
  for (const memory::PausedTable& table : message.tables())
    all.tables[table.name()] = {table.since(), table.is_ending()};
  for (const memory::ResumedTable& table : message.resumed())
    all.resumed[table.name()] = {Uuid::parse(table.stream()), table.seq()};
  return all;
}

Task<> Pauses::keep_in(Queue& queue, Worker& writer) {
  const auto turn = co_await turns_.take();
  if (is_known_) {
    const std::string memory = all_.memory();
    co_await writer.run([&] { queue.store_note(kPausesNote, memory); });
  } else {
    const std::string memory = co_await writer.run([&] { return queue.note(kPausesNote); });
    set(All::from(memory));
    is_known_ = true;
  }
  queue_ = &queue;
  writer_ = &writer;
}

Task<> Pauses::change(std::function<void(All&)> change) {
  const auto turn = co_await turns_.take();
  if (!queue_)
    throw Error(ErrorKind::resource, "the queue is not open, and nothing can be written down",
                "`tributary status` says why");
  All next = all_;
  change(next);
  if (next == all_) co_return;
  const std::string memory = next.memory();
  Queue& queue = *queue_;
  co_await writer_->run([&queue, &memory] { queue.store_note(kPausesNote, memory); });
  // A wait in between would be a place to be cancelled at.
  set(std::move(next));
}

void Pauses::set(All all) {
  all_ = std::move(all);
  for_capture_.notify();
  for_uplink_.notify();
}

std::set<std::string> Pauses::tables() const {
  std::set<std::string> names;
  for (const auto& [name, table] : all_.tables) names.insert(name);
  return names;
}

}  // namespace tributary
