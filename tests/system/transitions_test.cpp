// Every way in which a row comes to meet its filter, goes on meeting it, or stops: the tiers above show exactly what
// the filter lets out, at every place where they can be looked at, and nothing else ever leaves the district.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <set>
#include <thread>

#include "change/chunk.h"
#include "change/compression.h"
#include "change/digest.h"
#include "change/payload.h"
#include "queue/queue.h"
#include "transitions_fixture.h"

namespace tributary::test {
namespace {

constexpr int kTransactions = 200;

// Looks at a tier again and again from a thread of its own.
class Observer {
 public:
  explicit Observer(Node& node)
      : sql_(node.cluster().conninfo(node.options().database)), thread_([this] { observe(); }) {}
  ~Observer() { end(); }

  // What was seen, by the number of the last transaction.
  std::map<std::string, Row> end() {
    is_ended_ = true;
    if (thread_.joinable()) thread_.join();
    return seen_;
  }
  std::string failure() const { return failure_; }

 private:
  void observe() {
    try {
      while (!is_ended_) {
        for (const Row& row : sql_.rows(state_query(false)))
          if (const auto [place, is_new] = seen_.emplace(*row[0], row); !is_new && place->second != row)
            failure_ = "after transaction " + *row[0] + " two states were seen";
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    } catch (const std::exception& error) {
      failure_ = error.what();
    }
  }

  Sql sql_;
  std::atomic<bool> is_ended_ = false;
  std::map<std::string, Row> seen_;
  std::string failure_;
  std::thread thread_;
};

// Of what a refresh sent: every table was empty when the stream began, so these are few.
std::vector<std::string_view> keys_in(const ChangeView& change) {
  if (change.kind == ChangeKind::chunk) {
    const ChunkView chunk = parse_chunk(change.tuple);
    EXPECT_TRUE(chunk.rows.empty());
    return chunk.settled;
  }
  const DigestView digest = parse_digest(change.tuple);
  std::vector<std::string_view> keys = digest.settled;
  for (const DigestView::Range& range : digest.ranges)
    if (range.end) keys.push_back(*range.end);
  return keys;
}

class TransitionsTest : public testing::Test {
 protected:
  TransitionsTest() {
    tree.add({.name = "nation"});
    tree.add({.name = "region", .parent = "nation", .tables = sent_tables(false)});
    tree.add({.name = "district", .parent = "region", .tables = sent_tables(true)});
    tree.exec_everywhere(filtered_schema());
    district().sql().exec(record_of_the_visible());
    district().sql().exec("CREATE PUBLICATION everything FOR ALL TABLES");  // not ours, and so of no effect
    tree.start();
  }
  Node& district() { return tree["district"]; }

  void expect_prepared_as_meant() {
    wait_until("the status says how each table is filtered",
               [&] { return district().agent().status().capture().state() == "streaming"; });
    const auto status = district().agent().status();
    for (const FilteredTable& table : filtered_tables()) {
      EXPECT_EQ(district().sql().value("SELECT relreplident FROM pg_class WHERE oid = '" + table.name + "'::regclass"),
                std::string(1, table.identity))
          << table.name;
      const auto& listed = status.capture().tables();
      const auto found = std::find_if(listed.begin(), listed.end(),
                                      [&](const auto& entry) { return entry.name() == "public." + table.name; });
      ASSERT_NE(found, listed.end()) << table.name;
      EXPECT_EQ(found->filter_in_publication(), table.is_pushed_down) << table.name;
    }
  }

  void expect_shown(const Row& state) {
    for (const std::string tier : {"region", "nation"}) {
      std::vector<Row> shown;  // none before the first transaction has come
      wait_until(tier + " shows transaction " + *state[0], [&] {
        shown = tree[tier].sql().rows(state_query(false));
        return !shown.empty() && shown[0][0] == state[0];
      });
      EXPECT_EQ(shown.at(0), state) << tier;
    }
  }

  // Everything in the district's queue, which still keeps what the region has: keys, and versions of rows.
  void expect_nothing_invisible_left() {
    std::set<std::string> keys, versions;
    for (const Row& row : district().sql().rows("SELECT name, id, title, body FROM visible")) {
      keys.insert(*row[0] + "/" + *row[1]);
      versions.insert(*row[0] + "/" + *row[1] + "/" + *row[2]);
      versions.insert(*row[0] + "/" + *row[1] + "/" + *row[2] + "/" + row[3].value_or(""));
    }
    district().agent().stop();
    Queue queue({.path = (district().agent().directory() / "queue.db").string()});
    size_t changes = 0;
    std::vector<Value> values;
    int64_t after = 0;
    for (auto stored = queue.read_after(0, 100, 1 << 24); !stored.empty();
         stored = queue.read_after(after, 100, 1 << 24)) {
      for (const StoredBatch& entry : stored) {
        after = entry.id;
        if (entry.batch.kind != BatchKind::changes) continue;
        const std::string payload = decompress(entry.batch.payload, entry.batch.raw_bytes);
        for (PayloadReader reader(payload); !reader.at_end();) {
          const Record record = reader.next();
          const auto* change = std::get_if<ChangeView>(&record);
          if (!change || change->kind == ChangeKind::clear) continue;
          const Relation relation = queue.relation(entry.batch.relations.at(change->relation));
          if (relation.name == "place") continue;
          if (change->kind == ChangeKind::chunk || change->kind == ChangeKind::digest) {
            for (const std::string_view bytes : keys_in(*change)) {
              ByteReader in(bytes);
              read_tuple(in, values);
              const std::string key = relation.name + "/" + std::string(values[0].text);
              EXPECT_TRUE(keys.contains(key)) << "a key left that was never visible: " << key;
            }
            continue;
          }
          ByteReader tuple(change->tuple);
          read_tuple(tuple, values);
          ++changes;
          ASSERT_NE(change->kind, ChangeKind::stale) << relation.name;  // all of them could be sent whole
          const std::string key = relation.name + "/" + std::string(values[0].text);
          EXPECT_TRUE(keys.contains(key)) << "a key left that was never visible: " << key;
          if (change->kind == ChangeKind::remove) continue;
          std::string version = key + "/" + std::string(values[1].text);
          if (values[2].kind != ValueKind::unchanged) version += "/" + std::string(values[2].text.substr(0, 12));
          EXPECT_TRUE(versions.contains(version)) << "a version left that was not visible: " << version;
          if (relation.name.ends_with("_stays")) {
            EXPECT_EQ(values.size(), 4U) << relation.name;
          }
        }
      }
    }
    EXPECT_GT(changes, size_t{kTransactions});
  }

  Hierarchy tree;
};

TEST_F(TransitionsTest, the_tiers_show_what_the_filters_let_out_at_every_place) {
  expect_prepared_as_meant();
  const char* wanted = std::getenv("TRIBUTARY_SEED");
  const unsigned seed = wanted ? static_cast<unsigned>(std::stoul(wanted)) : 20260101;
  SCOPED_TRACE("TRIBUTARY_SEED=" + std::to_string(seed));
  RandomChanges changes(seed);
  Sql& sql = district().sql();
  sql.exec(changes.begin());
  std::map<std::string, Row> model;
  const auto remember = [&] {
    const std::vector<Row> state = sql.rows(state_query(true));
    model[*state.at(0)[0]] = state[0];
  };
  remember();
  std::map<std::string, std::unique_ptr<Observer>> observers;
  for (const std::string tier : {"region", "nation"}) observers[tier] = std::make_unique<Observer>(tree[tier]);

  for (int i = 0; i < kTransactions; ++i) {
    const std::string transaction = changes.transaction();
    SCOPED_TRACE(transaction);
    sql.exec(transaction);
    remember();
    // While a link is down a long group comes together, which is then reduced to its net changes.
    if (i % 50 == 15) district().link().cut();
    if (i % 50 == 25) tree["region"].link().cut();
    if (i % 50 == 35) district().link().restore();
    if (i % 50 == 45) tree["region"].link().restore();
    if (i % 50 == 10) expect_shown(model.at(std::to_string(i + 1)));
  }
  tree.expect_equal();

  for (auto& [tier, observer] : observers) {
    const auto seen = observer->end();
    EXPECT_EQ(observer->failure(), "") << tier;
    EXPECT_FALSE(seen.empty()) << tier;
    for (const auto& [number, row] : seen) EXPECT_EQ(row, model.at(number)) << tier << " after transaction " << number;
  }
  EXPECT_EQ(tree["nation"].sql().rows(state_query(false)).at(0), model.at(std::to_string(kTransactions)));
  if (HasFailure()) return;
  expect_nothing_invisible_left();
}

}  // namespace
}  // namespace tributary::test
