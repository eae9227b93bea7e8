// What a parent's database does not take holds the child's stream: the refused change is named, nothing of its
// transaction is written, what precedes it is, and mending the cause is noticed.
#include "apply_fixture.h"

namespace tributary {
namespace {

using testing::HasSubstr;
using testing::Not;

const Relation kDocument = table_of("document", {"id*", "district", "title"}, {{"id", kInt4Oid}});

class ApplyRefusal : public ApplyTest {
 protected:
  ApplyRefusal() {
    sql_->exec("CREATE TABLE document (id int PRIMARY KEY, district text, title text CONSTRAINT title_taken UNIQUE)");
  }
  std::string documents() { return rows("SELECT * FROM document ORDER BY id"); }
  ChildStream& put(const char* id, const char* district, const char* title) {
    return stream_.put(kDocument, {text(id), text(district), text(title)});
  }
  // Of a delivery that is held; empty when it is not.
  LaneHold hold_of_delivery() { return deliver_all().hold.value_or(LaneHold{}); }
};

TEST_F(ApplyRefusal, NamesTheFirstRefusedChangeAndKeepsWhatPrecedesIt) {
  sql_->exec("INSERT INTO document VALUES (9, 'B', 'secret title')");
  put("1", "A", "one").commit();
  put("2", "A", "two").put(kDocument, {text("3"), text("A"), text("secret title")}).commit();
  put("4", "A", "four").commit();
  const LaneHold hold = hold_of_delivery();
  EXPECT_EQ(hold.sqlstate, "23505");
  EXPECT_THAT(hold.reason, HasSubstr("public.document, row with key hash "));
  EXPECT_THAT(hold.reason, HasSubstr("title_taken"));
  EXPECT_THAT(hold.reason, Not(HasSubstr("secret title")));
  EXPECT_FALSE(hold.hint.empty());
  EXPECT_EQ(documents(), "1 | A | one\n9 | B | secret title\n");
  EXPECT_EQ(applied_seq(), 1u);
}

TEST_F(ApplyRefusal, GoesOnWhenTheCauseIsMended) {
  sql_->exec("INSERT INTO document VALUES (9, 'B', 'two')");
  put("1", "A", "one").commit();
  put("2", "A", "two").commit();
  put("3", "A", "three").commit();
  std::deque<Batch> batches;
  batches.push_back(stream_.beginning());
  batches.push_back(stream_.batch());
  int holds = 0;
  const LaneReport report = deliver(std::move(batches), [&](const LaneHold&) {
    ++holds;
    sql_->exec("DELETE FROM document WHERE id = 9");
  });
  EXPECT_EQ(holds, 1);
  EXPECT_FALSE(report.hold);
  EXPECT_EQ(report.transactions, 3u);
  EXPECT_EQ(documents(), "1 | A | one\n2 | A | two\n3 | A | three\n");
}

TEST_F(ApplyRefusal, ATriggerThatSwallowsARow) {
  sql_->exec(R"(CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE TRIGGER swallow BEFORE INSERT ON document FOR EACH ROW EXECUTE FUNCTION swallow();
    ALTER TABLE document ENABLE ALWAYS TRIGGER swallow)");
  put("1", "A", "one").commit();
  EXPECT_THAT(hold_of_delivery().reason, HasSubstr("trigger"));
}

TEST_F(ApplyRefusal, AConstraintThatSpeaksAtCommit) {
  sql_->exec(R"(CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no %', new.title; END $$;
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON document DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW WHEN (new.title = 'bad') EXECUTE FUNCTION refuse();
    ALTER TABLE document ENABLE ALWAYS TRIGGER refuse)");
  put("1", "A", "good").commit();
  put("2", "A", "bad").commit();
  const LaneHold hold = hold_of_delivery();
  EXPECT_EQ(hold.sqlstate, "P0001");
  EXPECT_THAT(hold.reason, Not(HasSubstr("bad")));
  EXPECT_EQ(documents(), "1 | A | good\n");
}

TEST_F(ApplyRefusal, AValueIsNotQuotedWhateverClassItsErrorIsOf) {
  sql_->exec("CREATE TABLE pointer (id int PRIMARY KEY, target regclass, home regnamespace, words tsquery)");
  const Relation pointer = table_of("pointer", {"id*", "target", "home", "words"},
                                    {{"id", kInt4Oid}, {"target", 2205}, {"home", 4089}, {"words", 3615}});
  const struct {
    std::vector<Value> row;
    const char *sqlstate, *condition;
  } cases[] = {
      {{text("1"), text("marker"), kNull, kNull}, "42P01", "undefined_table"},
      {{text("2"), text("a.b.c.marker"), kNull, kNull}, "42601", "syntax_error"},
      {{text("3"), kNull, text("marker"), kNull}, "3F000", "invalid_schema_name"},
      {{text("4"), kNull, kNull, text("& marker")}, "42601", "syntax_error"},
  };
  begin();
  for (const auto& [row, sqlstate, condition] : cases) {
    stream_.put(pointer, row).commit();
    const LaneHold hold = hold_of_delivery();
    EXPECT_EQ(hold.sqlstate, sqlstate);
    EXPECT_THAT(hold.reason, HasSubstr(condition));
    EXPECT_THAT(hold.reason, Not(HasSubstr("marker")));
    sql_->exec("DELETE FROM tributary.applied");
    memory_ = LaneMemory{};
    stream_ = ChildStream();
    begin();
  }
  // A missing right names the table alone.
  sql_->exec(
      "CREATE ROLE writer LOGIN; GRANT SET ON PARAMETER session_replication_role TO writer;"
      "GRANT USAGE ON SCHEMA tributary TO writer; GRANT ALL ON ALL TABLES IN SCHEMA tributary TO writer");
  connect_to(cluster_->conninfo(database_) + " user=writer");
  stream_.put(pointer, cases[0].row).commit();
  EXPECT_THAT(hold_of_delivery().reason, HasSubstr("permission denied for table pointer"));
}

TEST_F(ApplyRefusal, ARowIsNotReplacedWhereTheParentHasColumnsOfItsOwn) {
  sql_->exec(
      "ALTER TABLE document ADD note text DEFAULT 'none', ADD size int GENERATED ALWAYS AS (id * 2) STORED;"
      "INSERT INTO document VALUES (1, 'A', 'a', 'kept'), (2, 'A', 'b', 'kept')");
  put("1", "A", "b").put(kDocument, {text("2"), text("A"), text("a")}).commit();
  std::deque<Batch> batches;
  batches.push_back(stream_.beginning());
  batches.push_back(stream_.batch());
  std::string sqlstate;
  deliver(std::move(batches), [&](const LaneHold& hold) {
    sqlstate = hold.sqlstate;
    EXPECT_EQ(documents(), "1 | A | a | kept | 2\n2 | A | b | kept | 4\n");
    sql_->exec("ALTER TABLE document DROP COLUMN note");
  });
  EXPECT_EQ(sqlstate, "23505");
  EXPECT_EQ(documents(), "1 | A | b | 2\n2 | A | a | 4\n") << "a generated column is no obstacle";
}

TEST_F(ApplyRefusal, ATableThatChildrenMayNotWrite) {
  tables_ = {"public.photo"};
  put("1", "A", "one").commit();
  EXPECT_THAT(hold_of_delivery().reason, HasSubstr("not one that children may write"));
  EXPECT_EQ(documents(), "");
}

TEST_F(ApplyRefusal, ADatabaseThatWasNotPrepared) {
  sql_->exec("DROP SCHEMA tributary CASCADE");
  put("1", "A", "one").commit();
  try {
    deliver_all();
    ADD_FAILURE() << "delivered into a database without applied positions";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::setup);
    EXPECT_THAT(error.hint(), HasSubstr("tributary init"));
  }
}

// --- ownership ---

class Ownership : public ApplyRefusal {
 protected:
  Ownership() {
    child_.owns = "district = 'A'";
    is_only_child_ = false;
    sql_->exec("INSERT INTO document VALUES (1, 'A', 'mine'), (2, 'B', 'theirs'), (3, NULL, 'nobody''s')");
  }
  const std::string untouched_ = "1 | A | mine\n2 | B | theirs\n3 | NULL | nobody's\n";
  void expect_refused() {
    const LaneHold hold = hold_of_delivery();
    EXPECT_THAT(hold.reason, HasSubstr("is not the child's to write"));
    EXPECT_THAT(hold.reason, HasSubstr("district = 'A'"));
    EXPECT_EQ(documents(), untouched_);
  }
};

TEST_F(Ownership, OwnRowsAreWritten) {
  put("4", "A", "new").put(kDocument, {text("1"), text("A"), text("changed")}).commit();
  stream_.patch(kDocument, {text("4"), kUnchanged, text("newer")}).commit();
  put("5", "A", "gone").commit();
  EXPECT_EQ(hold_of_delivery(), LaneHold{});
  stream_.remove(kDocument, {text("5"), kNull, kNull}).patch(kDocument, {text("1"), text("A"), kUnchanged}).commit();
  EXPECT_EQ(hold_of_delivery(), LaneHold{});
  EXPECT_EQ(documents(), "1 | A | changed\n2 | B | theirs\n3 | NULL | nobody's\n4 | A | newer\n");
}

TEST_F(Ownership, AnInsertOfAnothersRowIsRefused) {
  put("4", "A", "good").put(kDocument, {text("5"), text("B"), text("bad")}).commit();
  expect_refused();
}

TEST_F(Ownership, AnInsertOfNobodysRowIsRefused) {
  stream_.put(kDocument, {text("4"), kNull, text("bad")}).commit();
  expect_refused();
}

TEST_F(Ownership, AnOverwriteOfAnothersRowIsRefused) {
  put("2", "A", "now mine").commit();
  expect_refused();
}

TEST_F(Ownership, AnOverwriteThatGivesARowAwayIsRefused) {
  put("1", "B", "given").commit();
  expect_refused();
}

TEST_F(Ownership, ARemoveOfARowThatIsNotTheChildsIsLeftOutAndCounted) {
  for (const char* id : {"1", "2", "3", "9"}) stream_.remove(kDocument, {text(id), kNull, kNull});
  put("4", "A", "new").commit();
  const LaneReport report = deliver_all();
  EXPECT_FALSE(report.hold);
  EXPECT_EQ(documents(), "2 | B | theirs\n3 | NULL | nobody's\n4 | A | new\n");
  EXPECT_EQ(report.deletes_left_out, 2u);
  EXPECT_EQ(rows("SELECT table_name, deletes_left_out FROM tributary.ownership WHERE deletes_left_out > 0"),
            "public.document | 2\n");
}

TEST_F(Ownership, ARemoveThatIsLeftOutIsCountedChangeByChangeToo) {
  stream_.remove(kDocument, {text("2"), kNull, kNull}).commit();
  EXPECT_EQ(deliver_all().deletes_left_out, 1u);
  // A row that is missing can only be told from another's change by change.
  stream_.patch(kDocument, {text("7"), kUnchanged, text("changed")})
      .remove(kDocument, {text("3"), kNull, kNull})
      .remove(kDocument, {text("1"), kNull, kNull})
      .commit();
  const LaneReport report = deliver_all();
  EXPECT_FALSE(report.hold);
  EXPECT_EQ(documents(), "2 | B | theirs\n3 | NULL | nobody's\n");
  EXPECT_EQ(report.deletes_left_out, 2u) << "the one of the session before counts";
}

TEST_F(Ownership, ARemoveThatIsLeftOutIsNotCountedWhenItsTransactionIsRefused) {
  stream_.remove(kDocument, {text("2"), kNull, kNull}).put(kDocument, {text("5"), text("B"), text("bad")}).commit();
  expect_refused();
  EXPECT_EQ(sql_->number("SELECT coalesce(sum(deletes_left_out), 0) FROM tributary.ownership"), 0);
}

TEST_F(Ownership, AKeyChangeOfAnothersRowLeavesTheOldRowAndPutsTheNewOne) {
  stream_.remove(kDocument, {text("2"), kNull, kNull}).put(kDocument, {text("5"), text("A"), text("moved")}).commit();
  const LaneReport report = deliver_all();
  EXPECT_FALSE(report.hold);
  EXPECT_EQ(documents(), "1 | A | mine\n2 | B | theirs\n3 | NULL | nobody's\n5 | A | moved\n");
  EXPECT_EQ(report.deletes_left_out, 1u);
}

TEST_F(Ownership, RemovesOfALargeTransactionAreLeftOutAndCounted) {
  begin();
  std::deque<Batch> parts;
  stream_.remove(kDocument, {text("2"), kNull, kNull});
  parts.push_back(stream_.part(0, false));
  stream_.remove(kDocument, {text("3"), kNull, kNull}).remove(kDocument, {text("1"), kNull, kNull}).commit();
  parts.push_back(stream_.part(1, true));
  const LaneReport report = deliver(std::move(parts));
  EXPECT_FALSE(report.hold);
  EXPECT_EQ(documents(), "2 | B | theirs\n3 | NULL | nobody's\n");
  EXPECT_EQ(report.deletes_left_out, 2u);
}

// --- another `owns` ---

TEST_F(Ownership, WhatBecomesTheChildsIsToBeCompared) {
  begin();
  EXPECT_EQ(rows("SELECT condition, to_be_compared FROM tributary.ownership WHERE table_name = 'public.document'"),
            "district = 'A' | t\n")
      << "nobody knows under which condition it was compared";
  sql_->exec("UPDATE tributary.ownership SET to_be_compared = false");
  const auto again = [&](const std::string& owns) {
    child_.owns = owns;
    put("4", "A", "four").commit();
    wants_.clear();
    deliver_all();
    return rows("SELECT to_be_compared FROM tributary.ownership WHERE table_name = 'public.document'") == "t\n";
  };
  EXPECT_FALSE(again("district = 'A'"));
  EXPECT_FALSE(again("district = 'A' AND id < 1000")) << "nothing is the child's now that was not";
  EXPECT_FALSE(again("district IN ('A', 'C')")) << "there is no row of C here";
  EXPECT_TRUE(again("district IN ('A', 'B')"));
  ASSERT_FALSE(wants_.empty());
  EXPECT_TRUE(wants_.front().tables.front().to_be_compared);
}

TEST_F(Ownership, WhenItIsKnownWhoseAllRowsAreTheyAreToBeCompared) {
  child_.owns.clear();
  begin();
  EXPECT_EQ(rows("SELECT DISTINCT condition, to_be_compared FROM tributary.ownership"), "") << "it is not known";
  is_only_child_ = true;
  put("4", "A", "four").commit();
  deliver_all();
  EXPECT_EQ(rows("SELECT condition, to_be_compared FROM tributary.ownership WHERE table_name = 'public.document'"),
            "true | t\n");
}

TEST_F(Ownership, APatchOfAnothersRowIsRefused) {
  stream_.patch(kDocument, {text("2"), kUnchanged, text("changed")}).commit();
  expect_refused();
}

TEST_F(Ownership, APatchThatMovesARowOutIsRefused) {
  stream_.patch(kDocument, {text("1"), text("B"), kUnchanged}).commit();
  expect_refused();
}

TEST_F(Ownership, AClearRemovesOwnRowsOnly) {
  stream_.change(ChangeKind::clear, kDocument).commit();
  EXPECT_EQ(hold_of_delivery(), LaneHold{});
  EXPECT_EQ(documents(), "2 | B | theirs\n3 | NULL | nobody's\n");
}

TEST_F(Ownership, AClearWithoutKnownRowsIsHeld) {
  child_.owns.clear();
  stream_.change(ChangeKind::clear, kDocument).commit();
  EXPECT_THAT(hold_of_delivery().reason, HasSubstr("TRUNCATE"));
  EXPECT_EQ(documents(), untouched_);
}

TEST_F(Ownership, ATableWithoutTheColumnIsNotLimitedUnlessItHasItsOwnCondition) {
  sql_->exec("CREATE TABLE photo (id int PRIMARY KEY, document_district text)");
  const Relation photo = table_of("photo", {"id*", "document_district"}, {{"id", kInt4Oid}});
  put("9", "A", "limited").put(photo, {text("1"), text("B")}).commit();
  EXPECT_EQ(hold_of_delivery(), LaneHold{});
  EXPECT_THAT(memory_.unlimited_tables, testing::ElementsAre("public.photo"));
  child_.owns_by_table["public.photo"] = "document_district = 'A'";
  stream_.put(photo, {text("2"), text("A")}).commit();
  EXPECT_EQ(hold_of_delivery(), LaneHold{});
  stream_.put(photo, {text("3"), text("B")}).commit();
  EXPECT_THAT(hold_of_delivery().reason, HasSubstr("is not the child's to write"));
  EXPECT_EQ(rows("SELECT * FROM photo ORDER BY id"), "1 | B\n2 | A\n");
}

TEST_F(Ownership, AConditionOfATableWithoutItsColumnIsHeld) {
  child_.owns_by_table["public.document"] = "distrikt = 'A'";
  put("4", "A", "t").commit();
  EXPECT_THAT(hold_of_delivery().reason, HasSubstr("does not work for table public.document (SQLSTATE 42703)"));
  EXPECT_EQ(documents(), untouched_);
  EXPECT_TRUE(memory_.unlimited_tables.empty());
}

TEST_F(Ownership, ATableOfKeysAlone) {
  sql_->exec("CREATE TABLE district_user (district text, name text, PRIMARY KEY (district, name))");
  const Relation users = table_of("district_user", {"district*", "name*"});
  stream_.put(users, {text("A"), text("ada")}).put(users, {text("A"), text("alan")}).commit();
  stream_.put(users, {text("A"), text("ada")}).commit();
  EXPECT_EQ(hold_of_delivery(), LaneHold{});
  stream_.put(users, {text("B"), text("eve")}).commit();
  EXPECT_THAT(hold_of_delivery().reason, HasSubstr("is not the child's to write"));
  EXPECT_EQ(rows("SELECT * FROM district_user ORDER BY name"), "A | ada\nA | alan\n");
}

TEST_F(Ownership, AConditionOverAColumnThatIsNotSentIsHeld) {
  const Relation narrow = table_of("document", {"id*", "title"}, {{"id", kInt4Oid}});
  stream_.put(narrow, {text("4"), text("t")}).commit();
  EXPECT_THAT(hold_of_delivery().reason, HasSubstr("does not send"));
  EXPECT_EQ(documents(), untouched_);
}

TEST_F(Ownership, AConditionThatIsNoSqlIsHeld) {
  child_.owns = "district = = 'A'";
  put("4", "A", "t").commit();
  EXPECT_THAT(hold_of_delivery().reason,
              HasSubstr("`owns` of child district-a does not work for table public.document (SQLSTATE 42601)"));
  EXPECT_EQ(documents(), untouched_);
}

}  // namespace
}  // namespace tributary
