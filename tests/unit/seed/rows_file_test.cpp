#include "seed/rows_file.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/error.h"
#include "seed/directory.h"

namespace tributary {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class SeedFiles : public testing::Test {
 protected:
  SeedFiles() {
    char name[] = "/tmp/tributary-seed-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~SeedFiles() override { fs::remove_all(directory_); }

  SeedTable write(const std::vector<std::string>& lines) const {
    SeedTable table;
    table.file = "001.copy.zst";
    RowsWriter writer(path());
    for (const std::string& line : lines) writer.add(line);
    writer.finish(table);
    return table;
  }
  std::string read() const {
    std::string all;
    RowsReader reader(path());
    for (std::string lines = reader.next(); !lines.empty(); lines = reader.next()) all += lines;
    return all;
  }
  std::string damage(const SeedTable& table) const {
    try {
      check_rows_file(directory_, table, [](uint64_t) {});
    } catch (const Error& error) {
      return error.message();
    }
    return "none";
  }
  static mode_t mode(const fs::path& path) {
    struct stat facts {};
    EXPECT_EQ(::stat(path.c_str(), &facts), 0);
    return facts.st_mode & 0777;
  }
  void overwrite(size_t place, char byte) const {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(place));
    file.put(byte);
  }
  fs::path path() const { return directory_ / "001.copy.zst"; }

  fs::path directory_;
};

TEST_F(SeedFiles, RowsComeBack) {
  const SeedTable table = write({"1\ta\n", "2\tb\n"});
  EXPECT_EQ(table.rows, 2u);
  EXPECT_EQ(table.bytes, fs::file_size(path()));
  EXPECT_EQ(read(), "1\ta\n2\tb\n");
  EXPECT_EQ(damage(table), "none");
  EXPECT_EQ(mode(path()), 0600u);
  EXPECT_EQ(write({}).rows, 0u);
  EXPECT_EQ(read(), "");
}

TEST_F(SeedFiles, AreManyPiecesOfWholeLines) {
  std::string all;
  std::vector<std::string> lines;
  for (int i = 0; i < 300; ++i) lines.push_back(std::string(50'000, static_cast<char>('a' + i % 26)) + "\n");
  lines.insert(lines.begin() + 100, std::string(9 << 20, 'x') + "\n");
  for (const std::string& line : lines) all += line;
  write(lines);
  EXPECT_EQ(read(), all);
  RowsReader reader(path());
  size_t pieces = 0;
  for (std::string piece = reader.next(); !piece.empty(); piece = reader.next(), ++pieces)
    EXPECT_TRUE(piece.ends_with('\n'));
  EXPECT_GE(pieces, 5u);
}

TEST_F(SeedFiles, DamageIsNoticed) {
  const SeedTable table = write({"1\tsome text that is compressed\n", "2\tb\n"});
  const auto original = fs::file_size(path());
  overwrite(original - 6, '!');
  EXPECT_THAT(damage(table), HasSubstr("checksum"));
  EXPECT_THROW(read(), Error);
  overwrite(0, '!');
  EXPECT_THROW(read(), Error);
  write({"1\tsome text that is compressed\n", "2\tb\n"});
  EXPECT_EQ(damage(table), "none");
  for (size_t bytes = 1; bytes < original; ++bytes) {
    fs::resize_file(path(), original - bytes);
    EXPECT_THAT(damage(table), HasSubstr("bytes, not"));
    EXPECT_THROW(read(), Error) << bytes;
  }
  fs::remove(path());
  EXPECT_THAT(damage(table), HasSubstr("cannot read"));
}

TEST_F(SeedFiles, HaveNoNameBeforeTheyAreWhole) {
  {
    RowsWriter writer(path());
    writer.add("1\n");
    EXPECT_FALSE(fs::exists(path()));
  }
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(SeedFiles, ADirectoryWithAManifestIsNotWrittenAgain) {
  const fs::path made = directory_ / "made";
  begin_export(made);
  EXPECT_EQ(mode(made), 0700u);
  EXPECT_THROW(read_manifest(made), Error);
  for (const char* name : {"001.copy.zst", "002.copy.zst.partial", "manifest.partial", "holiday.jpg"})
    std::ofstream(made / name) << "x";
  begin_export(made);
  EXPECT_FALSE(fs::exists(made / "001.copy.zst"));
  EXPECT_FALSE(fs::exists(made / "002.copy.zst.partial"));
  EXPECT_FALSE(fs::exists(made / "manifest.partial"));
  EXPECT_TRUE(fs::exists(made / "holiday.jpg"));
  EXPECT_EQ(write_manifest(made, {"a", "now", {}}).size(), 64u);
  EXPECT_EQ(read_manifest(made).node, "a");
  EXPECT_EQ(mode(made / "manifest"), 0600u);
  EXPECT_THROW(begin_export(made), Error);
  EXPECT_THROW(begin_export(directory_ / "not" / "there"), Error);
  EXPECT_EQ(rows_file_name(0), "001.copy.zst");
  EXPECT_EQ(rows_file_name(1233), "1234.copy.zst");
}

}  // namespace
}  // namespace tributary
