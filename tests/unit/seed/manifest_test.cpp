#include "seed/manifest.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace tributary {
namespace {

using testing::HasSubstr;

const std::string kSum(64, 'a');

Manifest example() {
  Manifest manifest{"district-a", "2026-03-01T12:00:00Z", {}};
  SeedTable document;
  document.relation = {
      "public",
      "document",
      {{"id", 2950, "", -1, true}, {"status", 16412, "public.status", -1, false}, {"title", 1043, "", 204, false}}};
  document.file = "001.copy.zst";
  document.bytes = 48211;
  document.sha256 = kSum;
  document.rows = 1200;
  document.types = {"uuid", "public.status", "character varying(200)"};
  SeedTable odd;
  odd.relation = {"my schema", "50% # ä\n", {{"%20", 23, "", -1, true}, {"-", 23, "", -1, true}}};
  odd.file = "002.copy.zst";
  odd.sha256 = kSum;
  manifest.tables = {document, odd};
  return manifest;
}

std::string refusal(const std::string& text) {
  try {
    parse_manifest(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::protocol);
    return error.message();
  }
  return "none";
}

// What is said when `old` is replaced.
std::string refusal_with(const std::string& old, const std::string& text) {
  std::string manifest = manifest_text(example());
  const size_t at = manifest.find(old);
  if (at == std::string::npos) return "no " + old;
  return refusal(manifest.replace(at, old.size(), text));
}

TEST(Manifest, ComesBackAsItWasWritten) {
  const Manifest read = parse_manifest(manifest_text(example()));
  EXPECT_EQ(read.node, "district-a");
  EXPECT_EQ(read.exported_at, "2026-03-01T12:00:00Z");
  ASSERT_EQ(read.tables.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read.tables[i].relation, example().tables[i].relation);
    EXPECT_EQ(read.tables[i].file, example().tables[i].file);
    EXPECT_EQ(read.tables[i].bytes, example().tables[i].bytes);
    EXPECT_EQ(read.tables[i].sha256, kSum);
    EXPECT_EQ(read.tables[i].rows, example().tables[i].rows);
  }
}

TEST(Manifest, CanBeReadByAPerson) {
  Manifest manifest = example();
  manifest.tables.pop_back();
  EXPECT_EQ(manifest_text(manifest),
            "tributary-seed 1\nnode district-a\nexported 2026-03-01T12:00:00Z\n"
            "table public document\n  file 001.copy.zst 48211 " +
                kSum +
                "\n  rows 1200\n  key id 2950 -1 -    # uuid\n"
                "  column status 16412 -1 public.status    # public.status\n"
                "  column title 1043 204 -    # character varying(200)\nend\n");
}

TEST(Manifest, EveryTruncationIsRefused) {
  const std::string whole = manifest_text(example());
  for (size_t bytes = 0; bytes < whole.size(); ++bytes)
    EXPECT_NE(refusal(whole.substr(0, bytes)), "none") << bytes << " bytes";
}

TEST(Manifest, EachMistakeIsNamedWithItsLine) {
  EXPECT_THAT(refusal(""), HasSubstr("not one of tributary's"));
  EXPECT_THAT(refusal_with("tributary-seed", "something"), HasSubstr("not one of tributary's"));
  EXPECT_THAT(refusal_with("seed 1", "seed 2"), HasSubstr("does not know"));
  EXPECT_THAT(refusal_with("node ", "mode "), HasSubstr("line 2 of the manifest should begin with 'node'"));
  EXPECT_THAT(refusal_with("node district-a", "node"), HasSubstr("line 2 of the manifest should have 2 words"));
  EXPECT_THAT(refusal_with("exported ", ""), HasSubstr("line 3 of the manifest should begin with 'exported'"));
  EXPECT_THAT(refusal_with("table public", "view public"), HasSubstr("line 4"));
  EXPECT_THAT(refusal_with("table public", "table"), HasSubstr("line 4 of the manifest should have 3 words"));
  EXPECT_THAT(refusal_with("file 001.copy.zst", "file ../001"), HasSubstr("line 5 of the manifest has a file that"));
  EXPECT_THAT(refusal_with("file 001.copy.zst", "file .."), HasSubstr("line 5 of the manifest has a file that"));
  EXPECT_THAT(refusal_with("48211", "48k"), HasSubstr("line 5 of the manifest has a number that is none"));
  EXPECT_THAT(refusal_with("48211", "-1"), HasSubstr("line 5 of the manifest has a number that is none"));
  EXPECT_THAT(refusal_with(kSum, kSum.substr(1)), HasSubstr("line 5 of the manifest has a checksum that is none"));
  EXPECT_THAT(refusal_with("rows 1200", "rows"), HasSubstr("line 6"));
  EXPECT_THAT(refusal_with("rows 1200", "rows 99999999999999999999"), HasSubstr("line 6"));
  EXPECT_THAT(refusal_with("key id 2950 -1 -", "key id 2950 -1"), HasSubstr("line 7"));
  EXPECT_THAT(refusal_with("key id", "column id"), HasSubstr("key of the table before"));
  EXPECT_THAT(refusal_with("public.status", "public%2"), HasSubstr("line 8"));
  EXPECT_THAT(refusal_with("public.status", "public%zz"), HasSubstr("line 8"));
  EXPECT_THAT(refusal_with("my%20schema 50%25%20%23%20ä%0A", "public document"), HasSubstr("for the second time"));
  EXPECT_THAT(refusal_with("002.copy", "001.copy"), HasSubstr("names a file for the second time"));
  EXPECT_THAT(refusal_with("end\n", "end\nend\n"), HasSubstr("comes after the end"));
}

}  // namespace
}  // namespace tributary
