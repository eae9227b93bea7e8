#include "postgres/server_error.h"

#include <gtest/gtest.h>

#include "postgres/connection.h"

namespace tributary {
namespace {

TEST(KindOfSqlstate, WhatTheDataCauseIsTheDatas) {
  for (const char* sqlstate :
       {"22001", "22003", "22007", "22021", "22P02", "22P05", "23502", "23503", "23505", "23514",
        "23P01", "42804", "42703", "42P01", "42501", "428C9", "21000", "44000", "54000", "P0001"})
    EXPECT_EQ(kind_of_sqlstate(sqlstate), ErrorKind::data) << sqlstate;
}

// Never a dead letter, and no person is called.
TEST(KindOfSqlstate, WhatPassesByItselfIsTriedAgain) {
  for (const char* sqlstate :
       {"08000", "08003", "08006", "08P01", "25006", "40001", "40P01", "40003", "53000", "53100", "53200",
        "53300", "55P03", "57014", "57P01", "57P02", "57P03", "57P04", "57P05", "58000", "58030"}) {
    const ErrorKind kind = kind_of_sqlstate(sqlstate);
    EXPECT_TRUE(kind == ErrorKind::connection || kind == ErrorKind::resource) << sqlstate << " is " << name_of(kind);
    EXPECT_EQ(what_now(kind), WhatNow::retry) << sqlstate;
  }
}

TEST(KindOfSqlstate, AConnectionThatIsLostIsToldFromASessionThatGoesOn) {
  for (const char* sqlstate : {"08006", "57P01", "57P02", "57P03", "57P04", "57P05"})
    EXPECT_EQ(kind_of_sqlstate(sqlstate), ErrorKind::connection) << sqlstate;
  for (const char* sqlstate : {"25006", "40001", "53100", "55P03", "57014", "58030"})
    EXPECT_EQ(kind_of_sqlstate(sqlstate), ErrorKind::resource) << sqlstate;
}

TEST(KindOfSqlstate, TheRestIsForAPersonAndNeverTheDatas) {
  for (const char* sqlstate : {"0A000", "25P02", "28000", "28P01", "3D000", "3F000", "42601", "42702", "42704", "42710",
                               "42883", "42P10", "55000", "F0000", "XX000", "XX001", "00000", ""})
    EXPECT_EQ(kind_of_sqlstate(sqlstate), ErrorKind::setup) << sqlstate;
}

TEST(ConditionName, IsPostgresqlsOwnOrTheCode) {
  EXPECT_EQ(condition_name("23505"), "unique_violation");
  EXPECT_EQ(condition_name("22P02"), "invalid_text_representation");
  EXPECT_EQ(condition_name("99999"), "99999");
}

TEST(ConnectError, SaysWhatAPersonDoesAboutIt) {
  const struct {
    const char* words;
    const char* hint;
  } cases[] = {
      {"connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  password authentication failed for user "
       "\"tributary\"\n",
       "password"},
      {"connection to server at \"127.0.0.1\", port 5432 failed: fe_sendauth: no password supplied\n", "password"},
      {"connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  no pg_hba.conf entry for host \"127.0.0.1\", "
       "user \"tributary\", database \"app\", no encryption\n",
       "pg_hba.conf"},
      {"connection to server on socket \"/run/postgresql/.s.PGSQL.5432\" failed: FATAL:  role \"tributary\" does not "
       "exist\n",
       "tributary init"},
      {"connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  database \"app\" does not exist\n", "dbname"},
      {"connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  must be superuser or replication role to "
       "start "
       "walsender\n",
       "REPLICATION"},
  };
  for (const auto& [words, hint] : cases) {
    const Error error = connect_error(words);
    EXPECT_EQ(error.kind(), ErrorKind::setup) << words;
    EXPECT_NE(error.hint().find(hint), std::string::npos) << error.hint();
    EXPECT_EQ(error.message() + "\n", words);
  }
}

TEST(ConnectError, AServerThatIsNotThereIsTriedAgain) {
  for (const char* words :
       {"connection to server at \"10.0.0.1\", port 5432 failed: Connection refused\n\tIs the server "
        "running on that host and accepting TCP/IP connections?\n",
        "connection to server at \"10.0.0.1\", port 5432 failed: FATAL:  the database system is "
        "starting up\n",
        "could not translate host name \"nowhere\" to address: Name or service not known\n"}) {
    const Error error = connect_error(words);
    EXPECT_EQ(error.kind(), ErrorKind::connection) << words;
    EXPECT_EQ(error.message().find('\n'), std::string::npos);
  }
}

TEST(ConnectError, WhatMayPassByItselfHasAHintToo) {
  const std::string server = "connection to server at \"10.0.0.1\", port 5432 failed: ";
  for (const auto& [words, hint] : std::vector<std::pair<std::string, std::string>>{
           {server + "Connection refused", "pg_lsclusters"},
           {server + "FATAL:  sorry, too many clients already", "max_connections"},
           {server + "FATAL:  too many connections for role \"tributary\"", "CONNECTION LIMIT"},
           {server + "FATAL:  too many connections for database \"app\"", "ALTER DATABASE"},
           {"could not translate host name \"nowhere\" to address: Name or service not known", "name service"}}) {
    EXPECT_EQ(connect_error(words).kind(), ErrorKind::connection) << words;
    EXPECT_NE(connect_error(words).hint().find(hint), std::string::npos) << connect_error(words).hint();
  }
}

TEST(ConnectError, OfPgHbaNamesTheLineThatIsMissing) {
  const auto hint = [](const std::string& words) {
    return connect_error("connection to server failed: FATAL:  " + words).hint();
  };
  EXPECT_EQ(hint("no pg_hba.conf entry for host \"192.0.2.7\", user \"tributary\", database \"slm\", no encryption"),
            "add to pg_hba.conf, above what rejects it: host slm tributary 192.0.2.7/32 scram-sha-256 (then SELECT "
            "pg_reload_conf())");
  EXPECT_NE(hint("pg_hba.conf rejects connection for host \"2001:db8::7\", user \"t\", database \"d\", SSL encryption")
                .find("host d t 2001:db8::7/128 scram"),
            std::string::npos);
  EXPECT_NE(hint("no pg_hba.conf entry for host \"[local]\", user \"t\", database \"d\", no encryption")
                .find("local d t peer"),
            std::string::npos);
  EXPECT_NE(hint("Peer authentication failed for user \"tributary\"").find("runuser -u"), std::string::npos);
}

// A standby that is down beside a primary that refuses the role: the refusal is what a person must hear of.
TEST(ConnectError, OfSeveralHostsTellsTheOneThatAnswered) {
  const Error error = connect_error(
      "connection to server at \"10.0.0.1\", port 5432 failed: Connection refused\n\tIs the server running on that "
      "host "
      "and accepting TCP/IP connections?\nconnection to server at \"10.0.0.2\", port 5432 failed: FATAL:  password "
      "authentication failed for user \"tributary\"\n");
  EXPECT_EQ(error.kind(), ErrorKind::setup);
  EXPECT_EQ(error.message(),
            "connection to server at \"10.0.0.2\", port 5432 failed: FATAL:  password authentication failed for user "
            "\"tributary\"");
}

}  // namespace
}  // namespace tributary
