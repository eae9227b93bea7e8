// Digests of a refresh at the parent: how far a walk goes on without rows, and what a child that verifies is told.
#include <gmock/gmock.h>

#include "apply_fixture.h"
#include "change/digest.h"

namespace tributary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint32_t kNumericOid = 1700, kBpcharOid = 1042;

const Relation kDocument = table_of("document", {"id*", "title", "body"}, {{"id", kInt4Oid}});

std::string key_of(const std::string& value) {
  std::string key;
  write_tuple(key, {text(value)});
  return key;
}
std::string key_of(int id) {
  return key_of(std::to_string(id));
}

class ApplyDigest : public ApplyTest {
 protected:
  ApplyDigest() {
    sql_->exec(
        "DROP TRIGGER keep ON tributary.walk; DELETE FROM tributary.walk;"
        "CREATE TABLE document (id int PRIMARY KEY, title text, body text)");
  }

  // The hash of a row with these values, as a child makes it.
  RowHash hash(const std::string& values) { return RowHash::parse(sql_->value("SELECT md5(" + values + ")")); }
  RowHash hash(int id) {
    return hash("format('%L,%L,%L,', " + std::to_string(id) + ", '" + std::to_string(id) + " new', 'body')");
  }
  // A digest of these ranges of ids behind `after` (0: the beginning); each range ends with its last id, the last one
  // with the table if it is open.
  void digest(int after, const std::vector<std::vector<int>>& ranges, bool is_open, bool is_to_verify = false,
              const std::vector<int>& settled = {}) {
    std::deque<std::string> keys;
    DigestView digest;
    digest.is_to_verify = is_to_verify;
    if (after) digest.after = keys.emplace_back(key_of(after));
    for (const int id : settled) digest.settled.push_back(keys.emplace_back(key_of(id)));
    for (const std::vector<int>& ids : ranges) {
      DigestView::Range& range = digest.ranges.emplace_back();
      for (const int id : ids) range.sum.add(hash(id));
      if (!is_open || digest.ranges.size() < ranges.size()) range.end = keys.emplace_back(key_of(ids.back()));
    }
    stream_.change_of_bytes(ChangeKind::digest, kDocument, encode_digest(digest)).commit();
  }
  // The rows of (after, up_to]; 0: no bound.
  void chunk(int after, int up_to, const std::vector<int>& ids) {
    std::deque<std::string> bytes;
    ChunkView chunk;
    if (after) chunk.after = bytes.emplace_back(key_of(after));
    if (up_to) chunk.up_to = bytes.emplace_back(key_of(up_to));
    for (const int id : ids) {
      const std::string name = std::to_string(id), title = name + " new";
      write_tuple(bytes.emplace_back(), {text(name), text(title), text("body")});
      chunk.rows.push_back(bytes.back());
    }
    stream_.change_of_bytes(ChangeKind::chunk, kDocument, encode_chunk(chunk)).commit();
  }
  // Rows of these pages, in this order.
  void pages(uint64_t begin, uint64_t end, bool are_last, const std::vector<int>& ids) {
    std::deque<std::string> bytes;
    ChunkView chunk;
    chunk.pages = Pages{begin, end, are_last};
    for (const int id : ids) {
      const std::string name = std::to_string(id), title = name + " new";
      write_tuple(bytes.emplace_back(), {text(name), text(title), text("body")});
      chunk.rows.push_back(bytes.back());
    }
    stream_.change_of_bytes(ChangeKind::chunk, kDocument, encode_chunk(chunk)).commit();
  }
  void parent_has(const std::vector<int>& ids, const std::string& version = "new") {
    for (const int id : ids)
      sql_->exec("INSERT INTO document VALUES ($1, $2, 'body')",
                 {std::to_string(id), std::to_string(id) + " " + version});
  }
  std::string titles() { return sql_->value("SELECT string_agg(title, ', ' ORDER BY id) FROM document"); }

  // What the child heard last of the table.
  TableState told() {
    for (size_t i = wants_.size(); i-- > 0;)
      for (const TableState& state : wants_[i].tables)
        if (state.table == "public.document") return state;
    return {};
  }
  std::string walked_to() {
    const TableState state = told();
    if (state.is_complete) return "the end";
    return state.walked_to.empty() ? "nothing" : std::string(key_values(state.walked_to, 1)[0].text);
  }
};

TEST_F(ApplyDigest, a_walk_goes_on_behind_what_is_equal) {
  parent_has({1, 2, 3, 4, 6});
  parent_has({5}, "old");
  digest(0, {{1, 2}, {3, 4}, {5, 6}}, false);
  deliver_all();
  EXPECT_EQ(walked_to(), "4");
  EXPECT_FALSE(told().wants_rows);
  EXPECT_EQ(wants_.back().at, stream_.position());
  chunk(4, 6, {5, 6});
  digest(6, {{7}}, true);
  deliver_all();
  EXPECT_EQ(walked_to(), "6");
  EXPECT_EQ(titles(), "1 new, 2 new, 3 new, 4 new, 5 new, 6 new");
}

TEST_F(ApplyDigest, a_table_that_is_equal_to_its_end_is_complete) {
  parent_has({1, 2, 3});
  digest(0, {{1, 2}, {3}}, true);
  deliver_all();
  EXPECT_EQ(walked_to(), "the end");
  EXPECT_EQ(sql_->value("SELECT is_complete FROM tributary.walk"), "t");
  stream_.patch(kDocument, {text("3"), text("3 patched"), kUnchanged}).commit();
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 2 new, 3 patched");
}

TEST_F(ApplyDigest, a_row_of_the_parent_alone_stops_the_walk) {
  parent_has({1, 2, 3, 4});
  digest(0, {{1, 2}, {4}}, true);
  deliver_all();
  EXPECT_EQ(walked_to(), "2");
  parent_has({9});
  digest(2, {{3, 4}}, true);
  deliver_all();
  EXPECT_EQ(walked_to(), "2") << "behind the last range's last row";
}

TEST_F(ApplyDigest, where_nothing_is_the_parent_wants_rows) {
  digest(0, {{1, 2}, {3}}, false);
  deliver_all();
  EXPECT_EQ(walked_to(), "nothing");
  EXPECT_TRUE(told().wants_rows);
  EXPECT_EQ(told().next_page, 0u);
}

TEST_F(ApplyDigest, a_table_that_ends_within_a_digest_is_not_sent_by_its_pages) {
  digest(0, {{1, 2}, {3}}, true);
  deliver_all();
  EXPECT_TRUE(told().wants_rows);
  EXPECT_FALSE(told().next_page);
}

TEST_F(ApplyDigest, pages_are_taken_in_their_order_and_then_compared) {
  digest(0, {{1, 2}, {3}}, false);
  pages(0, 8, false, {3, 1});
  deliver_all();
  EXPECT_EQ(told().next_page, 8u);
  pages(16, 24, true, {4});
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 3 new") << "they do not follow";
  stream_.patch(kDocument, {text("1"), text("1 patched"), kUnchanged}).commit();
  pages(8, 9, true, {2});
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 2 new, 3 new") << "single columns are left out until the row is walked";
  EXPECT_FALSE(told().next_page || told().wants_rows || told().is_complete);
  EXPECT_TRUE(told().is_loaded);
  digest(0, {{1, 2}, {3}}, true);
  deliver_all();
  EXPECT_EQ(walked_to(), "the end");
}

TEST_F(ApplyDigest, rows_that_live_changes_brought_before_their_chunk_are_put_over) {
  std::vector<int> ids;
  for (int id = 1; id <= 300; ++id) ids.push_back(id);
  digest(0, {{1, 2}}, false);
  deliver_all();
  stream_.insert(kDocument, {text("7"), text("7 live"), text("body")}).commit();
  stream_.insert(kDocument, {text("8"), text("8 new"), text("body")}).commit();
  deliver_all();
  const std::string of_equal = "SELECT xmin FROM document WHERE id = 8";
  const std::string before = sql_->value(of_equal);
  pages(0, 9, true, ids);
  deliver_all();
  EXPECT_EQ(sql_->number("SELECT count(*) FROM document WHERE title = id || ' new'"), 300);
  EXPECT_EQ(sql_->value(of_equal), before) << "what is equal is not written again";
  sql_->exec("DELETE FROM document WHERE id > 200; UPDATE document SET title = 'other' WHERE id = 150");
  chunk(0, 0, ids);
  deliver_all();
  EXPECT_EQ(sql_->number("SELECT count(*) FROM document WHERE title = id || ' new'"), 300);
  EXPECT_EQ(sql_->value(of_equal), before);
  EXPECT_TRUE(told().is_complete);
}

TEST_F(ApplyDigest, where_there_are_rows_further_on_digests_go_on) {
  parent_has({2, 3, 9});
  digest(0, {{1, 2}, {3}, {4}}, false);
  deliver_all();
  EXPECT_EQ(walked_to(), "nothing");
  EXPECT_FALSE(told().wants_rows);
}

TEST_F(ApplyDigest, where_nothing_is_but_what_live_changes_brought_the_parent_wants_rows) {
  parent_has({2, 9});
  digest(0, {{1, 2}, {3, 4}}, false);
  deliver_all();
  EXPECT_EQ(walked_to(), "nothing");
  EXPECT_TRUE(told().wants_rows);
  EXPECT_EQ(told().next_page, 0u);
  pages(0, 1, true, {1, 2, 3, 4});
  digest(0, {{1, 2}, {3, 4}}, false);
  deliver_all();
  EXPECT_EQ(walked_to(), "4");
  EXPECT_FALSE(told().wants_rows || told().next_page);
}

TEST_F(ApplyDigest, where_nothing_is_behind_what_is_equal_the_parent_wants_rows) {
  parent_has({1, 2});
  digest(0, {{1, 2}}, false);
  deliver_all();
  EXPECT_EQ(walked_to(), "2");
  EXPECT_TRUE(told().wants_rows);
}

TEST_F(ApplyDigest, of_rows_that_are_not_the_childs_nothing_is_compared) {
  is_only_child_ = false;
  parent_has({1, 2});
  digest(0, {{1, 2}}, true);
  deliver_all();
  EXPECT_EQ(walked_to(), "nothing");
  EXPECT_TRUE(told().wants_rows);
  chunk(0, 2, {1, 2});
  digest(2, {{3}}, true);
  deliver_all();
  EXPECT_EQ(walked_to(), "2");
  EXPECT_TRUE(told().wants_rows);
}

TEST_F(ApplyDigest, rows_of_other_children_are_not_compared) {
  is_only_child_ = false;
  child_.owns = "id < 100";
  parent_has({1, 2, 101});
  digest(0, {{1, 2}}, true);
  deliver_all();
  EXPECT_EQ(walked_to(), "the end");
}

TEST_F(ApplyDigest, what_the_stream_has_settled_is_not_compared) {
  parent_has({1, 3});
  parent_has({2}, "live");
  digest(0, {{1}, {3}}, true, false, {2, 8});
  deliver_all();
  EXPECT_EQ(walked_to(), "the end");
}

TEST_F(ApplyDigest, changes_around_a_digest_in_one_batch_keep_their_order) {
  parent_has({1, 2, 3});
  stream_.put(kDocument, {text("1"), text("1 newer"), text("body")}).commit();
  stream_.put(kDocument, {text("1"), text("1 new"), text("body")}).commit();
  digest(0, {{1, 2, 3}}, true);
  stream_.remove(kDocument, {text("3"), kNull, kNull}).commit();
  digest(0, {{1, 2}}, true, true);
  stream_.insert(kDocument, {text("4"), text("4 last"), kNull}).commit();
  EXPECT_EQ(deliver_all().transactions, 6u);
  EXPECT_EQ(walked_to(), "the end");
  EXPECT_EQ(titles(), "1 new, 2 new, 4 last");
  ASSERT_EQ(wants_.size(), 2u);
  EXPECT_EQ(wants_[0].at.seq, 3u);
  ASSERT_EQ(wants_[1].comparisons.size(), 1u);
  EXPECT_EQ(wants_[1].comparisons[0].seq, 5u);
  EXPECT_TRUE(wants_[1].comparisons[0].differences.empty());
}

TEST_F(ApplyDigest, at_the_end_of_a_walk_goes_what_the_child_does_not_have) {
  parent_has({1, 2, 3});
  chunk(0, 2, {1});
  digest(2, {{3}}, true);
  deliver_all();
  EXPECT_EQ(walked_to(), "the end");
  EXPECT_EQ(titles(), "1 new, 3 new");
}

TEST_F(ApplyDigest, a_digest_from_the_beginning_walks_a_complete_table_anew) {
  chunk(0, 0, {1, 2});
  deliver_all();
  sql_->exec("UPDATE document SET title = 'other' WHERE id = 2");
  digest(0, {{1}, {2}}, true);
  deliver_all();
  EXPECT_EQ(walked_to(), "1");
  EXPECT_EQ(sql_->value("SELECT is_complete FROM tributary.walk"), "f");
}

TEST_F(ApplyDigest, a_digest_that_does_not_follow_is_left_out_and_answered) {
  parent_has({1, 2, 3});
  chunk(0, 1, {1});
  digest(2, {{3}}, true);
  deliver_all();
  EXPECT_EQ(walked_to(), "1");
  EXPECT_FALSE(told().is_complete);
}

TEST_F(ApplyDigest, values_agree_although_their_types_differ) {
  Relation relation = table_of("price", {"id*", "amount", "code"}, {{"id", kInt4Oid}, {"amount", kNumericOid}});
  relation.columns[1].type_modifier = (10 << 16 | 2) + 4;
  relation.columns[2].type_oid = kBpcharOid;
  relation.columns[2].type_modifier = 5 + 4;
  sql_->exec(
      "CREATE TABLE price (id numeric(9,3) PRIMARY KEY, amount numeric(12,4), code char(9));"
      "INSERT INTO price VALUES (1, 1.00, 'ab'), (2, NULL, NULL), (3, 1.001, 'abcdefgh')");
  DigestView digest;
  std::deque<std::string> keys;
  for (const char* values : {"1, '1.00', 'ab   '", "2, NULL, NULL", "3, '1.00', 'abcde'"}) {
    DigestView::Range& range = digest.ranges.emplace_back();
    range.sum.add(hash("format('%L,%L,%L,', " + std::string(values) + ")"));
    range.end = keys.emplace_back(key_of(static_cast<int>(digest.ranges.size())));
  }
  stream_.change_of_bytes(ChangeKind::digest, relation, encode_digest(digest)).commit();
  deliver_all();
  ASSERT_EQ(wants_.size(), 1u);
  EXPECT_EQ(wants_[0].tables[0].walked_to, key_of(2)) << "what the child's type cannot hold is no equal value";
}

TEST_F(ApplyDigest, a_session_begins_with_what_is_known_of_the_tables) {
  chunk(0, 3, {1, 2, 3});
  deliver_all();
  EXPECT_TRUE(welcomed_.is_empty());
  stream_.insert(kDocument, {text("1"), text("1 new"), kNull}).commit();
  deliver_all();
  ASSERT_EQ(welcomed_.tables.size(), 1u);
  EXPECT_EQ(welcomed_.tables[0].walked_to, key_of(3));
  EXPECT_EQ(welcomed_.at.seq, 1u);
}

TEST_F(ApplyDigest, a_new_stream_walks_every_table_anew) {
  chunk(0, 0, {1, 2});
  deliver_all();
  sql_->exec(
      "INSERT INTO tributary.stale (child, table_name, key, reason) VALUES ('district-a', 'public.document', '', '')");
  deliver({stream_.break_off("the slot was lost")});
  EXPECT_EQ(sql_->number("SELECT count(*) FROM tributary.walk"), 0);
  EXPECT_EQ(sql_->number("SELECT count(*) FROM tributary.stale"), 0);
  stream_.insert(kDocument, {text("3"), text("3 new"), kNull}).commit();
  deliver_all();
  EXPECT_TRUE(welcomed_.is_empty());
}

// "first-last: ids" of each difference, or the refusal.
std::vector<std::string> words_of(const Comparison& comparison) {
  if (!comparison.refusal.empty()) return {comparison.refusal};
  std::vector<std::string> words;
  for (const Comparison::Difference& difference : comparison.differences) {
    words.push_back(std::to_string(difference.first) + "-" + std::to_string(difference.last) + ":");
    for (const Comparison::Row& row : difference.rows)
      words.back() += " " + std::string(key_values(row.key, 1)[0].text);
  }
  return words;
}

TEST_F(ApplyDigest, verifying_names_the_parents_rows_of_what_differs) {
  parent_has({1, 2, 3, 4, 6, 7});
  chunk(0, 0, {1, 2, 3, 4, 6, 7});
  deliver_all();
  sql_->exec("UPDATE document SET title = 'other' WHERE id = 4; INSERT INTO document VALUES (5, 'alone'), (9, 'live')");
  digest(0, {{1, 2}, {3, 4}, {6}, {7, 8}}, true, true, {9});
  deliver_all();
  ASSERT_EQ(wants_.size(), 2u);
  EXPECT_TRUE(wants_[0].tables[0].is_complete);
  ASSERT_EQ(wants_[1].comparisons.size(), 1u);
  const Comparison& comparison = wants_[1].comparisons[0];
  EXPECT_EQ(comparison.table, "public.document");
  EXPECT_EQ(comparison.seq, stream_.position().seq);
  EXPECT_THAT(words_of(comparison), ElementsAre("1-1: 3 4", "2-2: 5 6", "3-3: 7"));
  EXPECT_EQ(comparison.differences[0].rows[0].hash, hash(3));
  EXPECT_EQ(sql_->value("SELECT is_complete FROM tributary.walk"), "t") << "the walk is as it was";
}

TEST_F(ApplyDigest, what_cannot_be_verified_is_said_in_words) {
  digest(0, {{1, 2}}, true, true);
  deliver_all();
  EXPECT_THAT(words_of(wants_.back().comparisons[0]), ElementsAre(HasSubstr("not refreshed to its end")));
  is_only_child_ = false;
  digest(0, {{1, 2}}, true, true);
  deliver_all();
  EXPECT_THAT(words_of(wants_.back().comparisons[0]), ElementsAre(HasSubstr("no `owns`")));
  sql_->exec("DROP TABLE document");
  digest(0, {{1, 2}}, true, true);
  deliver_all();
  EXPECT_THAT(words_of(wants_.back().comparisons[0]), ElementsAre(HasSubstr("does not exist here")));
}

}  // namespace
}  // namespace tributary
