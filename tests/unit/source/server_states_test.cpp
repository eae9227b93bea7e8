// What a person reads of what PostgreSQL refuses.
#include "source/server_states.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using testing::HasSubstr;

Error explain(const std::string& sqlstate, const std::string& words) {
  return explained(Error(ErrorKind::resource, "PostgreSQL: " + words + " (SQLSTATE " + sqlstate + ")", "", sqlstate),
                   "\"tributary\"");
}

TEST(ServerStates, WhatHasToBeSetIsNamed) {
  EXPECT_THAT(explain("55000", "logical decoding requires wal_level >= logical").hint(),
              HasSubstr("wal_level = 'logical'"));
  EXPECT_THAT(explain("53400", "all replication slots are in use").hint(), HasSubstr("max_replication_slots"));
  EXPECT_THAT(explain("42501", "must be superuser or replication role to use replication slots").hint(),
              HasSubstr("ALTER ROLE \"tributary\" REPLICATION"));
  EXPECT_THAT(explain("42501", "permission denied for table stream").hint(), HasSubstr("tributary init"));
}

TEST(ServerStates, APluginThatMayNotBeLoaded) {
  for (const char* words :
       {"output plugin \"pgoutput\" is not allowed", "library \"pgoutput\" is not in output_plugin_libraries"}) {
    const Error error = explain("42501", words);
    EXPECT_EQ(error.kind(), ErrorKind::setup);
    EXPECT_THAT(error.message(), HasSubstr("pgoutput"));
    EXPECT_THAT(error.hint(), HasSubstr("output_plugin_libraries"));
  }
}

TEST(ServerStates, TheRestIsLeftAsItIs) {
  const Error busy = explain("55006", "replication slot \"x\" is active for PID 7");
  EXPECT_EQ(busy.kind(), ErrorKind::resource);
  EXPECT_EQ(busy.hint(), "");
  const Error hinted(ErrorKind::setup, "no", "do this", "42501");
  EXPECT_EQ(explained(hinted, "r").hint(), "do this");
}

}  // namespace
}  // namespace tributary
