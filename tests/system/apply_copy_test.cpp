// Rows that the child inserted go in by COPY, and by upsert when one of them is there already.
#include <gmock/gmock.h>

#include "apply_fixture.h"

namespace tributary {
namespace {

using testing::HasSubstr;

const Relation kDocument = table_of("document", {"id*", "title", "body"}, {{"id", kInt4Oid}});

class ApplyCopy : public ApplyTest {
 protected:
  ApplyCopy() {
    sql_->exec(
        "CREATE TABLE document (id int PRIMARY KEY, title text UNIQUE, body text);"
        "CREATE TABLE statement (n serial, command text);"
        "CREATE FUNCTION note_statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO public.statement (command) VALUES (split_part(current_query(), ' ', 1)); RETURN NULL; END $$;"
        "CREATE TRIGGER note AFTER INSERT ON document EXECUTE FUNCTION note_statement();"
        "ALTER TABLE document ENABLE ALWAYS TRIGGER note");
  }

  // As many rows as make COPY worth its round trip.
  void insert_many(int first, int count = 500) {
    for (int id = first; id < first + count; ++id) insert(id);
  }
  void insert(int id) {
    ids_.push_back(std::to_string(id));
    titles_.push_back("title " + ids_.back());
    stream_.insert(kDocument, {text(ids_.back()), text(titles_.back()), kNull});
  }
  std::string commands() { return sql_->value("SELECT string_agg(command, ' ' ORDER BY n) FROM statement"); }
  int64_t count() { return sql_->number("SELECT count(*) FROM document"); }

  std::deque<std::string> ids_, titles_;
};

TEST_F(ApplyCopy, ValuesArriveAsTheyAre) {
  const std::vector<std::string> values = {"",
                                           "\\N",
                                           "\\.",
                                           "tab\there",
                                           "line\nbreak\r\n",
                                           "C:\\new\\table",
                                           "\\x41",
                                           "Gr\u00fc\u00dfe \u4e16\u754c",
                                           "'\"",
                                           "{a,\"b\"}"};
  for (int id = 0; id < 200; ++id) {
    ids_.push_back(std::to_string(id));
    titles_.push_back(ids_.back() + values[static_cast<size_t>(id) % values.size()]);
    stream_.insert(kDocument, {text(ids_.back()), text(titles_.back()), id % 2 ? kNull : text(values[1])});
  }
  stream_.commit();
  deliver_all();
  EXPECT_EQ(commands(), "COPY");
  for (int id = 0; id < 200; ++id) {
    const test::Row row = sql_->rows("SELECT title, body FROM document WHERE id = $1", {std::to_string(id)}).at(0);
    EXPECT_EQ(row[0], titles_[static_cast<size_t>(id)]);
    EXPECT_EQ(row[1], id % 2 ? std::nullopt : std::optional<std::string>("\\N"));
  }
}

TEST_F(ApplyCopy, AFewRowsGoWithTheOtherStatements) {
  insert_many(1, 5);
  stream_.commit();
  deliver_all();
  EXPECT_EQ(commands(), "INSERT");
  EXPECT_EQ(count(), 5);
}

TEST_F(ApplyCopy, OtherChangesOfTheGroupComeFirst) {
  sql_->exec("INSERT INTO document VALUES (1, 'title 100', 'old'), (2, 'two', 'old'), (3, 'three', 'old')");
  sql_->exec("TRUNCATE statement");
  stream_.remove(kDocument, {text("1"), kNull, kNull});
  stream_.put(kDocument, {text("2"), text("zwei"), kNull});
  stream_.patch(kDocument, {text("3"), text("drei"), kUnchanged});
  insert_many(100);
  stream_.commit();
  deliver_all();
  EXPECT_EQ(commands(), "INSERT COPY");
  EXPECT_EQ(count(), 502);
  EXPECT_EQ(rows("SELECT * FROM document WHERE id < 100 ORDER BY id"), "2 | zwei | NULL\n3 | drei | old\n");
}

TEST_F(ApplyCopy, RowsThatAreThereAlreadyAreReplacedAndCopyRestsForAWhile) {
  sql_->exec("INSERT INTO document VALUES (7, 'old', 'old'); TRUNCATE statement");
  insert_many(1);
  stream_.commit();
  deliver_all();
  EXPECT_EQ(commands(), "INSERT");
  EXPECT_EQ(rows("SELECT * FROM document WHERE id = 7"), "7 | title 7 | NULL\n");
  EXPECT_EQ(count(), 500);
}

TEST_F(ApplyCopy, OnlyOwnedRowsAreTaken) {
  child_.owns = "id < 1000";
  insert_many(1);
  stream_.commit();
  deliver_all();
  EXPECT_EQ(commands(), "COPY");
  insert_many(800);
  stream_.commit();
  const LaneReport report = deliver_all();
  ASSERT_TRUE(report.hold);
  EXPECT_THAT(report.hold->reason, HasSubstr("is not the child's to write"));
  EXPECT_EQ(count(), 500);
}

TEST_F(ApplyCopy, AConditionThatCopyCannotTakeGoesByUpsert) {
  sql_->exec("CREATE TABLE own AS SELECT 100000 AS below");
  child_.owns = "id < (SELECT below FROM public.own)";
  insert_many(1);
  stream_.commit();
  EXPECT_FALSE(deliver_all().hold);
  EXPECT_EQ(commands(), "INSERT");
  EXPECT_EQ(count(), 500);
}

TEST_F(ApplyCopy, ALargeTransactionWithRowsThatAreThereIsSentAgainAndUpserted) {
  begin();
  sql_->exec("INSERT INTO document VALUES (700, 'old', 'old'); TRUNCATE statement");
  std::deque<Batch> parts;
  insert_many(1);
  parts.push_back(stream_.part(0, false));
  insert_many(501);
  stream_.commit();
  parts.push_back(stream_.part(1, true));
  EXPECT_THROW(deliver(parts), Error);
  EXPECT_EQ(memory_.next_way, Way::without_copy);
  EXPECT_FALSE(deliver(parts).hold);
  EXPECT_EQ(commands(), "INSERT INSERT");
  EXPECT_EQ(rows("SELECT * FROM document WHERE id = 700"), "700 | title 700 | NULL\n");
  EXPECT_EQ(count(), 1000);
}

}  // namespace
}  // namespace tributary
