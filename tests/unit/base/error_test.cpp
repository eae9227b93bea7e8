#include "base/error.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(WhatNow, RetriesWhatPassesByItself) {
  for (const ErrorKind kind : {ErrorKind::connection, ErrorKind::resource, ErrorKind::protocol, ErrorKind::stream_lost})
    EXPECT_EQ(what_now(kind), WhatNow::retry) << name_of(kind);
}

TEST(WhatNow, WaitsForAPersonWhereOnlyAPersonCanAct) {
  for (const ErrorKind kind : {ErrorKind::data, ErrorKind::refused, ErrorKind::setup})
    EXPECT_EQ(what_now(kind), WhatNow::wait_for_person) << name_of(kind);
}

TEST(WhatNow, ExitsWhenAnotherTryCouldNotDiffer) {
  for (const ErrorKind kind : {ErrorKind::config, ErrorKind::internal})
    EXPECT_EQ(what_now(kind), WhatNow::exit) << name_of(kind);
}

TEST(Error, CarriesWhatAPersonNeeds) {
  const Error error(ErrorKind::data, "table public.document refused a row", "mend the row", "23514");
  EXPECT_EQ(error.kind(), ErrorKind::data);
  EXPECT_EQ(error.message(), "table public.document refused a row");
  EXPECT_EQ(error.hint(), "mend the row");
  EXPECT_EQ(error.sqlstate(), "23514");
}

}  // namespace
}  // namespace tributary
