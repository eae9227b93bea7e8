// Connections with a real server that refuses, ends and goes silent.
#include <thread>

#include "postgres_fixture.h"

namespace tributary {
namespace {

using namespace std::chrono_literals;

TEST_F(PostgresTest, a_pipeline_tells_which_statement_failed_and_the_session_goes_on) {
  for (const bool is_prepared : {false, true}) {
    auto story = [&]() -> Task<> {
      const auto connection = co_await open();
      constexpr size_t kCount = 6;
      for (size_t wrong = 1; wrong < kCount; ++wrong) {
        std::vector<Statement> statements = {plain("BEGIN")};
        for (size_t i = 1; i < kCount; ++i) {
          const std::string id = i == wrong ? "1 / 0" : std::to_string(100 * wrong + i);
          statements.push_back({"INSERT INTO public.document VALUES (" + id + ")", {}, is_prepared});
        }
        const PipelineResult result = co_await connection->pipeline(statements);
        EXPECT_EQ(result.results.size(), wrong);
        EXPECT_EQ(sqlstate_of(result), "22012");
        EXPECT_TRUE(connection->in_transaction());
        co_await connection->query("ROLLBACK");
        EXPECT_FALSE(connection->in_transaction());
      }
      const int64_t left = co_await number(*connection, "SELECT count(*) FROM public.document");
      EXPECT_EQ(left, 0);
    };
    run(story());
  }
}

TEST_F(PostgresTest, a_pipeline_returns_every_result_and_names_the_constraint_that_fails) {
  auto story = [&]() -> Task<> {
    const auto connection = co_await open();
    const std::string title = "first", id = "7";
    std::vector<Statement> statements;
    statements.push_back({"INSERT INTO public.document VALUES ($1, $2)", {Param::text(id), Param::text(title)}, true});
    statements.push_back({"INSERT INTO public.document VALUES (8, $1)", {Param::null()}, true});
    statements.push_back({"SELECT id, title FROM public.document ORDER BY id", {}, true});
    const PipelineResult result = co_await connection->pipeline(statements);
    EXPECT_FALSE(result.error.has_value());
    EXPECT_EQ(result.results.size(), 3U);
    EXPECT_EQ(result.results.at(0).affected(), 1U);
    EXPECT_EQ(result.results.at(2).rows(), 2);
    EXPECT_EQ(result.results.at(2).value(0, 1), "first");
    EXPECT_TRUE(result.results.at(2).is_null(1, 1));

    const PipelineResult again = co_await connection->pipeline(statements);
    EXPECT_EQ(again.results.size(), 0U);
    EXPECT_EQ(sqlstate_of(again), "23505");
    EXPECT_EQ(again.constraint, "document_pkey");
    EXPECT_EQ(again.table, "document");
  };
  run(story());
}

TEST_F(PostgresTest, a_prepared_statement_is_prepared_once) {
  auto story = [&]() -> Task<> {
    const auto connection = co_await open();
    const std::string insert = "INSERT INTO public.document SELECT coalesce(max(id), 0) + 1 FROM public.document";
    std::vector<Statement> statements = {prepared(insert), prepared("SELECT 1"), prepared(insert)};
    for (int i = 0; i < 3; ++i) {
      const PipelineResult result = co_await connection->pipeline(statements);
      EXPECT_FALSE(result.error.has_value());
    }
    const int64_t rows = co_await number(*connection, "SELECT count(*) FROM public.document");
    EXPECT_EQ(rows, 6);
    const int64_t plans = co_await number(*connection, "SELECT count(*) FROM pg_prepared_statements");
    EXPECT_EQ(plans, 2);
  };
  run(story());
}

TEST_F(PostgresTest, prepared_statements_do_not_pile_up) {
  auto story = [&]() -> Task<> {
    const auto connection = co_await open();
    for (int round = 0; round < 6; ++round) {
      std::vector<std::string> texts;
      for (int i = 0; i < 300; ++i) texts.push_back("SELECT " + std::to_string(round * 300 + i));
      std::vector<Statement> statements;
      for (const std::string& text : texts) statements.push_back(prepared(text));
      const PipelineResult result = co_await connection->pipeline(statements);
      EXPECT_FALSE(result.error.has_value());
    }
    const int64_t plans = co_await number(*connection, "SELECT count(*) FROM pg_prepared_statements");
    EXPECT_LE(plans, 800);
  };
  run(story());
}

TEST_F(PostgresTest, a_statement_whose_preparation_failed_or_was_skipped_is_prepared_again) {
  auto story = [&]() -> Task<> {
    const auto connection = co_await open();
    const std::vector<Statement> statements = {prepared("SELECT 'before'"), prepared("SELECT n FROM public.later"),
                                               prepared("SELECT 'after'")};
    for (int i = 0; i < 2; ++i) {
      const PipelineResult result = co_await connection->pipeline(statements);
      EXPECT_EQ(result.results.size(), 1U);
      EXPECT_EQ(sqlstate_of(result), "42P01");
    }
    sql_.exec("CREATE TABLE later AS SELECT 5 AS n");
    for (int i = 0; i < 2; ++i) {
      const PipelineResult result = co_await connection->pipeline(statements);
      EXPECT_FALSE(result.error.has_value());
      EXPECT_EQ(result.results.size(), 3U);
      EXPECT_EQ(result.results.at(1).value(0, 0), "5");
    }
    sql_.exec("DROP TABLE later");
  };
  run(story());
}

// Names of plans must not meet when some are forgotten in between.
TEST_F(PostgresTest, plans_are_never_mixed_up_by_failures_between_them) {
  auto story = [&]() -> Task<> {
    const auto connection = co_await open();
    for (int round = 0; round < 6; ++round) {
      std::vector<Statement> statements;
      for (int i = 0; i < 8; ++i) statements.push_back(prepared("SELECT " + std::to_string(round * 5 + i)));
      const size_t wrong = static_cast<size_t>(round);
      statements.insert(statements.begin() + round, prepared("SELECT missing" + std::to_string(round)));
      const PipelineResult failed = co_await connection->pipeline(statements);
      EXPECT_EQ(failed.results.size(), wrong);
      statements.erase(statements.begin() + round);
      const PipelineResult result = co_await connection->pipeline(statements);
      EXPECT_FALSE(result.error.has_value());
      for (size_t i = 0; i < result.results.size(); ++i)
        EXPECT_EQ(result.results[i].integer(0, 0), round * 5 + static_cast<int>(i));
    }
  };
  run(story());
}

TEST_F(PostgresTest, a_session_that_the_server_ends_within_a_pipeline_is_a_lost_connection) {
  auto story = [&]() -> Task<> {
    const auto connection = co_await open();
    const std::vector<Statement> statements = {plain("BEGIN"), prepared("INSERT INTO public.document VALUES (1)"),
                                               plain("SELECT pg_terminate_backend(pg_backend_pid())"), plain("COMMIT")};
    co_await connection->pipeline(statements);
  };
  try {
    run(story());
    FAIL() << "no failure";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::connection) << error.message();
  }
}

TEST_F(PostgresTest, a_link_that_is_cut_within_a_statement_is_a_lost_connection) {
  test::LinkProxy link(cluster_->port());
  auto story = [&]() -> Task<> {
    const auto connection = co_await Connection::open(conninfo_through(link), Purpose::session, "cut off");
    auto work = [&]() -> Task<> { co_await connection->query("SELECT pg_sleep(60)"); };
    auto cut_soon = [&]() -> Task<> {
      co_await sleep_for(20ms);
      link.cut();
      co_await sleep_for(1h);
    };
    co_await until_one_ends(work(), cut_soon());
  };
  try {
    run(story());
    FAIL() << "no failure";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::connection) << error.message();
  }
}

// What is left of a cancelled apply would hold its locks, and its successor with them.
TEST_F(PostgresTest, a_cancelled_statement_ends_at_the_server_too) {
  auto story = [&]() -> Task<> {
    auto work = [&]() -> Task<> {
      const auto connection = co_await open(Purpose::apply);
      co_await connection->query("SELECT pg_sleep(120)");
    };
    co_await with_deadline(500ms, "sleeping", work());
  };
  EXPECT_EQ(failure_of(story()), "sleeping took too long");
  wait_for_sessions(0);
}

TEST_F(PostgresTest, an_idle_session_hears_why_it_ends) {
  auto story = [&]() -> Task<> {
    const auto connection = co_await open();
    co_await connection->query("DO $$ BEGIN RAISE WARNING 'a notice before' USING ERRCODE = '57P05'; END $$");
    auto end_it = [&]() -> Task<> {
      co_await sleep_for(20ms);
      sql_.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'story'");
      co_await sleep_for(1h);
    };
    std::string sqlstate;
    auto wait = [&]() -> Task<> { sqlstate = co_await connection->wait_for_end(); };
    co_await until_one_ends(wait(), end_it());
    EXPECT_EQ(sqlstate, "57P01");
  };
  run(story());
}

TEST_F(PostgresTest, an_idle_session_whose_link_is_cut_hears_nothing_more) {
  test::LinkProxy link(cluster_->port());
  auto story = [&]() -> Task<> {
    const auto connection = co_await Connection::open(conninfo_through(link), Purpose::session, "story");
    co_await connection->query("DO $$ BEGIN RAISE WARNING 'a notice before'; END $$");
    link.cut();
    const std::string sqlstate = co_await connection->wait_for_end();
    EXPECT_EQ(sqlstate, "");
  };
  run(story());
}

TEST_F(PostgresTest, an_idle_session_ends_at_a_fast_shutdown_at_once) {
  test::Cluster other("other");
  auto story = [&]() -> Task<> {
    const auto connection = co_await Connection::open(other.conninfo(), Purpose::session, "story");
    std::string sqlstate;
    auto wait = [&]() -> Task<> { sqlstate = co_await connection->wait_for_end(); };
    std::jthread shutdown([&] { other.stop_fast(10s); });
    co_await with_deadline(5s, "the farewell", wait());
    EXPECT_EQ(sqlstate, "57P01");
  };
  run(story());
}

TEST_F(PostgresTest, a_role_or_database_that_is_not_there_is_for_a_person) {
  const std::pair<std::string, ErrorKind> cases[] = {
      {cluster_->conninfo("postgres", "nobody"), ErrorKind::setup},
      {cluster_->conninfo("nowhere"), ErrorKind::setup},
      {"host=127.0.0.1 port=" + std::to_string(test::free_port()) + " user=postgres", ErrorKind::connection}};
  for (const auto& [conninfo, kind] : cases) {
    auto story = [&conninfo = conninfo]() -> Task<> { co_await Connection::open(conninfo, Purpose::session, "story"); };
    try {
      run(story());
      ADD_FAILURE() << "connected: " << conninfo;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind) << error.message();
    }
  }
}

TEST_F(PostgresTest, the_next_host_is_tried_when_one_refuses_or_is_silent) {
  test::LinkProxy silent(cluster_->port());
  silent.hold();
  const uint16_t closed = test::free_port();
  for (const uint16_t first : {closed, silent.port()}) {
    auto story = [&]() -> Task<> {
      const std::string conninfo = "host=127.0.0.1,127.0.0.1 port=" + std::to_string(first) + "," +
                                   std::to_string(cluster_->port()) + " dbname=postgres user=postgres";
      const auto connection = co_await Connection::open(conninfo, Purpose::session, "story", 2s);
      const int64_t one = co_await number(*connection, "SELECT 1");
      EXPECT_EQ(one, 1);
    };
    run(story());
  }
}

TEST_F(PostgresTest, settings_of_the_role_and_the_database_change_nothing) {
  sql_.exec("CREATE DATABASE odd");
  sql_.exec(
      "CREATE ROLE odd LOGIN SUPERUSER;"
      "ALTER ROLE odd SET datestyle = 'German'; ALTER ROLE odd SET timezone = 'Asia/Kathmandu';"
      "ALTER ROLE odd SET row_security = on; ALTER ROLE odd SET synchronous_commit = off;"
      "ALTER DATABASE odd SET bytea_output = 'escape'; ALTER DATABASE odd SET search_path = 'public';"
      "ALTER DATABASE odd SET extra_float_digits = -5; ALTER DATABASE odd SET client_encoding = 'LATIN1';"
      "ALTER DATABASE odd SET default_transaction_isolation = 'serializable';"
      "ALTER DATABASE odd SET statement_timeout = '1ms'; ALTER DATABASE odd SET standard_conforming_strings = off");
  for (const Purpose purpose : {Purpose::session, Purpose::apply, Purpose::replication}) {
    auto story = [&]() -> Task<> {
      const auto connection = co_await Connection::open(cluster_->conninfo("odd", "odd"), purpose, "story");
      const std::pair<const char*, const char*> expected[] = {{"datestyle", "ISO, YMD"},
                                                              {"timezone", "UTC"},
                                                              {"row_security", "off"},
                                                              {"synchronous_commit", "on"},
                                                              {"bytea_output", "hex"},
                                                              {"search_path", ""},
                                                              {"extra_float_digits", "3"},
                                                              {"client_encoding", "UTF8"},
                                                              {"standard_conforming_strings", "on"},
                                                              {"default_transaction_isolation", "read committed"}};
      for (const auto& [name, value] : expected) {
        const Result result = co_await connection->query(std::string("SHOW ") + name);
        EXPECT_EQ(result.value(0, 0), value) << name;
      }
    };
    run(story());
  }
  wait_for_sessions(0);
  sql_.exec("DROP DATABASE odd");
  sql_.exec("DROP ROLE odd");
}

TEST_F(PostgresTest, an_error_never_shows_a_value) {
  sql_.exec(
      "DROP TABLE IF EXISTS guarded; CREATE TABLE guarded (id int PRIMARY KEY, n int CHECK (n < 10), t varchar(3));"
      "INSERT INTO guarded VALUES (1234567, 1)");
  const std::pair<const char*, const char*> cases[] = {
      {"INSERT INTO public.guarded VALUES (1234567, 2)", "23505"},
      {"INSERT INTO public.guarded VALUES (2, 1234567)", "23514"},
      {"INSERT INTO public.guarded VALUES (NULL, 1234567)", "23502"},
      {"INSERT INTO public.guarded VALUES (3, 1, '1234567')", "22001"},
      {"SELECT '1234567x'::int", "22P02"},
      {"SELECT '1234567-01-01x'::date", "22007"},
      {"DO $$ BEGIN RAISE EXCEPTION 'no 1234567'; END $$", "P0001"},
      {"DO $$ BEGIN RAISE EXCEPTION 'no 1234567' USING ERRCODE = '55000'; END $$", "55000"},
      {"DO $$ BEGIN RAISE EXCEPTION 'no 1234567' USING ERRCODE = 'XX000'; END $$", "XX000"}};
  auto story = [&]() -> Task<> {
    const auto connection = co_await open();
    for (const auto& [sql, sqlstate] : cases) {
      std::string message, found;
      try {
        co_await connection->query(sql);
      } catch (const Error& error) {
        message = error.message() + error.hint();
        found = error.sqlstate();
      }
      EXPECT_EQ(found, sqlstate) << sql;
      EXPECT_EQ(message.find("1234567"), std::string::npos) << message;
    }
  };
  run(story());
  sql_.exec("DROP TABLE guarded");
}

}  // namespace
}  // namespace tributary
