// A PostgreSQL server and sessions of the agent's own connection class with it.
#pragma once

#include <gtest/gtest.h>

#include "postgres/pool.h"
#include "support/cluster.h"
#include "support/link_proxy.h"
#include "unit/base/run.h"

namespace tributary {

class PostgresTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { cluster_ = std::make_unique<test::Cluster>("server"); }
  static void TearDownTestSuite() { cluster_.reset(); }

  PostgresTest() : sql_(cluster_->connect()) {
    sql_.exec("DROP TABLE IF EXISTS document; CREATE TABLE document (id int PRIMARY KEY, title text)");
  }

  static Task<std::unique_ptr<Connection>> open(Purpose purpose = Purpose::session) {
    return Connection::open(cluster_->conninfo(), purpose, "story");
  }
  static std::string conninfo_through(const test::LinkProxy& link) {
    return "host=127.0.0.1 port=" + std::to_string(link.port()) + " dbname=postgres user=postgres sslmode=disable";
  }
  static Statement prepared(const std::string& sql) { return {sql, {}, true}; }
  static Statement plain(const std::string& sql) { return {sql, {}, false}; }
  static std::string sqlstate_of(const PipelineResult& result) {
    return result.error ? result.error->sqlstate() : "no failure";
  }
  static Task<int64_t> number(Connection& connection, std::string sql) {
    const Result result = co_await connection.query(std::move(sql));
    co_return result.integer(0, 0);
  }
  int64_t sessions() {
    return sql_.number("SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('story', 'lane')");
  }
  void wait_for_sessions(int64_t count) {
    test::wait_until(std::to_string(count) + " sessions", [&] { return sessions() == count; });
  }

  inline static std::unique_ptr<test::Cluster> cluster_;
  test::Sql sql_;
};

}  // namespace tributary
