#include "wire/convert.h"

#include <utility>

#include "base/error.h"
#include "change/compression.h"
#include "change/payload.h"

namespace tributary {
namespace {

constexpr size_t kNameBytesMax = 255;  // PostgreSQL has 63, unless it was built with longer names
constexpr int kColumnsMax = 1664;      // PostgreSQL's own limit for a row of a result
constexpr size_t kReasonBytesMax = 4096;
constexpr int kRelationsMax = 0x10000;  // a change names its relation by 16 bits
// More than fit into what a child sends as one batch. A record may unpack to many times its bytes.
constexpr uint32_t kChangesMax = 1 << 21;
constexpr uint64_t kTransactionsMax = 1 << 18;

void require(bool condition, const std::string& what) {
  if (!condition) throw Error(ErrorKind::protocol, what);
}

// Sets `to` and the first commit's time to what the commits of the plain payload say.
void follow_payload(const link::Batch& message, Batch& batch) {
  require(!message.payload().empty() && !is_compressed(message.payload()), "a batch without the position it reaches");
  batch.to = batch.from;
  batch.first_commit_time = 0;
  for (PayloadReader reader(message.payload()); !reader.at_end();) {
    const Record record = reader.next();
    const auto* commit = std::get_if<Commit>(&record);
    if (!commit) continue;
    if (batch.to == batch.from) batch.first_commit_time = commit->time;
    batch.to = advance(batch.to, *commit);
  }
}

}  // namespace

void write_position(link::Position* out, const Position& position) {
  out->set_stream(position.stream.to_bytes());
  out->set_seq(position.seq);
  out->set_end_lsn(position.end_lsn.value);
  out->set_chain(position.chain);
}

Position position_from(const link::Position& message) {
  Position position;
  position.stream = Uuid::from_bytes(message.stream());
  position.seq = message.seq();
  position.end_lsn = {message.end_lsn()};
  position.chain = message.chain();
  require(!position.is_nil() || position == Position{}, "a position without a stream that is not the nil position");
  return position;
}

void write_relation(link::Relation* out, const Relation& relation) {
  out->set_shape_id(relation.shape_id());
  out->set_schema(relation.schema);
  out->set_name(relation.name);
  for (const Column& column : relation.columns) {
    link::Column* to = out->add_columns();
    to->set_name(column.name);
    to->set_type_oid(column.type_oid);
    to->set_type_name(column.type_name);
    to->set_type_modifier(column.type_modifier);
    to->set_is_key(column.is_key);
  }
}

Relation relation_from(const link::Relation& message) {
  Relation relation;
  relation.schema = message.schema();
  relation.name = message.name();
  require(!relation.schema.empty() && !relation.name.empty(), "a relation without schema or name");
  require(relation.schema.size() <= kNameBytesMax && relation.name.size() <= kNameBytesMax,
          "a relation with a long name");
  require(message.columns_size() > 0 && message.columns_size() <= kColumnsMax,
          "the relation " + relation.full_name() + " has " + std::to_string(message.columns_size()) + " columns");
  for (const link::Column& from : message.columns()) {
    require(!from.name().empty(), "the relation " + relation.full_name() + " has a column without a name");
    require(from.name().size() <= kNameBytesMax && from.type_name().size() <= 2 * kNameBytesMax + 1,
            "the relation " + relation.full_name() + " has a column with a long name");
    relation.columns.push_back({from.name(), from.type_oid(), from.type_name(), from.type_modifier(), from.is_key()});
  }
  require(relation.shape_id() == message.shape_id(), "the relation " + relation.full_name() + " has a wrong shape id");
  return relation;
}

void write_batch(link::Batch* out, Batch&& batch) {
  out->set_kind(batch.kind == BatchKind::new_stream ? link::BATCH_NEW_STREAM : link::BATCH_CHANGES);
  write_position(out->mutable_from(), batch.from);
  write_position(out->mutable_to(), batch.to);
  out->set_part(batch.part);
  out->set_more_parts(!batch.is_last_part);
  for (const uint64_t shape_id : batch.relations) out->add_relations(shape_id);
  out->set_raw_bytes(batch.raw_bytes);
  out->set_changes(batch.changes);
  out->set_first_commit_time(batch.first_commit_time);
  out->set_reason(std::move(batch.reason));
  out->set_payload(std::move(batch.payload));
}

void write_next_batch(link::Batch* out, Batch&& batch, const Position& reached) {
  const bool is_next = batch.from == reached;
  const bool is_plain = !batch.payload.empty() && !is_compressed(batch.payload);
  write_batch(out, std::move(batch));
  if (is_next) out->clear_from();
  if (!is_plain) return;
  out->clear_raw_bytes();
  out->clear_to();
  out->clear_first_commit_time();
}

Batch batch_from(link::Batch&& message, uint64_t raw_bytes_max, const Position& reached) {
  Batch batch;
  batch.from = message.has_from() ? position_from(message.from()) : reached;
  batch.part = message.part();
  batch.is_last_part = !message.more_parts();
  batch.raw_bytes = message.raw_bytes();
  batch.changes = message.changes();
  batch.first_commit_time = message.first_commit_time();
  if (!message.payload().empty() && !is_compressed(message.payload())) {
    require(batch.raw_bytes == 0 || batch.raw_bytes == message.payload().size(),
            "a plain payload has another size than its batch says");
    batch.raw_bytes = message.payload().size();
  }
  if (message.has_to())
    batch.to = position_from(message.to());
  else
    follow_payload(message, batch);
  require(!batch.to.is_nil(), "a batch that reaches no stream");
  require(message.relations_size() <= kRelationsMax, "a batch with too many relations");
  batch.relations.assign(message.relations().begin(), message.relations().end());
  require(message.reason().size() <= kReasonBytesMax, "a batch with too long a reason");
  batch.reason = std::move(*message.mutable_reason());
  batch.payload = std::move(*message.mutable_payload());

  const bool is_part_of_many = batch.part != 0 || !batch.is_last_part;
  if (message.kind() == link::BATCH_NEW_STREAM) {
    batch.kind = BatchKind::new_stream;
    require(batch.to.seq == 0 && batch.to.stream != batch.from.stream, "a new stream that is not new");
    require(!is_part_of_many && batch.payload.empty() && batch.raw_bytes == 0 && batch.changes == 0 &&
                batch.relations.empty(),
            "a new stream that carries changes");
    return batch;
  }
  require(message.kind() == link::BATCH_CHANGES, "a batch of a kind that this version does not know");
  require(batch.to.stream == batch.from.stream, "a batch that goes from one stream to another");
  if (!batch.is_last_part)
    require(batch.to == batch.from, "an unfinished transaction that reaches another position");
  else
    require(is_part_of_many ? batch.to.seq == batch.from.seq + 1 : batch.to.seq > batch.from.seq,
            "a batch from " + batch.from.to_string() + " to " + batch.to.to_string());
  require(batch.to.seq - batch.from.seq <= kTransactionsMax && batch.changes <= kChangesMax,
          "a batch of too many transactions or changes");
  require(!batch.payload.empty(), "a batch without a payload");
  require(batch.raw_bytes != 0, "a compressed payload without its size");
  require(batch.raw_bytes <= raw_bytes_max, "a batch of " + std::to_string(batch.raw_bytes) + " bytes; at most " +
                                                std::to_string(raw_bytes_max) + " are allowed");
  return batch;
}

void write_tiers(link::Tiers* out, const Tiers& tiers) {
  for (const TierPosition& tier : tiers.above) {
    link::TierPosition& message = *out->add_above();
    message.set_node(tier.node);
    if (tier.seq) message.set_seq(*tier.seq);
  }
  out->set_is_complete(tiers.is_complete);
}

Tiers tiers_from(const link::Tiers& message) {
  require(static_cast<size_t>(message.above_size()) <= kTiersMax, "more tiers than a hierarchy has");
  Tiers tiers;
  tiers.is_complete = message.is_complete();
  for (const link::TierPosition& tier : message.above()) {
    require(!tier.node().empty() && tier.node().size() <= kNameBytesMax, "a tier without a node's name");
    TierPosition& position = tiers.above.emplace_back(TierPosition{tier.node(), std::nullopt});
    if (tier.has_seq()) position.seq = tier.seq();
  }
  return tiers;
}

void write_want(link::Want* out, const Want& want) {
  write_position(out->mutable_at(), want.at);
  for (const TableState& state : want.tables) {
    link::TableState& table = *out->add_tables();
    table.set_table(state.table);
    table.set_is_complete(state.is_complete);
    table.set_walked_to(state.walked_to);
    table.set_wants_rows(state.wants_rows);
    table.set_rows(state.rows);
    table.set_kept(state.kept);
    table.set_reason(state.reason);
    table.set_hint(state.hint);
    if (state.next_page) table.set_next_page(*state.next_page);
    table.set_is_loaded(state.is_loaded);
    table.set_to_be_compared(state.to_be_compared);
  }
  for (const StaleKey& stale : want.keys) {
    link::StaleKey& key = *out->add_keys();
    key.set_table(stale.table);
    key.set_key(stale.key);
  }
  for (const Comparison& answer : want.comparisons) {
    link::Comparison& comparison = *out->add_comparisons();
    comparison.set_table(answer.table);
    comparison.set_seq(answer.seq);
    comparison.set_refusal(answer.refusal);
    for (const Comparison::Difference& different : answer.differences) {
      link::Difference& difference = *comparison.add_differences();
      difference.set_first(different.first);
      difference.set_last(different.last);
      difference.set_is_cut(different.is_cut);
      for (const Comparison::Row& row : different.rows) {
        link::RowDigest& digest = *difference.add_rows();
        digest.set_key(row.key);
        digest.set_a(row.hash.a);
        digest.set_b(row.hash.b);
      }
    }
    for (const Comparison::InspectedRow& inspected : answer.inspected) {
      link::RowDigest& row = *comparison.add_rows();
      row.set_key(inspected.key);
      row.set_is_here(inspected.is_here);
      row.set_is_foreign(inspected.is_foreign);
      row.set_stale_reason(inspected.stale_reason);
      row.set_written_at(inspected.written_at);
      for (const std::string& value : inspected.values) row.add_values(value);
    }
    for (const std::string& trigger : answer.triggers) comparison.add_triggers(trigger);
  }
  out->set_answers_inspections(want.answers_inspections);
}

Want want_from(const link::Want& message) {
  Want want;
  if (!message.has_at()) return want;
  want.at = position_from(message.at());
  for (const link::TableState& table : message.tables()) {
    want.tables.push_back({table.table(), table.is_complete(), table.walked_to(), table.wants_rows(), table.kept(),
                           table.reason(), table.hint(), table.rows(),
                           table.has_next_page() ? std::optional(table.next_page()) : std::nullopt, table.is_loaded()});
    want.tables.back().to_be_compared = table.to_be_compared();
  }
  for (const link::StaleKey& key : message.keys()) want.keys.push_back({key.table(), key.key()});
  for (const link::Comparison& comparison : message.comparisons()) {
    Comparison& answer = want.comparisons.emplace_back();
    answer.table = comparison.table();
    answer.seq = comparison.seq();
    answer.refusal = comparison.refusal();
    for (const link::Difference& difference : comparison.differences()) {
      require(difference.first() <= difference.last(), "a difference that ends before it begins");
      Comparison::Difference& different = answer.differences.emplace_back();
      different.first = difference.first();
      different.last = difference.last();
      different.is_cut = difference.is_cut();
      for (const link::RowDigest& row : difference.rows()) different.rows.push_back({row.key(), {row.a(), row.b()}});
    }
    for (const link::RowDigest& row : comparison.rows())
      answer.inspected.push_back({row.key(),
                                  row.is_here(),
                                  row.is_foreign(),
                                  row.stale_reason(),
                                  row.written_at(),
                                  {row.values().begin(), row.values().end()}});
    answer.triggers.assign(comparison.triggers().begin(), comparison.triggers().end());
  }
  want.answers_inspections = message.answers_inspections();
  return want;
}

}  // namespace tributary
