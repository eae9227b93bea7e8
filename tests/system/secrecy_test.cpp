// What rows hold, and passwords, are nobody's business: when PostgreSQL refuses a row, its words about it reach no log,
// no status, no page and no other node.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <regex>

#include "support/hierarchy.h"
#include "system/hand_made_child.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kSecret[] = "XYZZY-rowcontent";
constexpr char kPassword[] = "XYZZY-password";

// A table whose row the region refuses, and what lets it pass.
struct Trap {
  std::string table;
  std::string at_all;     // DDL everywhere
  std::string at_region;  // what makes the region refuse
  std::string insert;     // at the district
  std::string mend;       // at the region
  std::string named;      // what the reason names all the same
};

const std::vector<Trap>& traps() {
  static const std::string secret = kSecret;
  static const std::vector<Trap> list = {
      {"checked", "CREATE TABLE checked (id int PRIMARY KEY, v text)",
       "ALTER TABLE checked ADD CONSTRAINT plain_text CHECK (v NOT LIKE 'XYZZY%')",
       "INSERT INTO checked VALUES (1, '" + secret + "')", "ALTER TABLE checked DROP CONSTRAINT plain_text",
       "plain_text"},
      {"labelled", "CREATE TYPE colour AS ENUM ('red'); CREATE TABLE labelled (id int PRIMARY KEY, v colour)",
       "SELECT 1", "INSERT INTO labelled VALUES (1, '" + secret + "')", "ALTER TYPE colour ADD VALUE '" + secret + "'",
       "invalid_text_representation"},
      {"single", "CREATE TABLE single (id int PRIMARY KEY, v text)",
       "INSERT INTO single VALUES (2, '" + secret + "'); CREATE UNIQUE INDEX only_one ON single (v)",
       "INSERT INTO single VALUES (1, '" + secret + "')", "DELETE FROM single WHERE id = 2", "only_one"},
      {"required", "CREATE TABLE required (id int PRIMARY KEY, v text, w text)",
       "ALTER TABLE required ALTER COLUMN w SET NOT NULL", "INSERT INTO required VALUES (1, '" + secret + "', NULL)",
       "ALTER TABLE required ALTER COLUMN w DROP NOT NULL", "column w"},
      {"short", "CREATE TABLE short (id int PRIMARY KEY, v varchar(99))",
       "ALTER TABLE short ALTER COLUMN v TYPE varchar(5)", "INSERT INTO short VALUES (1, '" + secret + "')",
       "ALTER TABLE short ALTER COLUMN v TYPE varchar(99)", "string_data_right_truncation"},
      {"referring", "CREATE TABLE referring (id int PRIMARY KEY, v text)",
       "CREATE FUNCTION insist() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no % here', NEW.v "
       "USING ERRCODE = '42501', DETAIL = NEW.v, HINT = NEW.v; END $$;"
       "CREATE TRIGGER insist BEFORE INSERT ON referring FOR EACH ROW EXECUTE FUNCTION insist();"
       "ALTER TABLE referring ENABLE ALWAYS TRIGGER insist",
       "INSERT INTO referring VALUES (1, '" + secret + "')", "DROP TRIGGER insist ON referring", "42501"},
      {"raising", "CREATE TABLE raising (id int PRIMARY KEY, v text)",
       "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no % here', NEW.v; END "
       "$$; CREATE TRIGGER refuse BEFORE INSERT ON raising FOR EACH ROW EXECUTE FUNCTION refuse();"
       "ALTER TABLE raising ENABLE ALWAYS TRIGGER refuse",
       "INSERT INTO raising VALUES (1, '" + secret + "')", "DROP TRIGGER refuse ON raising", "raise_exception"},
      {"typed", "CREATE DOMAIN word AS text; CREATE TABLE typed (id int PRIMARY KEY, v word)",
       "ALTER DOMAIN word ADD CONSTRAINT lower_case CHECK (VALUE = lower(VALUE))",
       "INSERT INTO typed VALUES (1, '" + secret + "')", "ALTER DOMAIN word DROP CONSTRAINT lower_case", "lower_case"}};
  return list;
}

class SecrecyTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tree_ = std::make_unique<Hierarchy>();
    std::vector<SentTable> tables;
    for (const Trap& trap : traps()) tables.push_back({.name = "public." + trap.table});
    const std::string log = "[log]\nlevel = \"debug\"\n";
    tree_->add({.name = "nation", .config = log});
    tree_->add({.name = "region",
                .parent = "nation",
                .tables = tables,
                .intake_tables = "[\"public.*\"]\n[[child]]\nname = \"liar\"",
                .config = log});
    tree_->add({.name = "district", .parent = "region", .tables = tables, .config = log});
    for (const Trap& trap : traps()) {
      tree_->exec_everywhere(trap.at_all);
      (*tree_)["region"].sql().exec(trap.at_region);
    }
    for (const char* node : {"nation", "district"})
      (*tree_)[node].sql().exec(std::string("ALTER TYPE colour ADD VALUE '") + kSecret + "'");
    // A password that the servers do not ask for.
    tree_->init();
    for (const auto& node : tree_->nodes()) {
      std::string config = read_file(node->agent().config_file());
      config.insert(config.find("\nconnection = \"") + 15, std::string("password='") + kPassword + "' ");
      node->agent().write_config(config);
      node->agent().start();
    }
    for (const auto& node : tree_->nodes()) node->wait_until_streaming();
  }
  static void TearDownTestSuite() { tree_.reset(); }

  Node& region() { return (*tree_)["region"]; }
  Node& district() { return (*tree_)["district"]; }

  static uint16_t port_of(Node& node, const std::string& section) {
    std::smatch found;
    const std::string text = read_file(node.agent().config_file());
    std::regex_search(text, found, std::regex("\\[" + section + "\\]\nlisten = \"127.0.0.1:(\\d+)\""));
    return static_cast<uint16_t>(std::stoi(found[1]));
  }
  static std::string http_get(uint16_t port, const std::string& path) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string answer;
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      const std::string request = "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
      if (::send(socket, request.data(), request.size(), 0) > 0) {
        char bytes[65536];
        for (ssize_t count; (count = ::recv(socket, bytes, sizeof bytes, 0)) > 0;)
          answer.append(bytes, static_cast<size_t>(count));
      }
    }
    ::close(socket);
    return answer;
  }

  // All that a person or a program can read of the three agents now.
  static void expect_nothing_told() {
    for (const auto& node : tree_->nodes()) {
      SCOPED_TRACE(node->name());
      std::vector<std::string> places = {node->agent().log(), node->agent().command({"status"}).output,
                                         node->agent().command({"status", "--json"}).output,
                                         node->agent().command({"check"}).output};
      for (const char* path : {"/", "/status", "/metrics", "/readyz", "/healthz"})
        places.push_back(http_get(port_of(*node, "status"), path));
      EXPECT_THAT(places[2], HasSubstr("\"node\"")) << "there is no status to look at";
      EXPECT_THAT(places[5], HasSubstr("200 OK")) << "there is no page to look at";
      for (const std::string& place : places) EXPECT_THAT(place, Not(HasSubstr("XYZZY")));
    }
  }

  static std::unique_ptr<Hierarchy> tree_;
};

std::unique_ptr<Hierarchy> SecrecyTest::tree_;

TEST_F(SecrecyTest, a_refused_row_is_not_quoted_anywhere) {
  for (const Trap& trap : traps()) {
    SCOPED_TRACE(trap.table);
    district().sql().exec(trap.insert);
    wait_until("the region holds it", [&] {
      return district().agent().status().uplink().message().find("public." + trap.table) != std::string::npos;
    });
    EXPECT_THAT(district().agent().status().uplink().message(), HasSubstr(trap.named));
    expect_nothing_told();
    region().sql().exec(trap.mend);
    wait_until("the region goes on", [&] { return district().agent().status().queue().batches() == 0; });
  }
}

TEST_F(SecrecyTest, an_unreachable_database_does_not_bring_the_password_to_light) {
  region().cluster().stop_fast();
  district().sql().exec("UPDATE checked SET v = v");
  wait_until("the region says so", [&] { return region().agent().status().database().health() == status::OFFLINE; });
  wait_until("the district waits", [&] { return !district().agent().status().uplink().message().empty(); });
  expect_nothing_told();
  region().cluster().start();
  wait_until("all is well again", [&] {
    return district().agent().status().queue().batches() == 0 &&
           region().agent().status().database().health() == status::OK &&
           district().agent().status().uplink().health() == status::OK;
  });
}

// What travels to a child, byte for byte.
TEST_F(SecrecyTest, a_refusal_on_the_link_does_not_quote_the_row) {
  TempDir files("certificates");
  const PemPaths ca{tree_->pki().ca(), tree_->pki().ca().parent_path() / "ca.key"};
  const PemPaths mine{files / "liar.pem", files / "liar.key"};
  make_node_certificate({.node = "liar"}, ca, mine, Overwrite::refuse);
  HandMadeChild child(port_of(region(), "intake"), {ca.certificate, mine.certificate, mine.key});
  child.send(hello_frame("liar", "region"));
  ASSERT_TRUE(child.receive_news()->has_welcome());
  Batch beginning = stream_beginning({});
  Position at = beginning.to;
  child.send(batch_frame(std::move(beginning)));
  const Relation dates{"public", "marked", {{"id", 23, "", -1, true}, {"v", 1082, "", -1, false}}};
  region().sql().exec("CREATE TABLE marked (id int PRIMARY KEY, v date); GRANT ALL ON marked TO tributary");
  child.send(relation_frame(dates));
  child.send(batch_frame(transaction_after(at, dates, put({"1", kSecret}))));
  for (;;) {
    const auto answer = child.receive_news();
    ASSERT_TRUE(answer && answer->has_ack());
    if (!answer->ack().has_hold()) continue;
    EXPECT_THAT(answer->ack().hold().reason(), HasSubstr("invalid_datetime_format"));
    break;
  }
  EXPECT_THAT(child.heard(), Not(HasSubstr("XYZZY")));
  expect_nothing_told();
}

}  // namespace
}  // namespace tributary::test
