// What a parent cannot write for want of values or of a column does not hold the stream: keys and tables become stale,
// the child is told, and what it sends then mends them.
#include <gmock/gmock.h>

#include "apply_fixture.h"
#include "change/digest.h"

namespace tributary {
namespace {

using testing::HasSubstr;

const Relation kDocument = table_of("document", {"id*", "title", "body"}, {{"id", kInt4Oid}});
const Relation kWider =
    table_of("document", {"id*", "title", "body", "pages"}, {{"id", kInt4Oid}, {"pages", kInt4Oid}});

std::string key_of(int id) {
  const std::string value = std::to_string(id);
  std::string key;
  write_tuple(key, {text(value)});
  return key;
}

class ApplyStale : public ApplyTest {
 protected:
  ApplyStale() { sql_->exec("CREATE TABLE document (id int PRIMARY KEY, title text UNIQUE, body text)"); }

  void parent_has(const std::vector<int>& ids, const std::string& version = "old") {
    for (const int id : ids)
      sql_->exec("INSERT INTO document VALUES ($1, $2, 'body')",
                 {std::to_string(id), std::to_string(id) + " " + version});
  }
  ChildStream& put(int id, const std::string& title, const Relation& relation = kDocument) {
    const std::string name = std::to_string(id);
    std::vector<Value> values = {text(name), text(title), text("body")};
    values.resize(relation.columns.size());
    return stream_.put(relation, values);
  }
  ChildStream& patch(int id, const std::string& title) {
    const std::string name = std::to_string(id);
    return stream_.patch(kDocument, {text(name), text(title), kUnchanged});
  }
  ChildStream& remove(int id) {
    const std::string name = std::to_string(id);
    return stream_.remove(kDocument, {text(name), kNull, kNull});
  }
  ChildStream& stale(const std::vector<int>& ids) {
    for (const int id : ids) {
      const std::string name = std::to_string(id);
      stream_.change(ChangeKind::stale, kDocument, {text(name), kNull, kNull});
    }
    return stream_;
  }
  // Of a range (after, up_to], or of a set of keys; rows are "id" with the title.
  struct Rows {
    int after = 0, up_to = 0;
    std::vector<int> keys = {}, settled = {};
    std::vector<std::pair<int, std::string>> rows = {};
  };
  void chunk(const Rows& what, const Relation& relation = kDocument) {
    std::deque<std::string> bytes;
    const auto key = [&](int id) -> std::string_view { return bytes.emplace_back(key_of(id)); };
    ChunkView chunk;
    chunk.is_key_set = !what.keys.empty();
    if (what.after) chunk.after = key(what.after);
    if (what.up_to) chunk.up_to = key(what.up_to);
    for (const int id : what.keys) chunk.keys.push_back(key(id));
    for (const int id : what.settled) chunk.settled.push_back(key(id));
    for (const auto& [id, title] : what.rows) {
      const std::string name = std::to_string(id);
      std::vector<Value> values = {text(name), text(title), text("body")};
      values.resize(relation.columns.size());
      write_tuple(bytes.emplace_back(), values);
      chunk.rows.push_back(bytes.back());
    }
    stream_.change_of_bytes(ChangeKind::chunk, relation, encode_chunk(chunk)).commit();
  }
  void delivered() { ASSERT_EQ(deliver_all().hold, std::nullopt); }

  std::string titles() { return sql_->value("SELECT string_agg(title, ', ' ORDER BY id) FROM document"); }
  // The ids that are stale in the database.
  std::string stale_here() {
    return sql_->value(
        "SELECT coalesce(string_agg(substring(encode(key, 'escape') from '[0-9]+$'), ' ' ORDER BY key), '')"
        " FROM tributary.stale");
  }
  std::string reason() { return sql_->value("SELECT reason FROM tributary.stale"); }
  static std::string ids_of(const Want& want) {
    std::string ids;
    for (const StaleKey& stale : want.keys)
      ids += (ids.empty() ? "" : " ") + std::string(key_values(stale.key, 1)[0].text);
    return ids;
  }
  std::string told_stale() {
    std::string ids;
    for (const Want& want : std::exchange(wants_, {})) ids += (ids.empty() ? "" : " ") + ids_of(want);
    return ids;
  }
  // What the child heard last of the table.
  TableState told() {
    for (size_t i = wants_.size(); i-- > 0;)
      for (const TableState& state : wants_[i].tables)
        if (state.table == "public.document") return state;
    return {};
  }
};

TEST_F(ApplyStale, a_row_that_could_not_be_sent_whole_is_stale_and_the_stream_goes_on) {
  parent_has({1, 2});
  put(1, "1 new").commit();
  stale({2}).commit();
  put(3, "3 new").commit();
  delivered();
  EXPECT_EQ(titles(), "1 new, 2 old, 3 new");
  EXPECT_EQ(stale_here(), "2");
  EXPECT_THAT(reason(), HasSubstr("could not be sent whole"));
  EXPECT_EQ(told_stale(), "2");
  put(4, "4 new").commit();
  delivered();
  EXPECT_EQ(ids_of(welcomed_), "2");
}

TEST_F(ApplyStale, single_columns_of_a_stale_row_are_left_out) {
  parent_has({1, 2});
  stale({2}).commit();
  patch(2, "2 patched").commit();
  delivered();
  patch(1, "1 patched").commit();
  patch(2, "2 patched").commit();
  delivered();
  EXPECT_EQ(titles(), "1 patched, 2 old");
  EXPECT_EQ(stale_here(), "2");
}

TEST_F(ApplyStale, a_whole_row_or_a_delete_heals) {
  parent_has({1, 2, 3});
  stale({1, 2, 3}).commit();
  put(1, "1 new").commit();
  delivered();
  EXPECT_EQ(stale_here(), "2 3");
  remove(2).commit();
  patch(1, "1 newer").commit();
  delivered();
  EXPECT_EQ(stale_here(), "3");
  stream_.change(ChangeKind::clear, kDocument).commit();
  delivered();
  EXPECT_EQ(stale_here(), "");
  EXPECT_EQ(titles(), "");
}

TEST_F(ApplyStale, single_columns_of_a_missing_row_make_it_stale) {
  parent_has({1});
  patch(1, "1 patched").patch(kDocument, {text("2"), kUnchanged, text("new")}).commit();
  put(3, "3 new").commit();
  delivered();
  EXPECT_EQ(titles(), "1 patched, 3 new");
  EXPECT_EQ(stale_here(), "2");
  EXPECT_EQ(reason(), "was updated in part, but is missing here");
  EXPECT_EQ(told_stale(), "2");
}

TEST_F(ApplyStale, a_row_that_was_removed_before_it_is_updated_is_stale) {
  parent_has({1});
  remove(1).patch(kDocument, {text("1"), text("1 patched"), kUnchanged}).commit();
  delivered();
  EXPECT_EQ(titles(), "");
  EXPECT_EQ(stale_here(), "1");
}

TEST_F(ApplyStale, a_missing_row_is_told_from_one_that_the_child_may_not_write) {
  child_.owns = "id < 100";
  parent_has({101});
  patch(7, "7 patched").commit();
  delivered();
  EXPECT_EQ(stale_here(), "7");
  patch(101, "101 patched").commit();
  const LaneReport report = deliver_all();
  ASSERT_TRUE(report.hold);
  EXPECT_THAT(report.hold->reason, HasSubstr("is not the child's to write"));
}

TEST_F(ApplyStale, a_row_without_one_of_its_values_is_stale) {
  parent_has({1});
  stream_.put(kDocument, {text("1"), text("1 new"), kUnchanged}).commit();
  delivered();
  EXPECT_EQ(titles(), "1 old");
  EXPECT_THAT(reason(), HasSubstr("without one of its large values"));
}

TEST_F(ApplyStale, a_walked_row_that_is_missing_is_stale_and_one_behind_the_walk_is_not) {
  sql_->exec("DROP TRIGGER keep ON tributary.walk; DELETE FROM tributary.walk");
  chunk({.up_to = 3, .rows = {{1, "1 new"}}});
  patch(2, "2 patched").commit();
  patch(5, "5 patched").commit();
  delivered();
  EXPECT_EQ(stale_here(), "2");
  stale({6}).commit();
  delivered();
  EXPECT_EQ(stale_here(), "2 6");
  chunk({.after = 3, .up_to = 5, .rows = {{5, "5 new"}}});
  delivered();
  EXPECT_EQ(stale_here(), "2 6");
  chunk({.after = 5, .rows = {{6, "6 new"}}});
  delivered();
  EXPECT_EQ(stale_here(), "2") << "of the range alone";
  chunk({.rows = {{1, "1 newer"}}});
  delivered();
  EXPECT_EQ(stale_here(), "");
}

TEST_F(ApplyStale, a_chunk_does_not_heal_what_it_leaves_to_the_stream) {
  stale({1, 2}).commit();
  chunk({.settled = {1}, .rows = {{2, "2 new"}}});
  delivered();
  EXPECT_EQ(stale_here(), "1");
}

TEST_F(ApplyStale, every_step_of_a_walk_is_told) {
  chunk({.up_to = 3, .rows = {{1, "1 new"}}});
  delivered();
  EXPECT_EQ(told().walked_to, key_of(3));
  EXPECT_EQ(told().rows, 1u);
  EXPECT_EQ(wants_.back().at, stream_.position());
  chunk({.after = 3, .rows = {{4, "4 new"}, {5, "5 new"}}});
  delivered();
  EXPECT_TRUE(told().is_complete);
  EXPECT_EQ(told().rows, 3u);
  EXPECT_EQ(wants_.back().at, stream_.position());
}

TEST_F(ApplyStale, many_stale_keys_of_a_table_make_all_of_it_stale) {
  const int many = 1001;
  parent_has({5});
  for (int id = 1; id <= many; ++id) stale({id});
  stream_.commit();
  delivered();
  EXPECT_EQ(stale_here(), "");
  EXPECT_EQ(sql_->value("SELECT is_complete FROM tributary.walk WHERE table_name = 'public.document'"), "f");
  EXPECT_FALSE(told().is_complete);
  EXPECT_EQ(told_stale(), "");
  patch(5, "5 patched").commit();
  patch(7, "7 patched").commit();
  delivered();
  EXPECT_EQ(titles(), "5 old") << "a chunk brings it";
}

// --- sets of keys ---

TEST_F(ApplyStale, a_set_of_keys_puts_its_rows_and_removes_the_others) {
  parent_has({1, 2, 3, 4, 9});
  stale({2, 3, 4, 5}).commit();
  delivered();
  const std::string before = sql_->value("SELECT xmin FROM document WHERE id = 4");
  chunk({.keys = {2, 3, 4, 5, 6}, .settled = {5}, .rows = {{2, "2 new"}, {4, "4 old"}, {8, "8 live"}}});
  patch(2, "2 patched").commit();
  delivered();
  EXPECT_EQ(titles(), "1 old, 2 patched, 4 old, 8 live, 9 old");
  EXPECT_EQ(sql_->value("SELECT xmin FROM document WHERE id = 4"), before) << "what is equal is not written";
  EXPECT_EQ(stale_here(), "5");
  EXPECT_EQ(sql_->value("SELECT is_complete FROM tributary.walk WHERE table_name = 'public.document'"), "t");
}

TEST_F(ApplyStale, a_set_of_keys_keeps_its_place_among_other_changes) {
  stale({1}).commit();
  put(2, "2 first").commit();
  chunk({.keys = {1, 2, 3}, .settled = {2}, .rows = {{1, "1 new"}}});
  put(1, "1 last").commit();
  put(3, "3 last").commit();
  EXPECT_EQ(deliver_all().transactions, 5u);
  EXPECT_EQ(titles(), "1 last, 2 first, 3 last");
  EXPECT_EQ(stale_here(), "");
}

TEST_F(ApplyStale, a_set_of_keys_removes_only_what_is_the_childs) {
  is_only_child_ = false;
  child_.owns = "id < 100";
  parent_has({1, 101});
  chunk({.keys = {1, 101}});
  EXPECT_EQ(deliver_all().deletes_left_out, 1u);
  EXPECT_EQ(titles(), "101 old");
  child_.owns.clear();
  parent_has({2});
  chunk({.keys = {2}});
  delivered();
  EXPECT_EQ(titles(), "2 old, 101 old");
}

TEST_F(ApplyStale, another_text_of_a_settled_key_is_not_removed) {
  const Relation price = table_of("price", {"id*", "title"}, {{"id", 1700}});
  sql_->exec("CREATE TABLE price (id numeric PRIMARY KEY, title text); INSERT INTO price VALUES (1.00, 'live')");
  std::string settled, absent;
  write_tuple(settled, {text("1.00")});
  write_tuple(absent, {text("1.0")});
  ChunkView chunk;
  chunk.is_key_set = true;
  chunk.keys = {absent};
  chunk.settled = {settled};
  stream_.change_of_bytes(ChangeKind::chunk, price, encode_chunk(chunk)).commit();
  delivered();
  EXPECT_EQ(rows("SELECT * FROM price"), "1.00 | live\n");
}

TEST_F(ApplyStale, unique_values_that_moved_among_stale_rows_arrive) {
  sql_->exec("INSERT INTO document VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  stale({1, 2, 3}).commit();
  chunk({.keys = {1, 2}, .rows = {{1, "b"}, {2, "c"}}});
  delivered();
  EXPECT_EQ(titles(), "b, c");
  EXPECT_EQ(stale_here(), "3") << "its row made way";
  chunk({.keys = {3}, .rows = {{3, "a"}}});
  delivered();
  EXPECT_EQ(titles(), "b, c, a");
  EXPECT_EQ(stale_here(), "");
}

TEST_F(ApplyStale, rows_of_others_do_not_make_way_for_a_set_of_keys) {
  is_only_child_ = false;
  sql_->exec("INSERT INTO document VALUES (2, 'b')");
  chunk({.keys = {1}, .rows = {{1, "b"}}});
  const LaneReport report = deliver_all();
  ASSERT_TRUE(report.hold);
  EXPECT_EQ(report.hold->sqlstate, "23505");
  EXPECT_EQ(titles(), "b");
}

TEST_F(ApplyStale, a_stale_row_makes_way_for_a_row_of_the_stream) {
  sql_->exec("INSERT INTO document VALUES (1, 'a'), (2, 'b')");
  deletions_max_ = 0;
  stale({1}).commit();
  put(2, "a").commit();
  delivered();
  EXPECT_EQ(titles(), "a");
  EXPECT_EQ(stale_here(), "1") << "it comes again";
  chunk({.keys = {1}, .rows = {{1, "c"}}});
  delivered();
  EXPECT_EQ(titles(), "c, a");
  EXPECT_EQ(stale_here(), "");
}

TEST_F(ApplyStale, a_stale_row_makes_way_for_single_columns_of_another) {
  sql_->exec(
      "ALTER TABLE document ADD UNIQUE (title, body); ALTER TABLE document DROP CONSTRAINT document_title_key;"
      "INSERT INTO document VALUES (1, 'a', 'body'), (2, 'b', 'body'), (3, 'a', 'other')");
  stale({1, 3}).commit();
  patch(2, "a").commit();
  delivered();
  EXPECT_EQ(rows("SELECT id, title, body FROM document ORDER BY id"), "2 | a | body\n3 | a | other\n");
  EXPECT_EQ(stale_here(), "1 3");
}

TEST_F(ApplyStale, only_the_stale_row_makes_way) {
  sql_->exec("INSERT INTO document VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  stale({1}).commit();
  put(3, "b").commit();
  const LaneReport report = deliver_all();
  ASSERT_TRUE(report.hold);
  EXPECT_EQ(report.hold->sqlstate, "23505");
  EXPECT_EQ(titles(), "a, b, c");
}

TEST_F(ApplyStale, a_stale_row_makes_way_where_other_children_write_too) {
  is_only_child_ = false;
  sql_->exec("INSERT INTO document VALUES (1, 'a'), (2, 'b')");
  stale({1}).commit();
  put(2, "a").commit();
  delivered();
  chunk({.keys = {1}, .rows = {{1, "b"}}});
  delivered();
  EXPECT_EQ(titles(), "b, a");
}

// Both are the child's, which has no such constraint.
TEST_F(ApplyStale, two_rows_that_push_each_other_away_hold_in_the_end) {
  sql_->exec("INSERT INTO document VALUES (1, 'a')");
  stale({2}).commit();
  delivered();
  int pushed = 0;
  std::optional<LaneHold> held;
  for (; pushed < 100 && !held; ++pushed) {
    const int next = std::stoi(stale_here());
    chunk({.keys = {next}, .rows = {{next, "a"}}});
    deliver({stream_.batch()}, [&](const LaneHold& hold) {
      held = hold;
      sql_->exec("ALTER TABLE document DROP CONSTRAINT IF EXISTS document_title_key");
    });
  }
  ASSERT_TRUE(held);
  EXPECT_GT(pushed, 4);
  EXPECT_EQ(held->sqlstate, "23505");
  EXPECT_THAT(held->reason, HasSubstr("document_title_key"));
  EXPECT_THAT(held->hint, HasSubstr("stricter than the child's"));
  EXPECT_EQ(titles(), "a, a") << "when it is mended";
  EXPECT_EQ(stale_here(), "");
}

// --- another key ---

const Relation kByTitle = table_of("document", {"id", "title*", "body"}, {{"id", kInt4Oid}});
const Relation kByBoth = table_of("document", {"id*", "title*", "body"}, {{"id", kInt4Oid}});

TEST_F(ApplyStale, a_walk_begins_anew_when_the_key_changes) {
  chunk({.up_to = 3, .rows = {{1, "1 new"}}});
  delivered();
  sql_->exec("ALTER TABLE document DROP CONSTRAINT document_pkey, ADD PRIMARY KEY (title)");
  stream_.patch(kByTitle, {text("1"), text("1 new"), text("patched")}).commit();
  stream_.patch(kByTitle, {kUnchanged, text("1 new"), text("patched")}).commit();
  delivered();
  EXPECT_EQ(told().walked_to, "");
  EXPECT_FALSE(told().is_complete);
  EXPECT_EQ(told().reason, "");
  chunk({.rows = {{1, "1 new"}, {2, "2 new"}}}, kByTitle);
  stream_.patch(kByTitle, {kUnchanged, text("1 new"), text("patched")}).commit();
  delivered();
  EXPECT_TRUE(told().is_complete);
  EXPECT_EQ(rows("SELECT title, body FROM document ORDER BY id"), "1 new | patched\n2 new | body\n");
}

TEST_F(ApplyStale, stale_keys_of_another_shape_are_dropped_and_the_table_is_walked) {
  parent_has({1, 2});
  stale({1}).commit();
  delivered();
  sql_->exec(
      "UPDATE tributary.walk SET key_columns = '\"id\" 23' WHERE table_name = 'public.document';"
      "ALTER TABLE document DROP CONSTRAINT document_pkey, ADD PRIMARY KEY (id, title)");
  stream_.put(kByBoth, {text("2"), text("2 old"), text("put")}).commit();
  delivered();
  EXPECT_EQ(stale_here(), "");
  EXPECT_FALSE(told().is_complete);
  chunk({.rows = {{1, "1 new"}, {2, "2 old"}}}, kByBoth);
  EXPECT_FALSE(deliver_all().hold);
  EXPECT_EQ(titles(), "1 new, 2 old");
  EXPECT_TRUE(told().is_complete);
}

TEST_F(ApplyStale, chunks_and_digests_of_another_key_begin_the_walk_anew) {
  chunk({.up_to = 3, .rows = {{1, "1 new"}}});
  delivered();
  sql_->exec("CREATE UNIQUE INDEX ON document (id, title)");
  DigestView digest;
  std::string after;
  write_tuple(after, {text("3"), text("title")});
  digest.after = after;
  digest.ranges.push_back({{1, 2, 3}, std::nullopt});
  stream_.change_of_bytes(ChangeKind::digest, kByBoth, encode_digest(digest)).commit();
  delivered();
  EXPECT_EQ(told().walked_to, "");
  chunk({.rows = {{1, "1 new"}}}, kByBoth);
  delivered();
  EXPECT_TRUE(told().is_complete);
  EXPECT_EQ(sql_->value("SELECT key_columns FROM tributary.walk WHERE table_name = 'public.document'"),
            "\"id\" 23, \"title\" 25");
}

TEST_F(ApplyStale, a_table_that_is_settled_stays_so_under_another_key) {
  chunk({.rows = {{1, "1 new"}}});
  delivered();
  sql_->exec("CREATE UNIQUE INDEX ON document (id, title)");
  stream_.put(kByBoth, {text("2"), text("2 new"), text("body")}).commit();
  stream_.put(kByBoth, {text("3"), text("3 new"), text("body")}).commit();
  delivered();
  EXPECT_EQ(titles(), "1 new, 2 new, 3 new");
  EXPECT_EQ(sql_->value("SELECT is_complete FROM tributary.walk WHERE table_name = 'public.document'"), "t");
}

// --- tables that do not fit ---

TEST_F(ApplyStale, a_table_that_does_not_fit_is_left_out_and_the_rest_flows) {
  sql_->exec("CREATE TABLE photo (id int PRIMARY KEY, title text)");
  const Relation photo = table_of("photo", {"id*", "title"}, {{"id", kInt4Oid}});
  parent_has({1});
  put(1, "1 new").commit();
  put(2, "2 wide", kWider).put(photo, {text("1"), text("with it")}).commit();
  stream_.put(photo, {text("2"), text("after it")}).commit();
  LaneReport report = deliver_all();
  EXPECT_FALSE(report.hold);
  EXPECT_EQ(titles(), "1 new");
  EXPECT_EQ(rows("SELECT * FROM photo ORDER BY id"), "1 | with it\n2 | after it\n");
  ASSERT_EQ(report.attentions.size(), 1u);
  EXPECT_EQ(report.attentions[0].table, "public.document");
  EXPECT_THAT(report.attentions[0].message, HasSubstr("\"pages\""));
  EXPECT_EQ(report.attentions[0].hint, "ALTER TABLE \"public\".\"document\" ADD COLUMN \"pages\" integer;");
  EXPECT_FALSE(told().is_complete);
  EXPECT_EQ(told().walked_to, "");
  EXPECT_EQ(told().hint, report.attentions[0].hint);
  EXPECT_EQ(sql_->value("SELECT hint FROM tributary.walk WHERE table_name = 'public.document'"), told().hint);
}

TEST_F(ApplyStale, what_is_left_out_is_not_written_one_by_one) {
  for (int id = 1; id <= 3; ++id) put(id, "wide", kWider).commit();
  delivered();
  sql_->exec("CREATE TABLE photo (id int PRIMARY KEY, title text)");
  const Relation photo = table_of("photo", {"id*", "title"}, {{"id", kInt4Oid}});
  for (const char* id : {"1", "2", "3"}) {
    put(4, "wide", kWider);
    stream_.put(photo, {text(id), text("title")}).commit();
  }
  delivered();
  EXPECT_EQ(sql_->number("SELECT count(DISTINCT xmin::text) FROM photo"), 1);
}

TEST_F(ApplyStale, a_table_that_was_mended_is_told_and_written) {
  put(1, "1 wide", kWider).commit();
  delivered();
  sql_->exec(told().hint);
  put(2, "2 wide", kWider).commit();
  delivered();
  EXPECT_EQ(titles(), "2 wide");
  EXPECT_EQ(told().reason, "");
  EXPECT_FALSE(told().is_complete);
  chunk({.rows = {{1, "1 wide"}, {2, "2 wide"}}}, kWider);
  EXPECT_TRUE(deliver_all().attentions.empty());
  EXPECT_EQ(titles(), "1 wide, 2 wide");
  EXPECT_TRUE(told().is_complete);
}

TEST_F(ApplyStale, a_table_that_is_mended_while_nothing_happens_is_noticed) {
  put(1, "1 wide", kWider).commit();
  bool is_mended = false;
  until_ = [&](const LaneReport& report) {
    if (!std::exchange(is_mended, true)) sql_->exec(report.attentions.at(0).hint);
    return report.attentions.empty();
  };
  delivered();
  EXPECT_EQ(told().reason, "");
  EXPECT_EQ(wants_.back().at, stream_.position());
}

TEST_F(ApplyStale, a_table_whose_shape_fits_again_is_written) {
  parent_has({3});
  put(1, "1 wide", kWider).commit();
  put(2, "2 narrow").commit();
  patch(3, "3 patched").commit();
  EXPECT_TRUE(deliver_all().attentions.empty());
  EXPECT_EQ(titles(), "2 narrow, 3 old");
  EXPECT_FALSE(told().is_complete);
}

TEST_F(ApplyStale, chunks_and_digests_of_a_table_that_does_not_fit_are_left_out_and_answered) {
  put(1, "1 wide", kWider).commit();
  delivered();
  wants_.clear();
  chunk({.up_to = 3, .rows = {{1, "1 wide"}}}, kWider);
  delivered();
  EXPECT_THAT(told().reason, HasSubstr("\"pages\""));
  EXPECT_EQ(wants_.back().at, stream_.position());
  DigestView digest;
  digest.ranges.push_back({{1, 2, 3}, std::nullopt});
  stream_.change_of_bytes(ChangeKind::digest, kWider, encode_digest(digest)).commit();
  delivered();
  EXPECT_EQ(wants_.back().at, stream_.position());
  EXPECT_EQ(titles(), "");
}

TEST_F(ApplyStale, a_chunk_that_was_on_its_way_when_the_walk_began_anew_is_left_out) {
  chunk({.up_to = 3, .rows = {{1, "1 new"}}});
  delivered();
  put(9, "9 wide", kWider).commit();
  delivered();
  sql_->exec(told().hint);
  chunk({.after = 3, .up_to = 5, .rows = {{4, "4 wide"}}}, kWider);
  const std::string after = key_of(5);
  DigestView digest;
  digest.after = after;
  digest.ranges.push_back({{1, 2, 3}, std::nullopt});
  stream_.change_of_bytes(ChangeKind::digest, kWider, encode_digest(digest)).commit();
  delivered();
  EXPECT_EQ(titles(), "1 new");
  EXPECT_EQ(told().walked_to, "");
  EXPECT_EQ(wants_.back().at, stream_.position());
}

TEST_F(ApplyStale, a_table_without_rows_need_not_be_here) {
  const Relation photo = table_of("photo", {"id*", "title"}, {{"id", kInt4Oid}});
  DigestView digest;
  digest.ranges.push_back({{}, std::nullopt});
  stream_.change_of_bytes(ChangeKind::digest, photo, encode_digest(digest)).commit();
  EXPECT_TRUE(deliver_all().attentions.empty());
  EXPECT_EQ(sql_->value("SELECT is_complete FROM tributary.walk WHERE table_name = 'public.photo'"), "t");
  stream_.put(photo, {text("1"), text("a row")}).commit();
  EXPECT_THAT(deliver_all().attentions.at(0).message, HasSubstr("does not exist here"));
}

TEST_F(ApplyStale, a_key_that_is_not_compared_exactly_is_left_out) {
  sql_->exec(
      "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
      "CREATE TABLE word (id text COLLATE loose PRIMARY KEY, title text)");
  const Relation word = table_of("word", {"id*", "title"});
  stream_.put(word, {text("a"), text("small")}).commit();
  const LaneReport report = deliver_all();
  ASSERT_EQ(report.attentions.size(), 1u);
  EXPECT_THAT(report.attentions[0].message, HasSubstr("nondeterministic"));
  sql_->exec(report.attentions[0].hint);
  stream_.put(word, {text("a"), text("small")}).put(word, {text("A"), text("large")}).commit();
  EXPECT_TRUE(deliver_all().attentions.empty());
  EXPECT_EQ(sql_->number("SELECT count(*) FROM word"), 2);
}

TEST_F(ApplyStale, a_column_dropped_while_the_lane_runs_is_noticed) {
  put(1, "1 new").commit();
  delivered();
  sql_->exec("ALTER TABLE document DROP COLUMN title");
  put(2, "2 new").commit();
  const LaneReport report = deliver_all();
  ASSERT_EQ(report.attentions.size(), 1u);
  EXPECT_THAT(report.attentions[0].message, HasSubstr("\"title\""));
}

TEST_F(ApplyStale, a_table_that_a_crash_would_empty_waits_until_it_is_logged) {
  sql_->exec(R"(ALTER TABLE document SET UNLOGGED;
    CREATE TABLE "split" (id int PRIMARY KEY, body text) PARTITION BY RANGE (id);
    CREATE TABLE split_a PARTITION OF "split" FOR VALUES FROM (0) TO (10);
    CREATE UNLOGGED TABLE "split B" PARTITION OF "split" FOR VALUES FROM (10) TO (20))");
  const Relation split = table_of("split", {"id*", "body"}, {{"id", kInt4Oid}});
  put(1, "one").commit();
  stream_.put(split, {text("1"), text("a")}).commit();
  const LaneReport report = deliver_all();
  ASSERT_EQ(report.attentions.size(), 2u);
  EXPECT_THAT(report.attentions[0].message, HasSubstr("table public.document is not in the write-ahead log here"));
  EXPECT_THAT(report.attentions[1].message, HasSubstr("table public.\"split B\" is not in the write-ahead log here"));
  for (const TableAttention& attention : report.attentions) sql_->exec(attention.hint);
  put(2, "two").put(split, {text("11"), text("b")}).commit();
  EXPECT_TRUE(deliver_all().attentions.empty());
  EXPECT_EQ(titles(), "two");
  EXPECT_EQ(rows("SELECT * FROM split"), "11 | b\n");
}

}  // namespace
}  // namespace tributary
