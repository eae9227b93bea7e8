// Messages of pgoutput, byte by byte as PostgreSQL 15 sends them.
#include "source/pgoutput.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace tributary {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;

const std::string kBegin = "B\0\0\0\1\0\0\0\2\0\2\x9c\x38\x11\x22\x33\x44\0\0\2\xee"s;
const std::string kCommit = "C\0\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\x32\0\2\x9c\x38\x11\x22\x33\x44"s;
const std::string kRelation =
    "R\0\0\x40\1public\0document\0i\0\2"
    "\1id\0\0\0\x0b\x86\xff\xff\xff\xff"
    "\0title\0\0\0\4\x13\0\0\0\x18"s;
const std::string kTuple = "\0\3t\0\0\0\2hinu"s;  // "hi", null, unchanged
const std::string kWholeTuple = "\0\1t\0\0\0\1k"s;
const std::string kInsert = "I\0\0\x40\1N"s + kWholeTuple;
const std::string kUpdate = "U\0\0\x40\1N"s + kTuple;
const std::string kUpdateOfKey = "U\0\0\x40\1K"s + kWholeTuple + "N" + kTuple;
const std::string kUpdateWithOldRow = "U\0\0\x40\1O"s + kWholeTuple + "N" + kWholeTuple;
const std::string kDelete = "D\0\0\x40\1K"s + kWholeTuple;
const std::string kDeleteWithOldRow = "D\0\0\x40\1O"s + kWholeTuple;
const std::string kMessage = "M\1\0\0\0\0\0\0\0\1prefix\0\0\0\0\2hi"s;
const std::string kTruncate = "T\0\0\0\2\1\0\0\x40\1\0\0\x40\7"s;

template <typename Kind>
Kind parsed(const std::string& bytes) {
  return std::get<Kind>(parse_message(bytes));
}

TEST(Pgoutput, ReadsBegin) {
  const auto begin = parsed<BeginMessage>(kBegin);
  EXPECT_EQ(begin.final_lsn, (Lsn{0x1'0000'0002}));
  EXPECT_EQ(begin.time, 0x0002'9c38'1122'3344);
  EXPECT_EQ(begin.xid, 750U);
}

TEST(Pgoutput, ReadsCommit) {
  const auto commit = parsed<CommitMessage>(kCommit);
  EXPECT_EQ(commit.end_lsn, (Lsn{0x1'0000'0032}));
  EXPECT_EQ(commit.time, 0x0002'9c38'1122'3344);
}

TEST(Pgoutput, ReadsRelation) {
  const auto relation = parsed<RelationMessage>(kRelation);
  EXPECT_EQ(relation.oid, 0x4001U);
  EXPECT_EQ(relation.schema, "public");
  EXPECT_EQ(relation.name, "document");
  EXPECT_EQ(relation.identity, 'i');
  ASSERT_EQ(relation.columns.size(), 2U);
  EXPECT_TRUE(relation.columns[0].is_identity);
  EXPECT_EQ(relation.columns[0].name, "id");
  EXPECT_EQ(relation.columns[0].type_oid, 2950U);
  EXPECT_EQ(relation.columns[0].type_modifier, -1);
  EXPECT_FALSE(relation.columns[1].is_identity);
  EXPECT_EQ(relation.columns[1].name, "title");
  EXPECT_EQ(relation.columns[1].type_oid, 1043U);
  EXPECT_EQ(relation.columns[1].type_modifier, 24);
}

TEST(Pgoutput, AnEmptySchemaIsPgCatalog) {
  EXPECT_EQ(parsed<RelationMessage>("R\0\0\0\1\0t\0d\0\0"s).schema, "pg_catalog");
}

TEST(Pgoutput, ReadsInsert) {
  const auto row = parsed<RowMessage>(kInsert);
  EXPECT_EQ(row.kind, 'I');
  EXPECT_EQ(row.oid, 0x4001U);
  EXPECT_EQ(row.old_kind, 0);
  EXPECT_EQ(row.new_tuple, kWholeTuple);
  EXPECT_FALSE(row.new_has_unchanged);
}

TEST(Pgoutput, ReadsUpdates) {
  const auto plain = parsed<RowMessage>(kUpdate);
  EXPECT_EQ(plain.kind, 'U');
  EXPECT_EQ(plain.old_kind, 0);
  EXPECT_EQ(plain.new_tuple, kTuple);
  EXPECT_TRUE(plain.new_has_unchanged);

  const auto with_key = parsed<RowMessage>(kUpdateOfKey);
  EXPECT_EQ(with_key.old_kind, 'K');
  EXPECT_EQ(with_key.old_tuple, kWholeTuple);
  EXPECT_EQ(with_key.new_tuple, kTuple);

  const auto with_row = parsed<RowMessage>(kUpdateWithOldRow);
  EXPECT_EQ(with_row.old_kind, 'O');
  EXPECT_FALSE(with_row.new_has_unchanged);
}

TEST(Pgoutput, ReadsDeletes) {
  const auto by_key = parsed<RowMessage>(kDelete);
  EXPECT_EQ(by_key.kind, 'D');
  EXPECT_EQ(by_key.old_kind, 'K');
  EXPECT_EQ(by_key.old_tuple, kWholeTuple);
  EXPECT_TRUE(by_key.new_tuple.empty());
  EXPECT_EQ(parsed<RowMessage>(kDeleteWithOldRow).old_kind, 'O');
}

TEST(Pgoutput, ReadsTruncate) {
  EXPECT_THAT(parsed<TruncateMessage>(kTruncate).oids, ElementsAre(0x4001U, 0x4007U));
}

TEST(Pgoutput, ReadsMessages) {
  const auto inside = parsed<LogicalMessage>(kMessage);
  EXPECT_TRUE(inside.is_transactional);
  EXPECT_EQ(inside.prefix, "prefix");
  EXPECT_EQ(inside.content, "hi");
  EXPECT_FALSE(parsed<LogicalMessage>("M\0"s + kMessage.substr(2)).is_transactional);
}

TEST(Pgoutput, PassesOverWhatHasNoMeaningHere) {
  for (const std::string& bytes : {"O\0\0\0\0\0\0\0\1node\0"s, "Y\0\0\x40\1public\0state\0"s})
    EXPECT_TRUE(std::holds_alternative<IgnoredMessage>(parse_message(bytes))) << bytes[0];
}

TEST(Pgoutput, EveryTruncationIsAnError) {
  for (const std::string& whole : {kBegin, kCommit, kRelation, kInsert, kUpdate, kUpdateOfKey, kUpdateWithOldRow,
                                   kDelete, kDeleteWithOldRow, kTruncate, kMessage}) {
    ASSERT_NO_THROW(parse_message(whole)) << whole[0];
    for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
      // A buffer of just this size, so that reading past its end is noticed.
      const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes));
      try {
        parse_message({cut.data(), cut.size()});
        ADD_FAILURE() << whole[0] << " cut to " << bytes << " bytes was accepted";
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::protocol);
      }
    }
  }
}

TEST(Pgoutput, NonsenseIsAnError) {
  for (const std::string& bytes : {
           "?"s,                           // an unknown message
           "S\0\0\0\1\1"s,                 // of protocol version 2, which was not asked for
           "I\0\0\x40\1K"s + kWholeTuple,  // an insert with an old row
           "I\0\0\x40\1K"s + kWholeTuple + "N" + kTuple,
           "D\0\0\x40\1N"s + kWholeTuple,                 // a delete with a new row
           "U\0\0\x40\1K"s + kWholeTuple + "O" + kTuple,  // two old rows
           "I\0\0\x40\1N\0\1b\0\0\0\1k"s,                 // a binary value, which was not asked for
           "I\0\0\x40\1N\0\1t\xff\xff\xff\xffk"s,         // a length beyond the message
           "T\xff\xff\xff\xff\0\0\0\x40\1"s,              // more tables than there are bytes
       })
    EXPECT_THROW(parse_message(bytes), Error) << bytes;
}

}  // namespace
}  // namespace tributary
