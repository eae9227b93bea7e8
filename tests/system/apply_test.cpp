// What arrives of a child's stream is written exactly, with its position, in the parent's database.
#include <boost/asio/detached.hpp>
#include <thread>

#include "apply_fixture.h"
#include "support/link_proxy.h"

namespace tributary {
namespace {

using testing::HasSubstr;

const Relation kDocument = table_of("document", {"id*", "title", "big"}, {{"id", kInt4Oid}});

class Apply : public ApplyTest {
 protected:
  Apply() {
    sql_->exec("CREATE TABLE document (id int PRIMARY KEY, title text UNIQUE, big text)");
    sql_->exec("ALTER TABLE document ALTER big SET STORAGE EXTERNAL");
  }
  std::string documents() { return rows("SELECT id, title, length(big) FROM document ORDER BY id"); }
};

TEST_F(Apply, WritesPutsPatchesAndRemovesOfSeveralTransactionsAtOnce) {
  const std::string big(5000, 'x');
  stream_.put(kDocument, {text("1"), text("one"), text(big)}).commit();
  stream_.put(kDocument, {text("2"), text("two"), kNull}).commit();
  stream_.patch(kDocument, {text("1"), text("uno"), kUnchanged}).remove(kDocument, {text("2"), kNull, kNull}).commit();
  stream_.put(kDocument, {text("3"), text("three"), text("b")}).commit();
  const LaneReport report = deliver_all();
  EXPECT_EQ(documents(), "1 | uno | 5000\n3 | three | 1\n");
  EXPECT_EQ(report.transactions, 4u);
  EXPECT_EQ(report.changes, 5u);
  EXPECT_GT(report.consumed_bytes, 0u);
  EXPECT_EQ(applied_seq(), 4u);
  EXPECT_EQ(sql_->value("SELECT count(DISTINCT xmin::text) FROM document"), "1") << "one PostgreSQL transaction";

  // Rows that are there already; a value unchanged in one row and new in another. The large one is not even copied.
  const std::string toast = sql_->value("SELECT reltoastrelid::regclass FROM pg_class WHERE relname = 'document'");
  const std::string chunks = rows("SELECT chunk_id, chunk_seq, xmin FROM " + toast + " ORDER BY 1, 2");
  stream_.patch(kDocument, {text("1"), text("eins"), kUnchanged})
      .patch(kDocument, {text("3"), kNull, text("new")})
      .commit();
  deliver_all();
  EXPECT_EQ(documents(), "1 | eins | 5000\n3 | NULL | 3\n");
  EXPECT_FALSE(chunks.empty());
  EXPECT_EQ(rows("SELECT chunk_id, chunk_seq, xmin FROM " + toast + " ORDER BY 1, 2"), chunks);
}

TEST_F(Apply, StoresThePositionAndTheCommitTime) {
  stream_.put(kDocument, {text("1"), kNull, kNull}).commit();
  deliver_all();
  EXPECT_EQ(
      rows("SELECT child, stream, seq, end_lsn, chain, extract(epoch FROM commit_time - '2000-01-01 00:00:00+00') "
           "FROM tributary.applied"),
      "district-a | " + stream_.position().stream.to_string() + " | 1 | 0/64 | " +
          std::to_string(static_cast<int64_t>(stream_.position().chain)) + " | 700000000.000001\n");
}

TEST_F(Apply, AClearEmptiesTheTableAtItsPlace) {
  sql_->exec("INSERT INTO document VALUES (1, 'one'), (2, 'two')");
  stream_.put(kDocument, {text("3"), text("three"), kNull}).change(ChangeKind::clear, kDocument);
  stream_.put(kDocument, {text("4"), text("four"), kNull}).commit();
  deliver_all();
  EXPECT_EQ(documents(), "4 | four | NULL\n");
}

TEST_F(Apply, TablesThatInheritAreNotTouched) {
  sql_->exec(
      "CREATE TABLE report (author text) INHERITS (document);"
      "INSERT INTO document VALUES (1, 'one'), (2, 'two');"
      "INSERT INTO report VALUES (1, 'r1', NULL, 'x'), (2, 'r2', NULL, 'x'), (3, 'r3', NULL, 'x')");
  stream_.remove(kDocument, {text("1"), kNull, kNull}).patch(kDocument, {text("2"), text("zwei"), kUnchanged}).commit();
  EXPECT_FALSE(deliver_all().hold);
  EXPECT_EQ(rows("SELECT id, title FROM ONLY document"), "2 | zwei\n");
  stream_.change(ChangeKind::clear, kDocument).commit();
  deliver_all();
  EXPECT_EQ(rows("SELECT id, title FROM document ORDER BY id"), "1 | r1\n2 | r2\n3 | r3\n");
  // It is missing in the table itself: the child is to send it.
  stream_.patch(kDocument, {text("3"), text("drei"), kUnchanged}).commit();
  EXPECT_FALSE(deliver_all().hold);
  EXPECT_EQ(sql_->number("SELECT count(*) FROM tributary.stale"), 1);
  EXPECT_EQ(rows("SELECT id, title FROM document ORDER BY id"), "1 | r1\n2 | r2\n3 | r3\n");
}

TEST_F(Apply, AUniqueValuePassesFromRowToRow) {
  sql_->exec("INSERT INTO document VALUES (1, 'a'), (2, 'b')");
  // As an immediate constraint at the child allows it: through a third value.
  stream_.put(kDocument, {text("1"), text("tmp"), kNull}).put(kDocument, {text("2"), text("a"), kNull});
  stream_.put(kDocument, {text("1"), text("b"), kNull}).commit();
  deliver_all();
  EXPECT_EQ(documents(), "1 | b | NULL\n2 | a | NULL\n");
  // As only a deferrable one does: swapped at once.
  stream_.put(kDocument, {text("1"), text("a"), kNull}).put(kDocument, {text("2"), text("b"), kNull}).commit();
  deliver_all();
  EXPECT_EQ(documents(), "1 | a | NULL\n2 | b | NULL\n");
}

TEST_F(Apply, CompositeKeysQuotedNamesAndOtherColumnOrder) {
  sql_->exec(R"(CREATE TABLE "Od""d T" ("Mixed Case" text, "b" int, "a'" text, extra text DEFAULT 'mine',
                PRIMARY KEY (b, "a'")))");
  const Relation odd = table_of("Od\"d T", {"a'*", "b*", "Mixed Case"}, {{"b", kInt4Oid}});
  stream_.put(odd, {text("x"), text("1"), text("v")}).put(odd, {text("x"), text("2"), text("w")});
  stream_.put(odd, {text("y"), text("1"), text("gone")}).commit();
  stream_.remove(odd, {text("y"), text("1"), kNull}).patch(odd, {text("x"), text("2"), kNull}).commit();
  deliver_all();
  EXPECT_EQ(rows(R"(SELECT "a'", b, "Mixed Case", extra FROM "Od""d T" ORDER BY 1, 2)"),
            "x | 1 | v | mine\nx | 2 | NULL | mine\n");
}

TEST_F(Apply, TypesOfTheParentDecideTheCasts) {
  sql_->exec(R"(CREATE TYPE state AS ENUM ('draft', 'approved'); CREATE DOMAIN short AS varchar(3);
    CREATE TYPE pair AS (a int, b text);
    CREATE TABLE typed (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, s state, d short, p pair, n numeric, j jsonb,
      y bytea, t timestamptz, ia int[], sa state[], r int4range, bits bit(3), c char(4), "q" "char", i interval,
      total int GENERATED ALWAYS AS (1) STORED))");
  Relation typed = table_of("typed", {"id*", "s", "d", "p", "n", "j", "y", "t", "ia", "sa", "r", "bits", "c", "q", "i"},
                            {{"id", 20},
                             {"n", 1700},
                             {"j", 3802},
                             {"y", 17},
                             {"t", 1184},
                             {"ia", 1007},
                             {"r", 3904},
                             {"bits", 1560},
                             {"c", 1042},
                             {"q", 18},
                             {"i", 1186}});
  for (Column& column : typed.columns) {
    if (column.name == "s") column.type_oid = 70001, column.type_name = "public.state";
    if (column.name == "sa") column.type_oid = 70002, column.type_name = "public._state";
    if (column.name == "d") column.type_oid = 70003, column.type_name = "public.short";
    if (column.name == "p") column.type_oid = 70004, column.type_name = "public.pair";
  }
  stream_.put(typed,
              {text("7"), text("approved"), text("abc"), text("(1,\"a b\")"), text("NaN"), text("{\"k\": [1, 2]}"),
               text("\\x00ff"), text("infinity"), text("{{1,2},{3,NULL}}"), text("{draft,approved}"), text("[1,5)"),
               text("101"), text("ab  "), text("z"), text("1 mon -3 days")});
  stream_.commit();
  deliver_all();
  EXPECT_EQ(rows("SELECT * FROM typed"),
            "7 | approved | abc | (1,\"a b\") | NaN | {\"k\": [1, 2]} | \\x00ff | infinity | {{1,2},{3,NULL}} | "
            "{draft,approved} | [1,5) | 101 | ab   | z | 1 mon -3 days | 1\n");

  // Neither a domain's nor a column's length cuts in silence.
  std::vector<Value> too_long(15, kNull);
  too_long[0] = text("8");
  too_long[2] = text("abcd");
  stream_.put(typed, too_long).commit();
  EXPECT_EQ(deliver_all().hold->sqlstate, "22001");
}

TEST_F(Apply, AChangedShapeWithinATransactionIsWrittenInOrder) {
  sql_->exec("CREATE TABLE grown (id int PRIMARY KEY, a text, b text DEFAULT 'none')");
  const Relation before = table_of("grown", {"id*", "a"}, {{"id", kInt4Oid}});
  const Relation after = table_of("grown", {"id*", "a", "b"}, {{"id", kInt4Oid}});
  stream_.put(before, {text("1"), text("x")}).put(before, {text("2"), text("x")});
  stream_.put(after, {text("1"), text("y"), text("z")}).remove(after, {text("2"), kNull, kNull}).commit();
  deliver_all();
  EXPECT_EQ(rows("SELECT * FROM grown"), "1 | y | z\n");
}

TEST_F(Apply, ManyChangesOfShapeWithinATransactionAreWrittenInOrder) {
  sql_->exec("CREATE TABLE grown (id int PRIMARY KEY, a text, b text)");
  const Relation one = table_of("grown", {"id*", "a"}, {{"id", kInt4Oid}});
  const Relation other = table_of("grown", {"id*", "b"}, {{"id", kInt4Oid}});
  for (int i = 0; i < 50; ++i) {
    const std::string value = std::to_string(i);
    stream_.put(one, {text("1"), text(value)}).put(other, {text("1"), text(value)});
  }
  stream_.commit();
  deliver_all();
  EXPECT_EQ(rows("SELECT * FROM grown"), "1 | 49 | 49\n");
}

TEST_F(Apply, ATableOfKeysAlone) {
  sql_->exec("CREATE TABLE link (a int, b int, PRIMARY KEY (a, b)); INSERT INTO link VALUES (1, 1)");
  const Relation link = table_of("link", {"a*", "b*"}, {{"a", kInt4Oid}, {"b", kInt4Oid}});
  stream_.put(link, {text("1"), text("1")}).put(link, {text("1"), text("2")}).commit();
  deliver_all();
  EXPECT_EQ(rows("SELECT * FROM link ORDER BY b"), "1 | 1\n1 | 2\n");
}

TEST_F(Apply, MoreThanOneGroupAndNothingTwice) {
  begin();
  std::deque<Batch> batches;
  for (int batch = 0; batch < 70; ++batch) {
    for (int i = 0; i < 1000; ++i) {
      const std::string id = std::to_string(batch * 1000 + i);
      stream_.put(kDocument, {text(id), text("title " + id), kNull}).commit();
    }
    batches.push_back(stream_.batch());
  }
  const std::deque<Batch> again = batches;
  EXPECT_EQ(deliver(batches).transactions, 70'000u);
  EXPECT_EQ(rows("SELECT count(*), count(DISTINCT title), max(id) FROM document"), "70000 | 70000 | 69999\n");
  EXPECT_GT(sql_->number("SELECT count(DISTINCT xmin::text) FROM document"), 1);
  EXPECT_THROW(deliver(again), Error) << "what is applied does not follow the applied position";
}

TEST_F(Apply, APositionMovedBySomebodyElseEndsTheSession) {
  stream_.put(kDocument, {text("1"), kNull, kNull}).commit();
  deliver_all();
  Lane lane({child_, tables_, false, 1000}, *pool_, memory_);
  context_.restart();
  asio::co_spawn(context_, lane.open(), asio::detached);
  context_.run();
  lane.add_relation(kDocument.shape_id(), kDocument);
  stream_.put(kDocument, {text("2"), kNull, kNull}).commit();
  lane.push(stream_.batch());
  sql_->exec("UPDATE tributary.applied SET chain = chain + 1");
  context_.restart();
  std::exception_ptr failure;
  asio::co_spawn(context_, lane.run([](const LaneReport&) {}), [&](std::exception_ptr error) { failure = error; });
  context_.run();
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::protocol);
    EXPECT_THAT(error.message(), HasSubstr("district-a"));
  }
  EXPECT_EQ(sql_->value("SELECT count(*) FROM document"), "1");
}

TEST_F(Apply, PartsOfALargeTransactionAreCommittedTogether) {
  begin();
  std::deque<Batch> parts;
  stream_.put(kDocument, {text("1"), text("one"), kNull});
  parts.push_back(stream_.part(0, false));
  stream_.put(kDocument, {text("2"), text("two"), kNull});
  parts.push_back(stream_.part(1, false));
  stream_.remove(kDocument, {text("1"), kNull, kNull}).commit();
  parts.push_back(stream_.part(2, true));
  stream_.put(kDocument, {text("3"), text("three"), kNull}).commit();
  parts.push_back(stream_.batch());
  const LaneReport report = deliver(parts);
  EXPECT_EQ(documents(), "2 | two | NULL\n3 | three | NULL\n");
  EXPECT_EQ(report.transactions, 2u);
  EXPECT_EQ(report.changes, 4u);
  EXPECT_EQ(sql_->value("SELECT count(DISTINCT xmin::text) FROM document"), "2");
}

TEST_F(Apply, APartThatIsRefusedIsSoughtCarefullyInTheNextSession) {
  begin();
  sql_->exec("INSERT INTO document VALUES (9, 'taken')");
  std::deque<Batch> parts;
  stream_.put(kDocument, {text("1"), text("one"), kNull});
  parts.push_back(stream_.part(0, false));
  stream_.put(kDocument, {text("2"), text("taken"), kNull}).commit();
  parts.push_back(stream_.part(1, true));
  EXPECT_THROW(deliver(parts), Error);
  EXPECT_TRUE(memory_.refused_after);
  const LaneReport held = deliver(parts);
  ASSERT_TRUE(held.hold);
  EXPECT_EQ(held.hold->sqlstate, "23505");
  EXPECT_THAT(held.hold->reason, HasSubstr("document_title_key"));
  EXPECT_TRUE(memory_.hold);
  EXPECT_EQ(memory_.refusals, 1u) << "the next session waits longer";
  EXPECT_EQ(documents(), "9 | taken | NULL\n");
  sql_->exec("DELETE FROM document");
  bool was_shown = false;
  const LaneReport done = deliver(parts, [&](const LaneHold&) { was_shown = true; });
  EXPECT_TRUE(was_shown);
  EXPECT_FALSE(done.hold);
  EXPECT_FALSE(memory_.hold);
  EXPECT_EQ(memory_.refusals, 0u);
  EXPECT_EQ(documents(), "1 | one | NULL\n2 | taken | NULL\n");
}

TEST_F(Apply, ACommitWhoseAnswerWasLostIsNotRepeated) {
  begin();
  sql_->exec(
      R"(CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON document DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION slow();
    ALTER TABLE document ENABLE ALWAYS TRIGGER slow)");
  test::LinkProxy proxy(cluster_->port());
  connect_to("host=127.0.0.1 user=postgres dbname=" + database_ + " port=" + std::to_string(proxy.port()));
  stream_.put(kDocument, {text("1"), text("one"), kNull}).commit();
  bool is_committed = false;
  std::thread fate([&] {
    test::Sql watcher = cluster_->connect(database_);
    test::wait_until("the commit is under way", [&] {
      return watcher.number("SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'PgSleep'") >
             0;
    });
    proxy.cut();
    test::wait_until("the commit is done", [&] { return watcher.number("SELECT seq FROM tributary.applied") == 1; });
    is_committed = true;
    proxy.restore();
  });
  const LaneReport report = deliver_all();
  fate.join();
  EXPECT_TRUE(is_committed);
  EXPECT_EQ(report.applied, stream_.position());
  EXPECT_FALSE(report.hold);
  EXPECT_EQ(sql_->value("SELECT count(*) FROM document"), "1");
  EXPECT_EQ(applied_seq(), 1u);
}

TEST_F(Apply, ADatabaseThatGoesAwayIsWaitedFor) {
  begin();
  stream_.put(kDocument, {text("1"), text("one"), kNull}).commit();
  deliver_all();
  test::LinkProxy proxy(cluster_->port());
  connect_to("host=127.0.0.1 user=postgres dbname=" + database_ + " port=" + std::to_string(proxy.port()));
  stream_.put(kDocument, {text("2"), text("two"), kNull}).commit();
  sql_->exec("BEGIN; LOCK TABLE document");
  std::thread fate([&] {
    test::Sql watcher = cluster_->connect(database_);
    test::wait_until("the lane waits for the table", [&] {
      return watcher.number(
                 "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lane' AND wait_event_type = 'Lock'") >
             0;
    });
    watcher.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lane'");
    sql_->exec("COMMIT");
  });
  const LaneReport report = deliver_all();
  fate.join();
  EXPECT_FALSE(report.hold);
  EXPECT_EQ(documents(), "1 | one | NULL\n2 | two | NULL\n");
}

}  // namespace
}  // namespace tributary
