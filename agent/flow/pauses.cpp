#include "flow/pauses.h"

#include <memory.pb.h>

namespace tributary {

std::string Pauses::All::memory() const {
  memory::Pauses message;
  message.set_sending_since(sending_since);
  for (const auto& [name, table] : tables) {
    memory::PausedTable& paused = *message.add_tables();
    paused.set_name(name);
    paused.set_since(table.since);
    paused.set_is_ending(table.is_ending);
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
  return all;
}

void Pauses::set(All all) {
  all_ = std::move(all);
  is_known_ = true;
  for_capture_.notify();
  for_uplink_.notify();
}

std::set<std::string> Pauses::tables() const {
  std::set<std::string> names;
  for (const auto& [name, table] : all_.tables) names.insert(name);
  return names;
}

}  // namespace tributary
