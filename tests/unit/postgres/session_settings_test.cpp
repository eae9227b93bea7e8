#include "postgres/session_settings.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

ConnectionParameters of(const std::string& conninfo, Purpose purpose = Purpose::session) {
  return connection_parameters(conninfo, purpose, "tributary district-a");
}

// The value that the server takes for a setting: the last one given.
std::string setting(const ConnectionParameters& parameters, const std::string& name) {
  const std::string options = parameters.get("options");
  const size_t at = options.rfind(" " + name + "=");
  if (at == std::string::npos) return "(not set)";
  const size_t begin = at + name.size() + 2;
  size_t end = begin;
  while (end < options.size() && (options[end] != ' ' || options[end - 1] == '\\')) ++end;
  return options.substr(begin, end - begin);
}

TEST(SessionSettings, TakesKeywordsAndUri) {
  for (const char* conninfo : {"host=db.example.org port=5433 dbname=slm user=tributary password='a b' sslmode=require",
                               "postgresql://tributary:a%20b@db.example.org:5433/slm?sslmode=require"}) {
    const auto parameters = of(conninfo);
    EXPECT_EQ(parameters.get("host"), "db.example.org");
    EXPECT_EQ(parameters.get("port"), "5433");
    EXPECT_EQ(parameters.get("dbname"), "slm");
    EXPECT_EQ(parameters.get("user"), "tributary");
    EXPECT_EQ(parameters.get("password"), "a b");
    EXPECT_EQ(parameters.get("sslmode"), "require");
    EXPECT_EQ(parameters.get("application_name"), "tributary district-a");
  }
}

TEST(SessionSettings, KeepsSeveralHosts) {
  for (const char* conninfo : {"host=a,b port=5432,5433 dbname=slm target_session_attrs=read-write",
                               "postgresql://a:5432,b:5433/slm?target_session_attrs=read-write"}) {
    const auto parameters = of(conninfo);
    EXPECT_EQ(parameters.get("host"), "a,b");
    EXPECT_EQ(parameters.get("port"), "5432,5433");
    EXPECT_EQ(parameters.get("target_session_attrs"), "read-write");
  }
}

TEST(SessionSettings, PutsTheFirstHostLast) {
  auto parameters = of("host=a,b,c hostaddr=10.0.0.1,10.0.0.2,10.0.0.3 port=1,2,3 dbname='x,y'");
  EXPECT_EQ(parameters.host_count(), 3U);
  parameters.put_first_host_last();
  EXPECT_EQ(parameters.get("host"), "b,c,a");
  EXPECT_EQ(parameters.get("hostaddr"), "10.0.0.2,10.0.0.3,10.0.0.1");
  EXPECT_EQ(parameters.get("port"), "2,3,1");
  EXPECT_EQ(parameters.get("dbname"), "x,y");

  auto one_port = of("host=a,b port=5432");
  one_port.put_first_host_last();
  EXPECT_EQ(one_port.get("host"), "b,a");
  EXPECT_EQ(one_port.get("port"), "5432");
  EXPECT_EQ(of("dbname=slm").host_count(), 1U);
}

TEST(SessionSettings, KeepsThePersonsOptionsAndOursWin) {
  const auto parameters = of("dbname=slm options='-c work_mem=64MB -c datestyle=German -c row_security=on'");
  EXPECT_EQ(setting(parameters, "work_mem"), "64MB");
  EXPECT_EQ(setting(parameters, "datestyle"), "ISO,YMD");
  EXPECT_EQ(setting(parameters, "row_security"), "off");
}

TEST(SessionSettings, WhatValuesAndSafetyDependOnIsSetInEverySession) {
  for (const Purpose purpose : {Purpose::session, Purpose::replication, Purpose::apply, Purpose::admin}) {
    const auto parameters = of("dbname=slm client_encoding=LATIN1 application_name=mine", purpose);
    const std::pair<const char*, const char*> expected[] = {{"datestyle", "ISO,YMD"},
                                                            {"intervalstyle", "postgres"},
                                                            {"timezone", "UTC"},
                                                            {"extra_float_digits", "3"},
                                                            {"bytea_output", "hex"},
                                                            {"standard_conforming_strings", "on"},
                                                            {"row_security", "off"},
                                                            {"search_path", ""},
                                                            {"synchronous_commit", "on"},
                                                            {"default_transaction_isolation", "read\\ committed"},
                                                            {"default_transaction_read_only", "off"},
                                                            {"idle_in_transaction_session_timeout", "0"},
                                                            {"idle_session_timeout", "0"}};
    for (const auto& [name, value] : expected) EXPECT_EQ(setting(parameters, name), value) << name;
    EXPECT_EQ(parameters.get("client_encoding"), "UTF8");
    EXPECT_EQ(parameters.get("application_name"), "tributary district-a");
  }
}

TEST(SessionSettings, EachPurposeHasItsOwn) {
  EXPECT_EQ(of("dbname=slm").get("replication"), "");
  EXPECT_EQ(of("dbname=slm", Purpose::replication).get("replication"), "database");
  EXPECT_EQ(setting(of("dbname=slm"), "statement_timeout"), "0");
  EXPECT_EQ(setting(of("dbname=slm", Purpose::apply), "lock_timeout"), "30s");
  EXPECT_EQ(setting(of("dbname=slm", Purpose::apply), "statement_timeout"), "15min");
  EXPECT_EQ(setting(of("dbname=slm", Purpose::admin), "statement_timeout"), "(not set)");
}

TEST(SessionSettings, ADeadServerIsNoticedSoonUnlessThePersonChoseOtherwise) {
  EXPECT_EQ(of("dbname=slm").get("tcp_user_timeout"), "30000");
  EXPECT_EQ(of("dbname=slm").get("keepalives_idle"), "10");
  EXPECT_EQ(of("dbname=slm tcp_user_timeout=5000").get("tcp_user_timeout"), "5000");
}

TEST(SessionSettings, ListsEndAsLibpqWantsThem) {
  const auto parameters = of("dbname=slm");
  const auto keywords = parameters.keywords();
  const auto values = parameters.values();
  ASSERT_EQ(keywords.size(), values.size());
  EXPECT_EQ(keywords.back(), nullptr);
  EXPECT_EQ(values.back(), nullptr);
}

TEST(SessionSettings, AnUnreadableConnectionStringIsTheConfigurationsAndShowsNoPassword) {
  try {
    of("host=db password=secret nonsense");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_EQ(error.message().find("secret"), std::string::npos) << error.message();
  }
}

TEST(SessionSettings, APasswordThatBreaksTheConnectionStringIsNotShown) {
  for (const char* conninfo : {"host=db password='secret", "host=db password=my secret", "host=db password=my secret=x",
                               "postgresql://u:secret@[::1/db", "postgresql://u:secret%zz@h/db"}) {
    try {
      of(conninfo);
      FAIL() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.message().find("secret"), std::string::npos) << error.message();
    }
  }
}

}  // namespace
}  // namespace tributary
