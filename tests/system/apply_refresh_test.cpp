// Chunks of a refresh at the parent: what becomes of the rows of their ranges, and of changes of rows that no chunk has
// brought yet.
#include <gmock/gmock.h>

#include "apply_fixture.h"

namespace tributary {
namespace {

using testing::HasSubstr;

const Relation kDocument = table_of("document", {"id*", "title", "body"}, {{"id", kInt4Oid}});

class ApplyRefresh : public ApplyTest {
 protected:
  ApplyRefresh() {
    sql_->exec(
        "DROP TRIGGER keep ON tributary.walk; DELETE FROM tributary.walk;"
        "CREATE TABLE document (id int PRIMARY KEY, title text UNIQUE, body text)");
  }

  // The rows of (after, up_to], each "id" with the title "<id> <version>"; 0: no bound.
  void chunk(int after, int up_to, const std::vector<int>& ids, const std::string& version = "new",
             const std::vector<int>& settled = {}) {
    std::deque<std::string> bytes;
    const auto key = [&](int id) -> std::string_view {
      const std::string name = std::to_string(id);
      write_tuple(bytes.emplace_back(), {text(name)});
      return bytes.back();
    };
    ChunkView chunk;
    chunk.may_delete_extra = may_delete_extra_;
    chunk.keeps_extra = keeps_extra_;
    if (after) chunk.after = key(after);
    if (up_to) chunk.up_to = key(up_to);
    for (const int id : settled) chunk.settled.push_back(key(id));
    for (const int id : ids) {
      const std::string name = std::to_string(id), title = name + " " + version;
      write_tuple(bytes.emplace_back(), {text(name), text(title), text("body")});
      chunk.rows.push_back(bytes.back());
    }
    stream_.change_of_bytes(ChangeKind::chunk, kDocument, encode_chunk(chunk)).commit();
  }
  void parent_has(const std::vector<int>& ids, const std::string& version = "old") {
    for (const int id : ids)
      sql_->exec("INSERT INTO document VALUES ($1, $2, 'body')",
                 {std::to_string(id), std::to_string(id) + " " + version});
  }
  std::string titles() { return sql_->value("SELECT string_agg(title, ', ' ORDER BY id) FROM document"); }
  std::string listed() { return sql_->value("SELECT string_agg(key::text, '' ORDER BY key) FROM tributary.extra"); }
  // The last thing that the child heard of the table.
  TableState told() {
    for (size_t i = wants_.size(); i-- > 0;)
      for (const TableState& state : wants_[i].tables) return state;
    return {};
  }
  std::string walk() {
    return sql_->value("SELECT string_agg(concat_ws(' ', is_complete, rows, deleted, kept), ', ') FROM tributary.walk");
  }
  bool may_delete_extra_ = false;
  bool keeps_extra_ = false;
  static std::vector<int> ids_from(int first, int last) {
    std::vector<int> ids;
    for (int id = first; id <= last; ++id) ids.push_back(id);
    return ids;
  }
};

TEST_F(ApplyRefresh, rows_arrive_and_the_walk_is_written_down) {
  chunk(0, 300, ids_from(1, 300));
  chunk(300, 0, ids_from(301, 310));
  deliver_all();
  EXPECT_EQ(sql_->number("SELECT count(*) FROM document WHERE title = id || ' new'"), 310);
  EXPECT_EQ(walk(), "t 310 0 0");
}

TEST_F(ApplyRefresh, what_is_there_already_is_not_written) {
  parent_has({1, 2}, "new");
  parent_has({3});
  const std::string before = rows("SELECT id, xmin FROM document WHERE id < 3 ORDER BY id");
  chunk(0, 0, {1, 2, 3, 4});
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 2 new, 3 new, 4 new");
  EXPECT_EQ(rows("SELECT id, xmin FROM document WHERE id < 3 ORDER BY id"), before);
}

TEST_F(ApplyRefresh, rows_that_the_child_does_not_have_go_at_the_end_of_the_walk) {
  parent_has({1, 2, 3, 4, 5, 6});
  chunk(0, 1, {1});
  chunk(1, 4, {2, 4});
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 2 new, 3 old, 4 new, 5 old, 6 old");
  EXPECT_EQ(walk(), "f 3 0 0");
  EXPECT_EQ(listed(), "{3}");
  chunk(4, 0, {});
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 2 new, 4 new");
  EXPECT_EQ(walk(), "t 3 3 0");
  EXPECT_EQ(listed(), "");
  EXPECT_EQ(told().kept, 0u);
  EXPECT_TRUE(told().is_complete);
}

TEST_F(ApplyRefresh, what_the_stream_has_settled_is_left_alone) {
  parent_has({1, 2, 3});
  chunk(0, 0, {3}, "new", {1, 7});
  deliver_all();
  EXPECT_EQ(titles(), "1 old, 3 new");
}

TEST_F(ApplyRefresh, only_what_the_child_owns_is_deleted) {
  child_.owns = "id < 100";
  is_only_child_ = false;
  parent_has({1, 2, 101});
  chunk(0, 0, {2});
  deliver_all();
  EXPECT_EQ(titles(), "2 new, 101 old");
}

TEST_F(ApplyRefresh, where_other_children_write_too_nothing_is_deleted) {
  is_only_child_ = false;
  parent_has({1, 2});
  chunk(0, 0, {2});
  deliver_all();
  EXPECT_EQ(titles(), "1 old, 2 new");
}

TEST_F(ApplyRefresh, a_row_of_somebody_else_holds) {
  child_.owns = "id < 100";
  chunk(0, 0, {2, 101});
  const LaneReport report = deliver_all();
  ASSERT_TRUE(report.hold);
  EXPECT_THAT(report.hold->reason, HasSubstr("not all the child's"));
  EXPECT_EQ(titles(), "");
}

TEST_F(ApplyRefresh, a_row_that_would_be_somebody_elses_holds) {
  child_.owns = "title NOT LIKE '%foreign'";
  parent_has({2});
  chunk(0, 0, {2}, "foreign");
  const LaneReport report = deliver_all();
  ASSERT_TRUE(report.hold);
  EXPECT_THAT(report.hold->reason, HasSubstr("not all the child's"));
  EXPECT_EQ(titles(), "2 old");
}

TEST_F(ApplyRefresh, too_many_deletions_wait_for_a_person) {
  deletions_max_ = 3;
  parent_has({1, 2, 3, 4, 5, 6, 7});
  chunk(0, 3, {1});
  chunk(3, 0, {});
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 2 old, 3 old, 4 old, 5 old, 6 old, 7 old");
  EXPECT_EQ(walk(), "t 1 0 6");
  EXPECT_EQ(listed(), "{2}{3}{4}{5}{6}{7}");
  EXPECT_EQ(told().kept, 6u);
}

TEST_F(ApplyRefresh, one_row_of_a_hundred_may_be_deleted) {
  deletions_max_ = 3;
  parent_has(ids_from(1, 404));
  chunk(0, 0, ids_from(1, 400), "old");
  deliver_all();
  EXPECT_EQ(walk(), "t 400 4 0");
}

TEST_F(ApplyRefresh, what_is_kept_is_said_until_it_is_gone) {
  deletions_max_ = 1;
  parent_has({1, 2, 3});
  chunk(0, 0, {1});
  LaneReport report = deliver_all();
  ASSERT_EQ(report.attentions.size(), 1u);
  EXPECT_EQ(report.attentions[0].table, "public.document");
  EXPECT_THAT(report.attentions[0].message, HasSubstr("2 rows of table public.document that district-a does not have"));
  chunk(0, 0, {1, 2, 3}, "newer");
  report = deliver_all();
  EXPECT_TRUE(report.attentions.empty());
  EXPECT_EQ(listed(), "") << "a walk that begins forgets what was listed";
  EXPECT_EQ(titles(), "1 newer, 2 newer, 3 newer");
}

TEST_F(ApplyRefresh, a_persons_word_deletes_them_all) {
  deletions_max_ = 1;
  parent_has({1, 2, 3, 4});
  chunk(0, 1, {1});
  may_delete_extra_ = true;
  chunk(1, 3, {});
  may_delete_extra_ = false;
  chunk(3, 0, {});
  deliver_all();
  EXPECT_EQ(titles(), "1 new");
  EXPECT_EQ(walk(), "t 1 3 0");
  parent_has({5, 6});
  chunk(0, 0, {1});
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 5 old, 6 old") << "it was said of one walk";
}

TEST_F(ApplyRefresh, a_persons_word_deletes_more_than_one_statement_lists) {
  sql_->exec("INSERT INTO document SELECT n, n || ' old', 'body' FROM generate_series(1, 1000500) n");
  may_delete_extra_ = true;
  chunk(0, 0, {1}, "old");
  deliver_all();
  EXPECT_EQ(titles(), "1 old");
  EXPECT_EQ(walk(), "t 1 1000499 0");
}

TEST_F(ApplyRefresh, what_may_only_not_have_come_to_the_child_is_kept_until_it_compares_again) {
  parent_has({1, 2, 3, 4});
  chunk(0, 2, {1});
  may_delete_extra_ = keeps_extra_ = true;
  chunk(2, 0, {});
  LaneReport report = deliver_all();
  EXPECT_EQ(titles(), "1 new, 2 old, 3 old, 4 old");
  EXPECT_EQ(walk(), "t 1 0 3");
  EXPECT_TRUE(told().to_be_compared);
  EXPECT_FALSE(report.settled->contains("public.document"));
  ASSERT_EQ(report.attentions.size(), 1u);
  EXPECT_THAT(report.attentions[0].message, HasSubstr("3 rows of table public.document are kept"));
  stream_.put(kDocument, {text("3"), text("3 came"), text("body")}).commit();
  report = deliver_all();
  EXPECT_EQ(listed(), "{2}{4}");
  EXPECT_THAT(report.attentions.at(0).message, HasSubstr("2 rows"));
  may_delete_extra_ = keeps_extra_ = false;
  deletions_max_ = 0;
  chunk(0, 3, {1, 3});
  chunk(3, 0, {});
  report = deliver_all();
  EXPECT_EQ(titles(), "1 new, 3 new") << "a person's word of before holds";
  EXPECT_FALSE(told().to_be_compared);
  EXPECT_TRUE(report.settled->contains("public.document"));
}

TEST_F(ApplyRefresh, what_a_parent_sends_on_is_to_be_compared_when_the_child_has_it_all) {
  keeps_extra_ = true;
  chunk(0, 0, {1});
  deliver_all();
  EXPECT_FALSE(told().to_be_compared) << "nothing is here that the child does not have";
  has_parent_ = true;
  chunk(0, 0, {1});
  const LaneReport report = deliver_all();
  EXPECT_TRUE(told().to_be_compared);
  EXPECT_TRUE(report.settled->empty());
}

TEST_F(ApplyRefresh, what_the_stream_writes_meanwhile_is_not_extra) {
  parent_has({1, 2, 3, 4, 5});
  chunk(0, 5, {1});
  deliver_all();
  EXPECT_EQ(listed(), "{2}{3}{4}{5}");
  stream_.put(kDocument, {text("2"), text("2 put"), kNull}).commit();
  stream_.patch(kDocument, {text("3"), text("3 patched"), kUnchanged}).commit();
  stream_.remove(kDocument, {text("4"), kNull, kNull}).commit();
  deliver_all();
  EXPECT_EQ(listed(), "{5}");
  chunk(5, 0, {});
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 2 put, 3 patched");
}

TEST_F(ApplyRefresh, what_the_stream_writes_change_by_change_is_not_extra) {
  parent_has({1, 2, 3, 7});
  chunk(0, 8, {1, 7});
  deliver_all();
  EXPECT_EQ(listed(), "{2}{3}");
  stream_.remove(kDocument, {text("2"), kNull, kNull});
  stream_.insert(kDocument, {text("2"), text("2 again"), kNull});
  stream_.put(kDocument, {text("3"), text("3 again"), kNull});
  // Set-wise the row with key 1 would come first.
  stream_.put(kDocument, {text("7"), text("7 again"), kNull});
  stream_.put(kDocument, {text("1"), text("7 new"), kNull}).commit();
  deliver_all();
  EXPECT_EQ(listed(), "");
  chunk(8, 0, {});
  deliver_all();
  EXPECT_EQ(titles(), "7 new, 2 again, 3 again, 7 again");
}

TEST_F(ApplyRefresh, of_what_is_kept_less_is_kept_when_the_stream_writes_it) {
  deletions_max_ = 1;
  parent_has({1, 2, 3, 4});
  chunk(0, 0, {1});
  deliver_all();
  EXPECT_EQ(told().kept, 3u);
  stream_.put(kDocument, {text("3"), text("3 put"), kNull}).commit();
  stream_.remove(kDocument, {text("4"), kNull, kNull}).commit();
  const LaneReport report = deliver_all();
  EXPECT_EQ(told().kept, 1u);
  EXPECT_EQ(walk(), "t 1 0 1");
  ASSERT_EQ(report.attentions.size(), 1u);
  EXPECT_THAT(report.attentions[0].message, HasSubstr("1 rows"));
}

TEST_F(ApplyRefresh, rows_of_a_child_that_was_moved_away_are_not_deleted) {
  sql_->exec(
      "INSERT INTO tributary.applied (child, stream, seq, end_lsn, chain)"
      " VALUES ('district-b', gen_random_uuid(), 1, '0/1', 1)");
  parent_has({1, 2});
  chunk(0, 0, {2});
  stream_.change(ChangeKind::clear, kDocument).commit();
  const LaneReport report = deliver_all();
  ASSERT_TRUE(report.hold);
  EXPECT_THAT(report.hold->hint, HasSubstr("tributary.applied"));
  EXPECT_EQ(titles(), "1 old, 2 new");
}

TEST_F(ApplyRefresh, single_columns_of_rows_that_are_not_walked_are_left_to_the_chunk) {
  parent_has({1, 5});
  chunk(0, 3, {1, 2});
  stream_.patch(kDocument, {text("2"), text("2 patched"), kUnchanged}).commit();
  stream_.patch(kDocument, {text("5"), text("5 patched"), kUnchanged}).commit();
  stream_.patch(kDocument, {text("6"), text("6 patched"), kUnchanged}).commit();
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 2 patched, 5 old") << "in one group";
  stream_.patch(kDocument, {text("1"), text("1 patched"), kUnchanged}).commit();
  stream_.patch(kDocument, {text("6"), text("6 patched"), kUnchanged}).commit();
  deliver_all();
  EXPECT_EQ(titles(), "1 patched, 2 patched, 5 old");
  chunk(3, 0, {5, 6});
  stream_.patch(kDocument, {text("6"), text("6 patched"), kUnchanged}).commit();
  deliver_all();
  EXPECT_EQ(titles(), "1 patched, 2 patched, 5 new, 6 patched");
}

TEST_F(ApplyRefresh, changes_around_a_chunk_in_one_group_keep_their_order) {
  parent_has({4});
  stream_.insert(kDocument, {text("1"), text("1 first"), kNull}).commit();
  stream_.insert(kDocument, {text("2"), text("2 first"), kNull}).commit();
  stream_.remove(kDocument, {text("4"), kNull, kNull}).commit();
  chunk(0, 0, {1, 3}, "new", {2});
  stream_.put(kDocument, {text("3"), text("3 last"), kNull}).commit();
  stream_.insert(kDocument, {text("4"), text("4 last"), kNull}).commit();
  stream_.remove(kDocument, {text("1"), kNull, kNull}).commit();
  deliver_all();
  EXPECT_EQ(titles(), "2 first, 3 last, 4 last");
}

TEST_F(ApplyRefresh, an_older_row_with_a_unique_value_that_has_moved_makes_way) {
  sql_->exec("INSERT INTO document VALUES (9, '1 new'), (8, '8 old'), (7, '2 live')");
  chunk(0, 3, {1});
  stream_.insert(kDocument, {text("2"), text("2 live"), kNull}).commit();
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 2 live, 8 old");
  chunk(3, 0, {7, 9});
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 2 live, 7 new, 9 new");
}

TEST_F(ApplyRefresh, unique_values_may_move_inside_a_chunk) {
  sql_->exec("INSERT INTO document VALUES (1, '2 new'), (2, '1 new'), (3, '3 new')");
  const std::string before = rows("SELECT xmin FROM document WHERE id = 3");
  chunk(0, 0, {1, 2, 3});
  EXPECT_FALSE(deliver_all().hold);
  EXPECT_EQ(titles(), "1 new, 2 new, 3 new");
  EXPECT_EQ(walk(), "t 3 0 0") << "what is put again does not count";
}

TEST_F(ApplyRefresh, a_unique_value_of_a_row_that_the_child_does_not_have_is_free) {
  deletions_max_ = 1;
  sql_->exec("INSERT INTO document VALUES (5, '1 new')");
  chunk(0, 0, {1});
  EXPECT_FALSE(deliver_all().hold);
  EXPECT_EQ(titles(), "1 new");
  EXPECT_EQ(walk(), "t 1 1 0");
}

TEST_F(ApplyRefresh, no_more_rows_make_way_than_may_be_deleted) {
  deletions_max_ = 1;
  sql_->exec("INSERT INTO document VALUES (5, '1 new'), (6, '2 new')");
  chunk(0, 0, {1, 2});
  LaneReport report = deliver_all();
  ASSERT_TRUE(report.hold);
  EXPECT_THAT(report.hold->reason, HasSubstr("more than a refresh may delete"));
  EXPECT_EQ(titles(), "1 new, 2 new") << "of rows 5 and 6";
  EXPECT_EQ(sql_->number("SELECT min(id) FROM document"), 5);
}

TEST_F(ApplyRefresh, a_row_that_made_way_and_is_put_again_does_not_count) {
  deletions_max_ = 0;
  sql_->exec("INSERT INTO document VALUES (7, '2 live')");
  chunk(0, 3, {1});
  stream_.insert(kDocument, {text("2"), text("2 live"), kNull});
  stream_.put(kDocument, {text("7"), text("7 live"), kNull}).commit();
  EXPECT_FALSE(deliver_all().hold);
  EXPECT_EQ(titles(), "1 new, 2 live, 7 live");
}

TEST_F(ApplyRefresh, a_row_that_is_kept_makes_way_for_the_stream) {
  deletions_max_ = 1;
  parent_has({5, 6, 7});
  chunk(0, 0, {1});
  deliver_all();
  stream_.insert(kDocument, {text("2"), text("5 old"), kNull}).commit();
  EXPECT_FALSE(deliver_all().hold);
  EXPECT_EQ(titles(), "1 new, 5 old, 6 old, 7 old");
  EXPECT_EQ(sql_->number("SELECT id FROM document WHERE title = '5 old'"), 2);
  EXPECT_EQ(listed(), "{6}{7}");
  EXPECT_EQ(told().kept, 2u);
  EXPECT_EQ(walk(), "t 1 1 2");
}

TEST_F(ApplyRefresh, a_row_that_is_refreshed_makes_way_for_nothing) {
  chunk(0, 0, {1, 2});
  stream_.insert(kDocument, {text("3"), text("1 new"), kNull}).commit();
  const LaneReport report = deliver_all();
  ASSERT_TRUE(report.hold);
  EXPECT_EQ(report.hold->sqlstate, "23505");
  EXPECT_EQ(titles(), "1 new, 2 new");
}

TEST_F(ApplyRefresh, rows_that_may_be_another_childs_make_no_way) {
  is_only_child_ = false;
  sql_->exec("INSERT INTO document VALUES (5, '1 new')");
  chunk(0, 0, {1});
  ASSERT_TRUE(deliver_all().hold);
  EXPECT_EQ(sql_->number("SELECT id FROM document"), 5);
}

TEST_F(ApplyRefresh, rows_that_may_be_another_childs_make_no_way_for_the_stream) {
  is_only_child_ = false;
  child_.owns = "id < 100";
  sql_->exec("INSERT INTO document VALUES (101, '2 live')");
  chunk(0, 1, {1});
  stream_.insert(kDocument, {text("2"), text("2 live"), kNull}).commit();
  ASSERT_TRUE(deliver_all().hold);
  EXPECT_EQ(titles(), "1 new, 2 live");
  EXPECT_EQ(sql_->number("SELECT max(id) FROM document"), 101);
}

TEST_F(ApplyRefresh, rows_with_values_that_only_the_parent_has_make_no_way) {
  sql_->exec("ALTER TABLE document ADD note text; INSERT INTO document VALUES (5, '1 new', NULL, 'by hand')");
  chunk(0, 0, {1});
  ASSERT_TRUE(deliver_all().hold);
  EXPECT_EQ(sql_->value("SELECT note FROM document"), "by hand");
}

TEST_F(ApplyRefresh, what_the_stream_has_settled_makes_no_way) {
  sql_->exec("INSERT INTO document VALUES (5, '1 new')");
  chunk(0, 0, {1}, "new", {5});
  const LaneReport report = deliver_all();
  ASSERT_TRUE(report.hold);
  EXPECT_THAT(report.hold->hint, HasSubstr("stricter"));
  EXPECT_EQ(sql_->number("SELECT id FROM document"), 5);
}

TEST_F(ApplyRefresh, older_rows_make_way_for_a_large_transaction) {
  sql_->exec("INSERT INTO document VALUES (7, '2 live')");
  chunk(0, 3, {1});
  deliver_all();
  std::deque<Batch> parts;
  stream_.insert(kDocument, {text("2"), text("2 live"), kNull});
  parts.push_back(stream_.part(0, false));
  stream_.insert(kDocument, {text("3"), text("3 live"), kNull}).commit();
  parts.push_back(stream_.part(1, true));
  EXPECT_THROW(deliver(parts), Error);
  EXPECT_THROW(deliver(parts), Error);
  deliver(parts);
  EXPECT_EQ(titles(), "1 new, 2 live, 3 live");
}

TEST_F(ApplyRefresh, a_table_that_was_emptied_after_the_chunk_is_empty) {
  parent_has({2});
  chunk(0, 0, {1, 2});
  stream_.change(ChangeKind::clear, kDocument).commit();
  stream_.insert(kDocument, {text("3"), text("3 last"), kNull}).commit();
  deliver_all();
  EXPECT_EQ(titles(), "3 last");
}

TEST_F(ApplyRefresh, a_new_stream_is_taken_up_and_walked_anew) {
  chunk(0, 0, {1, 2});
  deliver_all();
  deliver({stream_.break_off("the slot was lost")});
  EXPECT_EQ(sql_->value("SELECT stream FROM tributary.applied"), stream_.position().stream.to_string());
  EXPECT_EQ(walk(), "");
  stream_.patch(kDocument, {text("1"), text("1 patched"), kUnchanged}).commit();
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 2 new");
  chunk(0, 0, {1, 3}, "newest");
  deliver_all();
  EXPECT_EQ(titles(), "1 newest, 3 newest");
}

TEST_F(ApplyRefresh, a_person_may_have_a_table_walked_anew) {
  deletions_max_ = 1;
  parent_has({1, 2, 3, 4});
  chunk(0, 0, {1});
  deliver_all();
  EXPECT_EQ(told().kept, 3u);
  memory_.requested_walks["public.document"] = true;
  stream_.patch(kDocument, {text("1"), text("1 patched"), kUnchanged}).commit();
  const LaneReport report = deliver_all();
  EXPECT_FALSE(told().is_complete);
  EXPECT_EQ(told().walked_to, "");
  EXPECT_EQ(told().kept, 0u);
  EXPECT_TRUE(report.attentions.empty());
  EXPECT_TRUE(memory_.requested_walks.empty());
  EXPECT_EQ(titles(), "1 new, 2 old, 3 old, 4 old");
  // Sent before the child heard of it.
  chunk(3, 0, {5});
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 2 old, 3 old, 4 old");
  chunk(0, 0, {1}, "newer");
  deliver_all();
  EXPECT_EQ(titles(), "1 newer");
}

TEST_F(ApplyRefresh, a_table_that_was_never_walked_is_not_walked_for_a_person) {
  memory_.requested_walks["public.nothing"] = true;
  chunk(0, 0, {1});
  deliver_all();
  EXPECT_TRUE(memory_.requested_walks.empty());
  EXPECT_EQ(walk(), "t 1 0 0");
}

TEST_F(ApplyRefresh, a_range_that_does_not_follow_is_left_out) {
  chunk(0, 3, {1});
  chunk(4, 0, {5});
  chunk(3, 0, {4});
  deliver_all();
  EXPECT_EQ(titles(), "1 new, 4 new");
}

}  // namespace
}  // namespace tributary
