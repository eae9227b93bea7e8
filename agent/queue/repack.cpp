#include "queue/repack.h"

#include "base/error.h"
#include "change/compression.h"
#include "change/payload.h"

namespace tributary {

std::optional<Batch> rest_after(const Batch& batch, const Position& position) {
  const std::string raw = decompress(batch.payload, batch.raw_bytes);
  PayloadReader reader(raw);
  Position reached = batch.from;
  while (!reader.at_end() && reached.seq < position.seq) {
    const Record record = reader.next();
    if (const auto* commit = std::get_if<Commit>(&record)) reached = advance(reached, *commit);
  }
  if (reached != position || reader.at_end()) return std::nullopt;

  const std::string_view rest_raw(reader.position(), static_cast<size_t>(raw.data() + raw.size() - reader.position()));
  Batch rest;
  rest.from = position;
  rest.relations = batch.relations;
  rest.raw_bytes = rest_raw.size();
  while (!reader.at_end()) {
    const Record record = reader.next();
    if (const auto* commit = std::get_if<Commit>(&record)) {
      if (rest.first_commit_time == 0) rest.first_commit_time = commit->time;
      reached = advance(reached, *commit);
    } else {
      ++rest.changes;
    }
  }
  if (reached != batch.to) throw Error(ErrorKind::protocol, "a stored batch does not reach the position it names");
  rest.to = batch.to;
  rest.payload = compress(rest_raw);
  return rest;
}

}  // namespace tributary
