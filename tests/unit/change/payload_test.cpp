#include "change/payload.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

using namespace std::string_view_literals;

std::string tuple(const std::vector<Value>& values) {
  std::string out;
  write_tuple(out, values);
  return out;
}

const std::vector<Value> kRow{
    {ValueKind::text, "7"}, {ValueKind::null, {}}, {ValueKind::unchanged, {}}, {ValueKind::text, ""}};

// One record of every kind.
std::string sample() {
  std::string out;
  write_change(out, ChangeKind::insert, 0, tuple(kRow));
  write_change(out, ChangeKind::put, 0, tuple({{ValueKind::text, "7"}}));
  write_change(out, ChangeKind::patch, 1, tuple(kRow));
  write_change(out, ChangeKind::remove, 0, tuple({{ValueKind::text, "7"}}));
  write_change(out, ChangeKind::stale, 2, tuple({{ValueKind::text, "8"}}));
  write_change(out, ChangeKind::clear, 0x0102, {});
  write_change(out, ChangeKind::chunk, 3, "any bytes");
  write_commit(out, {9, {0x16B374D848}, -2});
  return out;
}

size_t count_records(std::string_view payload) {
  size_t records = 0;
  for (PayloadReader reader(payload); !reader.at_end(); ++records) reader.next();
  return records;
}

TEST(Payload, IsReadAsItWasWritten) {
  const std::string payload = sample();
  PayloadReader reader(payload);
  for (const auto& [kind, relation] : {std::pair{ChangeKind::insert, 0},
                                       {ChangeKind::put, 0},
                                       {ChangeKind::patch, 1},
                                       {ChangeKind::remove, 0},
                                       {ChangeKind::stale, 2},
                                       {ChangeKind::clear, 0x0102},
                                       {ChangeKind::chunk, 3}}) {
    const Record record = reader.next();
    const auto& change = std::get<ChangeView>(record);
    EXPECT_EQ(change.kind, kind);
    EXPECT_EQ(change.relation, relation);
    EXPECT_EQ(change.tuple.empty(), kind == ChangeKind::clear);
    if (kind == ChangeKind::chunk) {
      EXPECT_EQ(change.tuple, "any bytes");
    }
  }
  EXPECT_EQ(std::get<Commit>(reader.next()), (Commit{9, {0x16B374D848}, -2}));
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(reader.position(), payload.data() + payload.size());
}

TEST(Payload, LooksOnTheLinkAsWritten) {
  EXPECT_EQ(sample(),
            "I\0\0"
            "\0\4"
            "t\0\0\0\1"
            "7nut\0\0\0\0"
            "P\0\0"
            "\0\1"
            "t\0\0\0\1"
            "7"
            "U\0\1"
            "\0\4"
            "t\0\0\0\1"
            "7nut\0\0\0\0"
            "D\0\0"
            "\0\1"
            "t\0\0\0\1"
            "7"
            "S\0\2"
            "\0\1"
            "t\0\0\0\1"
            "8"
            "T\1\2"
            "R\0\3"
            "\0\0\0\x09"
            "any bytes"
            "C\0\0\0\x09"
            "\0\0\0\x16\xB3\x74\xD8\x48"
            "\xff\xff\xff\xff\xff\xff\xff\xfe"sv);
}

TEST(Payload, GivesATuplesBytesUntouched) {
  std::string payload;
  write_change(payload, ChangeKind::put, 3, tuple(kRow));
  PayloadReader reader(payload);
  const Record record = reader.next();
  EXPECT_EQ(std::get<ChangeView>(record).tuple, tuple(kRow));
}

TEST(Payload, CutAnywhereWithinARecordIsAnError) {
  const std::string payload = sample();
  std::vector<size_t> borders{0};
  for (PayloadReader reader(payload); !reader.at_end();) {
    reader.next();
    borders.push_back(static_cast<size_t>(reader.position() - payload.data()));
  }
  ASSERT_EQ(borders.size(), 9u);
  for (size_t size = 0; size <= payload.size(); ++size) {
    const std::string_view part = std::string_view(payload).substr(0, size);
    const auto border = std::find(borders.begin(), borders.end(), size);
    if (border == borders.end()) {
      EXPECT_THROW(count_records(part), Error) << size;
    } else {
      EXPECT_EQ(count_records(part), static_cast<size_t>(border - borders.begin()));
    }
  }
}

TEST(Payload, WithAnUnknownRecordOrColumnIsAnError) {
  EXPECT_THROW(count_records("X\0\0"sv), Error);
  EXPECT_THROW(count_records("I\0\0\0\1b\0\0\0\1x"sv), Error);
}

TEST(Payload, WithALengthBeyondItsEndIsAnError) {
  EXPECT_THROW(count_records("I\0\0\0\1t\xff\xff\xff\xffx"sv), Error);
}

TEST(Tuple, GoesThroughBytes) {
  const std::string bytes = tuple(kRow);
  ByteReader in(bytes);
  std::vector<Value> values(9);  // whatever it held before is gone
  read_tuple(in, values);
  ASSERT_EQ(values.size(), kRow.size());
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(values[i].kind, kRow[i].kind);
    EXPECT_EQ(values[i].text, kRow[i].text);
  }
  EXPECT_TRUE(in.empty());
}

TEST(Tuple, CutAnywhereIsAnError) {
  const std::string bytes = tuple(kRow);
  std::vector<Value> values;
  for (size_t size = 0; size < bytes.size(); ++size) {
    ByteReader in(std::string_view(bytes).substr(0, size));
    EXPECT_THROW(read_tuple(in, values), Error) << size;
  }
}

}  // namespace
}  // namespace tributary
