// Types the README's section "A real node, step by step" as it stands there, on machines of their own: the README's
// region-1, and the nation and the district of deploy/examples around it. It ends with a row that went all the way.
//
// Not typed: `./tests/run.sh`, which builds the program that is tested here. What the README tells a person to carry
// from machine to machine is copied. The machines share one loopback, so each has an address of its own there, and a
// configuration that listens on every address listens on that one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "support/machine.h"
#include "support/pki.h"

namespace tributary::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string source(const std::string& file) {
  return read_file(std::filesystem::path(TRIBUTARY_SOURCE_DIR) / file);
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  replace(text, from, to);
  return text;
}

// The section's blocks in their order, each with the number of its step.
struct Block {
  char step;
  std::string text;
  bool is_configuration = false;
};

std::vector<Block> blocks_of_readme() {
  const std::string readme = source("README.md");
  std::istringstream lines(readme.substr(readme.find("## A real node, step by step\n") + 3));
  std::vector<Block> blocks;
  char step = '0';
  bool is_in_toml = false, is_new = true;
  for (std::string line; std::getline(lines, line) && !line.starts_with("##");) {
    if (line.starts_with("**") && line.size() > 3 && line[3] == '.') step = line[2];
    if (line == "```toml" || line == "```") {
      is_in_toml = line == "```toml";
      if (is_in_toml) blocks.push_back({step, "", true});
    } else if (is_in_toml) {
      blocks.back().text += line + "\n";
    } else if (line.starts_with("    ")) {
      if (is_new) blocks.push_back({step, ""});
      blocks.back().text += line.substr(4) + "\n";
    }
    is_new = !line.starts_with("    ");
  }
  return blocks;
}

// What the application has, made by its owner.
constexpr char kSchema[] = R"(
CREATE TABLE document (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), region int NOT NULL DEFAULT 1, district text,
                       title text NOT NULL, body text, status text NOT NULL);
CREATE TABLE photo (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), document_id uuid NOT NULL,
                    document_district text, document_status text NOT NULL, image bytea NOT NULL);
CREATE TABLE measurement (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), region int NOT NULL DEFAULT 1,
                          district text, value numeric);
)";

class ReadmeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto objection = objection_to_machines()) GTEST_SKIP() << "no machine can be made here: " << *objection;
    network_ = std::make_unique<Network>();
    const std::string hosts = "127.0.0.1 localhost region-1.example.org\n127.0.0.2 nation.example.org\n";
    for (const char* name : {"ca-machine", "nation", "region-1", "district-a"}) {
      machines_.push_back(std::make_unique<Machine>(*network_, name));
      type(*machines_.back(), "printf '" + hosts + "' > /etc/hosts");
    }
    for (Machine* machine : {&nation(), &region(), &district()}) set_up_debian(*machine);
    type(authority(), "install -m 755 " + tributary_program().string() + " /usr/local/bin/");
  }

  Machine& authority() { return *machines_[0]; }
  Machine& nation() { return *machines_[1]; }
  Machine& region() { return *machines_[2]; }
  Machine& district() { return *machines_[3]; }

  static std::string type(const Machine& machine, const std::string& lines, const std::string& directory = {}) {
    const Outcome outcome = machine.type(lines, directory);
    if (outcome.exit_code != 0)
      throw std::runtime_error("on " + machine.name() + ": exit code " + std::to_string(outcome.exit_code) + " of\n" +
                               lines + "\n" + outcome.output);
    return outcome.output;
  }

  // Debian's own cluster, as its package makes it: peer for local users, wal_level = replica. The database and its
  // tables belong to the application.
  void set_up_debian(const Machine& machine) {
    const std::string version = postgres_version();
    type(machine, "pg_createcluster --port 5432 " + version + " main >/dev/null\n" +
                      (machine.name() == "region-1" ? std::string()
                                                    : "pg_conftool " + version + " main set listen_addresses ''\n") +
                      "pg_ctlcluster --skip-systemctl-redirect " + version + " main start\n" +
                      "useradd --system slm\n"
                      "runuser -u postgres -- psql -qc 'CREATE ROLE slm LOGIN' -c 'CREATE DATABASE slm OWNER slm'");
    as_application(machine, kSchema);
  }
  static std::string postgres_version() {
    for (const char* version : {"15", "16", "17", "18"})
      if (std::filesystem::exists("/usr/lib/postgresql/" + std::string(version) + "/bin/postgres")) return version;
    throw std::runtime_error("no PostgreSQL");
  }
  static std::string as_application(const Machine& machine, const std::string& sql) {
    return type(machine, "cd /; runuser -u slm -- psql -XAtq -v ON_ERROR_STOP=1 slm <<'END'\n" + sql + "\nEND");
  }

  // What a person carries from one machine to another.
  static void carry(const Machine& from, const std::string& files, const Machine& to, const std::string& directory) {
    const std::string bytes = type(from, "tar -c " + files + " 2>/dev/null | base64 -w 76");
    type(to,
         "cd " + directory + "; base64 -d <<'END' | tar -x --no-same-owner --transform 's|.*/||'\n" + bytes + "\nEND");
  }

  // The configuration of the README, or an example where another node's place is.
  static std::string configuration_of(const Machine& machine, const std::string& readmes) {
    if (machine.name() == "region-1") return replaced(readmes, "0.0.0.0:7400", "127.0.0.1:7400");
    const bool is_nation = machine.name() == "nation";
    std::string text = source(is_nation ? "deploy/examples/nation.toml" : "deploy/examples/district.toml");
    replace(text, "host=db-1.example.org,db-2.example.org target_session_attrs=read-write", "host=/run/postgresql");
    replace(text, "0.0.0.0:7400", "127.0.0.2:7400");
    replace(text, "127.0.0.1:7480", is_nation ? "127.0.0.2:7480" : "127.0.0.3:7480");
    return text;
  }

  void type_block(const Machine& node, const Block& block) {
    SCOPED_TRACE(node.name() + ", step " + block.step);
    if (block.is_configuration) {
      type(node, "cat > /etc/tributary/tributary.toml <<'END'\n" + configuration_of(node, block.text) + "END");
      return;
    }
    std::string commands = replaced(block.text, "region-1", node.name());
    replace(commands, "./tests/run.sh\n", "");
    replace(commands, "build/release/agent/tributary", tributary_program().string());
    if (commands.starts_with("tributary pki ca")) {
      if (!has_authority_) type(authority(), commands);
      has_authority_ = true;
    } else if (commands.starts_with("tributary pki sign")) {
      carry(node, "/etc/tributary/" + node.name() + ".csr", authority(), "$HOME");
      type(authority(), commands);
      carry(authority(), "pki/ca.pem pki/" + node.name() + ".pem", node, "/etc/tributary");
    } else {
      // The last word of an installation, once the agent has found its feet.
      const size_t status = commands.rfind("tributary status\n");
      type(node, commands.substr(0, status), TRIBUTARY_SOURCE_DIR);
      if (status != std::string::npos) expect_status(node);
    }
  }
  // Exit code 2 would be: no agent answers. A child that never came is worth attention.
  static void expect_status(const Machine& node) {
    Outcome outcome;
    try {
      wait_until(
          node.name() + " answers",
          [&] {
            return (outcome = node.type("tributary status")).exit_code < 2 &&
                   outcome.output.find("starting") == std::string::npos;
          },
          std::chrono::seconds(60));
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << "\n" << outcome.output << node.type("cat /var/log/tributary.log").output;
    }
  }
  std::string logs() {
    std::string text;
    for (Machine* machine : {&nation(), &region(), &district()})
      text += "\n--- " + machine->name() + "\n" +
              machine->type("tributary status || true; tail -n 30 /var/log/tributary.log").output;
    return text;
  }

 private:
  std::unique_ptr<Network> network_;
  std::vector<std::unique_ptr<Machine>> machines_;
  bool has_authority_ = false;
};

TEST_F(ReadmeTest, a_real_node_step_by_step_ends_with_a_row_at_the_parent) {
  const std::vector<Block> blocks = blocks_of_readme();
  std::string steps;
  for (const Block& block : blocks)
    if (steps.empty() || steps.back() != block.step) steps += block.step;
  ASSERT_EQ(steps, "1234567") << "the section has a step without a command, or the test does not see it";
  for (Machine* machine : {&nation(), &region(), &district()})
    for (const Block& block : blocks)
      if (block.step != '7') type_block(*machine, block);

  as_application(district(), R"(
INSERT INTO document (id, district, title, body, status) VALUES
  ('00000000-0000-4000-8000-000000000001', 'A', 'approved at once', repeat('long ', 2000), 'approved'),
  ('00000000-0000-4000-8000-000000000002', 'A', 'approved later', NULL, 'draft'),
  ('00000000-0000-4000-8000-000000000003', 'A', 'a draft', NULL, 'draft');
INSERT INTO photo (id, document_id, document_district, document_status, image) VALUES
  ('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000001', 'A', 'approved', '\xff00');
INSERT INTO measurement (id, district, value) VALUES ('00000000-0000-4000-8000-000000000021', 'A', 36.6);
UPDATE document SET status = 'approved' WHERE title = 'approved later';)");
  const std::string rows =
      "SELECT id, district, title, md5(body), status FROM document WHERE status = 'approved' ORDER BY id;"
      "SELECT id, document_id, image, document_status FROM photo ORDER BY id; SELECT id, district, value FROM "
      "measurement ORDER BY id";
  const std::string expected = as_application(district(), rows);
  for (Machine* machine : {&region(), &nation()}) {
    std::string found;
    try {
      wait_until(
          machine->name() + " has the rows", [&] { return (found = as_application(*machine, rows)) == expected; },
          std::chrono::seconds(90));
    } catch (const std::exception& error) {
      FAIL() << error.what() << "\nexpected:\n" << expected << "found:\n" << found << logs();
    }
  }
  // What the README has a person look with.
  for (Machine* machine : {&region(), &nation()})
    EXPECT_THAT(type(*machine, blocks.back().text),
                AllOf(HasSubstr("approved at once"), HasSubstr("approved later"), Not(HasSubstr("a draft"))));
  EXPECT_EQ(as_application(nation(), "SELECT count(*) FROM document"), "2\n");
  EXPECT_THAT(type(nation(), "tributary status || true"), HasSubstr("district-a"));
}

}  // namespace
}  // namespace tributary::test
