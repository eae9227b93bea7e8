#include "config/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/tls_files.h"

namespace tributary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kTop = R"([node]
name = "nation"
[database]
connection = "dbname=slm"
[intake]
listen = "0.0.0.0:7400"
tables = ["document"]
[tls]
ca = "ca.pem"
certificate = "nation.pem"
key = "nation.key"
)";

const std::string kBottom = R"([node]
name = "district-a"
[database]
connection = "dbname=slm"
[[table]]
name = "document"
[parent]
name = "region-1"
endpoints = ["region-1:7400"]
[tls]
ca = "ca.pem"
certificate = "district-a.pem"
key = "district-a.key"
)";

Config parse(const std::string& text) {
  return parse_config(text, "/etc/tributary/node.toml");
}

std::vector<std::string> mistakes_in(const std::string& text) {
  try {
    parse(text);
  } catch (const ConfigErrors& errors) {
    EXPECT_EQ(errors.kind(), ErrorKind::config);
    for (const std::string& mistake : errors.mistakes()) EXPECT_THAT(errors.message(), HasSubstr(mistake));
    return errors.mistakes();
  }
  return {};
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string only_mistake_in(const std::string& text) {
  const auto mistakes = mistakes_in(text);
  EXPECT_EQ(mistakes.size(), 1u) << testing::PrintToString(mistakes);
  return mistakes.empty() ? "" : mistakes.front();
}

TEST(ParseConfig, ReadsEveryKey) {
  const Config config = parse(R"([node]
name = "region-1"
tier = "region"
[database]
connection = "dbname=slm"
apply_connection = "dbname=slm user=apply"
[[table]]
name = "public.\"My Table\""
where = "status = 'approved'"
columns = ["id", "Title"]
[[table]]
name = "photo"
[parent]
name = "nation"
endpoints = ["nation.example.org:7400", "[2001:db8::1]:7401"]
[intake]
listen = "0.0.0.0:7400"
tables = ["document", "slm.*", "*"]
connections = 3
max_delete = 50
[[child]]
name = "district-a"
owns = "district = 'A'"
owns_by_table = { "photo" = "document_district = 'A'" }
[tls]
ca = "ca.pem"
certificate = "/elsewhere/region-1.pem"
key = "../keys/region-1.key"
[queue]
path = "state/queue.db"
max_bytes = "8 GiB"
min_free_disk = 4096
keep = "1h30m"
[status]
listen = ""
[log]
level = "debug"
)");
  EXPECT_EQ(config.node.name, "region-1");
  EXPECT_EQ(config.node.tier, "region");
  EXPECT_EQ(config.database.connection, "dbname=slm");
  EXPECT_EQ(config.database.apply_connection, "dbname=slm user=apply");
  ASSERT_EQ(config.tables.size(), 2u);
  EXPECT_EQ(config.tables[0].full_name(), "public.My Table");
  EXPECT_EQ(config.tables[0].where, "status = 'approved'");
  EXPECT_THAT(config.tables[0].columns, ElementsAre("id", "Title"));
  EXPECT_EQ(config.tables[1].full_name(), "public.photo");
  EXPECT_TRUE(config.tables[1].columns.empty());
  ASSERT_TRUE(config.parent);
  EXPECT_EQ(config.parent->name, "nation");
  EXPECT_THAT(config.parent->endpoints, ElementsAre("nation.example.org:7400", "[2001:db8::1]:7401"));
  ASSERT_TRUE(config.intake);
  EXPECT_EQ(config.intake->listen, "0.0.0.0:7400");
  EXPECT_THAT(config.intake->tables, ElementsAre("public.document", "slm.*", "*.*"));
  EXPECT_EQ(config.intake->connections_max, 3u);
  EXPECT_EQ(config.intake->deletions_max, 50u);
  ASSERT_EQ(config.intake->children.size(), 1u);
  EXPECT_EQ(config.intake->children[0].name, "district-a");
  EXPECT_EQ(config.intake->children[0].owns, "district = 'A'");
  EXPECT_EQ(config.intake->children[0].owns_by_table.at("public.photo"), "document_district = 'A'");
  EXPECT_EQ(config.tls.ca, "/etc/tributary/ca.pem");
  EXPECT_EQ(config.tls.certificate, "/elsewhere/region-1.pem");
  EXPECT_EQ(config.tls.key, "/etc/keys/region-1.key");
  EXPECT_EQ(config.queue.path, "/etc/tributary/state/queue.db");
  EXPECT_EQ(config.queue.bytes_max, 8ULL << 30);
  EXPECT_EQ(config.queue.free_disk_min, 4096u);
  EXPECT_EQ(config.queue.keep, std::chrono::minutes(90));
  EXPECT_EQ(config.status.listen, "");
  EXPECT_EQ(config.log.level, "debug");
}

TEST(ParseConfig, ReportsEveryMistakeWithItsLineAtOnce) {
  const std::string text = with(with(with(kBottom, "connection =", "conection ="), R"("region-1:7400")", "7400"),
                                R"(name = "document")", R"(name = "document"
columns = "id")");
  EXPECT_THAT(mistakes_in(text),
              ElementsAre("/etc/tributary/node.toml:3: [database] has no 'connection' (a string)",
                          "/etc/tributary/node.toml:4: [database] has no key 'conection'; did you mean 'connection'?",
                          "/etc/tributary/node.toml:7: 'columns' must be a list of strings, not a string",
                          "/etc/tributary/node.toml:10: 'endpoints' must be a string, not an integer"));
}

TEST(ParseConfig, NamesTheNearestSection) {
  EXPECT_THAT(only_mistake_in(kTop + "[statsu]\n"),
              HasSubstr(":12: the file has no key 'statsu'; did you mean 'status'?"));
}

TEST(ParseConfig, ListsTheKnownKeysWhenNoneIsNear) {
  EXPECT_THAT(only_mistake_in(kTop + "[log]\ncolour = true\n"),
              HasSubstr("[log] has no key 'colour'; it may have: level"));
}

TEST(ParseConfig, ReportsMissingSections) {
  EXPECT_THAT(mistakes_in(""), ElementsAre(HasSubstr("no [node]"), HasSubstr("no [database]"), HasSubstr("no [tls]"),
                                           HasSubstr("neither a [parent] nor an [intake]")));
}

TEST(ParseConfig, TellsWhereTheFileIsNotToml) {
  EXPECT_THAT(only_mistake_in("[node]\nname = district-a\n"),
              StartsWith("/etc/tributary/node.toml:2: this is not TOML"));
}

TEST(ParseConfig, RefusesWhatCannotWorkTogether) {
  const std::string child = "[[child]]\nname = \"district-a\"\n";
  EXPECT_THAT(only_mistake_in(kTop + child + child), HasSubstr(":15: 'name': another [[child]] is named 'district-a'"));
  EXPECT_THAT(only_mistake_in(kTop + "[[child]]\nname = \"nation\"\n"), HasSubstr("cannot be its own child"));
  EXPECT_THAT(only_mistake_in(kBottom + "[[child]]\nname = \"b\"\n"),
              HasSubstr(":14: this node has a [[child]] but no [intake]"));
  EXPECT_THAT(only_mistake_in(kBottom + "[[table]]\nname = \"public.document\"\n"),
              HasSubstr(":15: 'name': another [[table]] names public.document"));
  EXPECT_THAT(only_mistake_in(kTop + "[[table]]\nname = \"document\"\n"), HasSubstr("[[table]] but no [parent]"));
  EXPECT_THAT(only_mistake_in(with(kBottom, "[[table]]\nname = \"document\"\n", "")),
              HasSubstr(":5: this node has a [parent] but no [[table]]"));
  EXPECT_THAT(only_mistake_in(with(kBottom, "region-1\"", "district-a\"")), HasSubstr("cannot be its own parent"));
}

TEST(ParseConfig, RefusesReservedSchemas) {
  EXPECT_THAT(only_mistake_in(with(kBottom, "\"document\"", "\"tributary.applied\"")),
              HasSubstr("cannot be replicated"));
  EXPECT_THAT(only_mistake_in(with(kTop, "\"document\"", "\"pg_catalog.*\"")), HasSubstr("cannot be replicated"));
}

TEST(ParseConfig, RefusesNamesThatCannotStandInACertificate) {
  for (const std::string name : {"", "District-A", "district_a", "-a", "a-", "a..b", "a b"})
    EXPECT_THAT(only_mistake_in(with(kTop, "nation", name)),
                HasSubstr(":2: 'name': '" + name + "' is not a node's name"));
}

TEST(ParseConfig, RefusesEndpointsWithoutAUsablePort) {
  for (const std::string endpoint :
       {"region-1", "region-1:", ":7400", "region-1:0", "region-1:65536", "region-1:74x", "::1:7400"})
    EXPECT_THAT(only_mistake_in(with(kBottom, "region-1:7400", endpoint)), HasSubstr(":9: 'endpoints': '" + endpoint));
}

TEST(ParseConfig, RefusesBadQuantities) {
  EXPECT_THAT(only_mistake_in(kTop + "[queue]\nmax_bytes = \"8 gigs\"\n"),
              HasSubstr(":13: 'max_bytes': '8 gigs' is not a size"));
  EXPECT_THAT(only_mistake_in(kTop + "[queue]\nmax_bytes = -1\n"), HasSubstr("must not be negative"));
  EXPECT_THAT(only_mistake_in(kTop + "[queue]\nkeep = \"soon\"\n"), HasSubstr("'soon' is not a duration"));
  EXPECT_THAT(only_mistake_in(with(kTop, "[tls]", "connections = 0\n[tls]")), HasSubstr("must be from 1 to 1000"));
  EXPECT_THAT(only_mistake_in(kTop + "[log]\nlevel = \"loud\"\n"), HasSubstr("'loud' is not a level"));
}

TEST(ParseConfig, ReplacesVariablesOfTheEnvironment) {
  setenv("TRIBUTARY_TEST_SECRET", "s3cret", 1);
  unsetenv("TRIBUTARY_TEST_UNSET");
  EXPECT_EQ(parse(with(kTop, "dbname=slm", "password=${TRIBUTARY_TEST_SECRET} $${x}")).database.connection,
            "password=s3cret ${x}");
  EXPECT_THAT(only_mistake_in(with(kTop, "dbname=slm", "${TRIBUTARY_TEST_UNSET}")),
              HasSubstr(":4: 'connection': ${TRIBUTARY_TEST_UNSET} is not set"));
  EXPECT_THAT(only_mistake_in(with(kTop, "dbname=slm", "${TRIBUTARY")), HasSubstr("no closing }"));
}

TEST(ParseConfig, AcceptsTheExamples) {
  for (const char* name : {"district", "region", "nation"}) {
    const std::string path = std::string(TRIBUTARY_SOURCE_DIR) + "/deploy/examples/" + name + ".toml";
    EXPECT_EQ(load_config(path, TlsFiles::not_needed).node.tier, name);
  }
}

class LoadConfig : public testing::Test {
 protected:
  LoadConfig()
      : directory_(std::filesystem::path(testing::TempDir()) / ("tributary-load-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(directory_);
    for (const char* name : {"ca.pem", "nation.pem", "nation.key"}) write(name, "pem");
    chmod(path("nation.key").c_str(), 0600);
    write("nation.toml", kTop);
  }
  ~LoadConfig() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  void write(const std::string& name, const std::string& content) const { std::ofstream(path(name)) << content; }
  std::string failure() const {
    try {
      load_config(path("nation.toml"));
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  }

  std::filesystem::path directory_;
};

TEST_F(LoadConfig, FindsTheFilesBesideTheConfiguration) {
  EXPECT_EQ(load_config(path("nation.toml")).tls.key, path("nation.key"));
}

TEST_F(LoadConfig, RefusesAKeyThatOthersCanRead) {
  for (const mode_t mode : {0640U, 0604U, 0620U}) {
    chmod(path("nation.key").c_str(), mode);
    EXPECT_THAT(failure(), HasSubstr(path("nation.toml") + ":11: 'key': " + path("nation.key") + " is open to others"));
    EXPECT_THROW(check_key_file(path("nation.key")), Error);
  }
  EXPECT_NO_THROW(load_config(path("nation.toml"), TlsFiles::not_needed));
}

TEST_F(LoadConfig, ReportsMissingFilesTogether) {
  std::filesystem::remove(path("ca.pem"));
  std::filesystem::remove(path("nation.pem"));
  EXPECT_THAT(failure(),
              testing::AllOf(HasSubstr(":9: 'ca'"), HasSubstr(":10: 'certificate'"), HasSubstr("2 mistakes")));
}

TEST_F(LoadConfig, TellsWhichFileIsNotThere) {
  std::filesystem::remove(path("nation.toml"));
  EXPECT_THAT(failure(), HasSubstr("cannot read the configuration " + path("nation.toml")));
}

}  // namespace
}  // namespace tributary
