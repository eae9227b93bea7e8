// A parent's database and a child's stream, for stories about the lane: what is delivered, what the tables hold then.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/redirect_error.hpp>
#include <deque>
#include <map>
#include <memory>

#include "apply/lane.h"
#include "change/chunk.h"
#include "change/compression.h"
#include "sql.h"
#include "support/cluster.h"

namespace tributary {

constexpr uint32_t kInt4Oid = 23;
constexpr uint32_t kTextOid = 25;

inline const Value kNull{ValueKind::null, {}};
inline const Value kUnchanged{ValueKind::unchanged, {}};
inline Value text(std::string_view value) {
  return {ValueKind::text, value};
}

// Columns of a child's table: "id*" is a key; the types are text unless given.
inline Relation table_of(const std::string& name, const std::vector<std::string>& columns,
                         const std::map<std::string, uint32_t>& types = {}) {
  Relation relation;
  relation.schema = "public";
  relation.name = name;
  for (std::string column : columns) {
    Column& added = relation.columns.emplace_back();
    if (column.back() == '*') {
      added.is_key = true;
      column.pop_back();
    }
    added.name = column;
    added.type_oid = types.contains(column) ? types.at(column) : kTextOid;
  }
  return relation;
}

// What a child captures: changes, commits, batches.
class ChildStream {
 public:
  ChildStream() { position_.stream = Uuid::random(); }

  const Position& position() const { return position_; }
  const std::map<uint64_t, Relation>& relations() const { return relations_; }

  Batch beginning() {
    Batch batch;
    batch.kind = BatchKind::new_stream;
    batch.to.stream = position_.stream;
    return batch;
  }
  // The stream breaks off here and another begins.
  Batch break_off(const std::string& reason) {
    Batch batch;
    batch.kind = BatchKind::new_stream;
    batch.from = position_;
    batch.reason = reason;
    position_ = Position{};
    position_.stream = Uuid::random();
    batch.to = position_;
    return batch;
  }

  ChildStream& change(ChangeKind kind, const Relation& relation, const std::vector<Value>& values = {}) {
    std::string tuple;
    if (kind != ChangeKind::clear) write_tuple(tuple, values);
    return change_of_bytes(kind, relation, tuple);
  }
  // `bytes`: of a tuple or a chunk.
  ChildStream& change_of_bytes(ChangeKind kind, const Relation& relation, const std::string& bytes) {
    const uint64_t id = relation.shape_id();
    relations_[id] = relation;
    size_t index = 0;
    while (index < used_.size() && used_[index] != id) ++index;
    if (index == used_.size()) used_.push_back(id);
    write_change(raw_, kind, static_cast<uint16_t>(index), bytes);
    changes_ += kind == ChangeKind::chunk ? 1 + static_cast<uint32_t>(parse_chunk(bytes).rows.size()) : 1;
    return *this;
  }
  ChildStream& insert(const Relation& relation, const std::vector<Value>& values) {
    return change(ChangeKind::insert, relation, values);
  }
  ChildStream& put(const Relation& relation, const std::vector<Value>& values) {
    return change(ChangeKind::put, relation, values);
  }
  ChildStream& patch(const Relation& relation, const std::vector<Value>& values) {
    return change(ChangeKind::patch, relation, values);
  }
  ChildStream& remove(const Relation& relation, const std::vector<Value>& values) {
    return change(ChangeKind::remove, relation, values);
  }
  ChildStream& commit() {
    const Commit commit{++xid_, Lsn{position_.end_lsn.value + 100}, 700'000'000'000'000 + xid_};
    write_commit(raw_, commit);
    position_ = advance(position_, commit);
    return *this;
  }

  // The transactions since the last batch.
  Batch batch() {
    Batch batch = packed();
    batch.to = batch_end_ = position_;
    return batch;
  }
  // The changes since the last part.
  Batch part(uint32_t number, bool is_last) {
    Batch batch = packed();
    batch.part = number;
    batch.is_last_part = is_last;
    batch.to = position_;
    if (is_last) batch_end_ = position_;
    return batch;
  }

 private:
  Batch packed() {
    Batch batch;
    batch.from = batch_end_.stream == position_.stream ? batch_end_ : Position{position_.stream, 0, {}, 0};
    batch.relations = std::exchange(used_, {});
    batch.changes = std::exchange(changes_, 0);
    const std::string raw = std::exchange(raw_, {});
    batch.raw_bytes = raw.size();
    batch.payload = compress(raw);
    return batch;
  }

  Position position_;
  Position batch_end_;
  uint32_t xid_ = 0;
  uint32_t changes_ = 0;
  std::string raw_;
  std::vector<uint64_t> used_;
  std::map<uint64_t, Relation> relations_;
};

class ApplyTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { cluster_ = std::make_unique<test::Cluster>("parent"); }
  static void TearDownTestSuite() { cluster_.reset(); }

  ApplyTest() {
    static int number = 0;
    database_ = "parent" + std::to_string(++number);
    cluster_->create_database(database_);
    sql_.emplace(cluster_->connect(database_));
    sql_->exec(sql::parent);
    // What is said to be refreshed stays so, also in a new stream.
    sql_->exec(R"(
      CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
      CREATE TRIGGER keep BEFORE DELETE ON tributary.walk FOR EACH ROW EXECUTE FUNCTION keep();
      ALTER TABLE tributary.walk ENABLE ALWAYS TRIGGER keep;
    )");
    for (const char* table : {"document", "photo"}) say_refreshed(table);
    child_.name = "district-a";
    connect_to(cluster_->conninfo(database_));
  }

  void say_refreshed(const std::string& table) {
    sql_->exec("INSERT INTO tributary.walk VALUES ('district-a', $1, true, '', 0, 0, 0)", {"public." + table});
  }
  void connect_to(const std::string& conninfo) { pool_ = std::make_unique<ConnectionPool>(conninfo, "lane", 2); }

  // One session: the batches are pushed and applied, until all are or the lane holds. `on_hold` may mend the cause:
  // then the session goes on. Throws what ended the session.
  LaneReport deliver(std::deque<Batch> batches, const std::function<void(const LaneHold&)>& on_hold = {}) {
    LaneReport last;
    Lane lane({child_, tables_, is_only_child_, deletions_max_, has_parent_}, *pool_, memory_);
    std::exception_ptr failure;
    const Position end = batches.back().to;
    const bool is_complete = batches.back().is_last_part;
    auto session = [&]() -> Task<> {
      welcomed_ = co_await lane.open();
      for (const auto& [id, relation] : stream_.relations()) lane.add_relation(id, relation);
      for (Batch& batch : batches) lane.push(std::move(batch));
      asio::steady_timer done(context_, std::chrono::seconds(60));
      const auto on_report = [&](const LaneReport& report) {
        last = report;
        for (Want& want : lane.take_wants()) wants_.push_back(std::move(want));
        if (report.hold && !report.hold->waiting && on_hold) on_hold(*report.hold);
        const bool is_held = report.hold && !report.hold->waiting && !on_hold;
        const bool is_done = is_complete && report.applied == end && (!until_ || until_(report));
        if (is_done || is_held) done.cancel();
      };
      auto wait = [&]() -> Task<> {
        boost::system::error_code ignored;
        co_await done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        if (!ignored) throw Error(ErrorKind::internal, "the story takes too long");
      };
      co_await until_one_ends(lane.run(on_report), wait());
    };
    context_.restart();
    asio::co_spawn(context_, session(), [&](std::exception_ptr error) { failure = error; });
    context_.run();
    if (failure) std::rethrow_exception(failure);
    return last;
  }

  // Begins the stream and delivers what was captured since.
  LaneReport deliver_all() {
    std::deque<Batch> batches;
    if (!is_begun_) batches.push_back(stream_.beginning());
    is_begun_ = true;
    batches.push_back(stream_.batch());
    return deliver(std::move(batches));
  }
  void begin() {
    deliver({stream_.beginning()});
    is_begun_ = true;
  }

  std::string rows(const std::string& query) { return test::table_text(*sql_, query); }
  uint64_t applied_seq() { return static_cast<uint64_t>(sql_->number("SELECT seq FROM tributary.applied")); }

  inline static std::unique_ptr<test::Cluster> cluster_;
  std::string database_;
  std::optional<test::Sql> sql_;
  asio::io_context context_;  // outlives the connections of the pool
  std::unique_ptr<ConnectionPool> pool_;
  ChildConfig child_;
  std::vector<std::string> tables_ = {"public.*"};
  bool is_only_child_ = true;
  uint64_t deletions_max_ = 1000;
  bool has_parent_ = false;
  LaneMemory memory_;
  ChildStream stream_;
  bool is_begun_ = false;
  Want welcomed_;                                 // what the last session began with
  std::vector<Want> wants_;                       // of all sessions
  std::function<bool(const LaneReport&)> until_;  // a session lasts until everything is applied and this is true
};

}  // namespace tributary
