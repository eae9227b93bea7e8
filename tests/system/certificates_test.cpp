// Who is let in: a parent listens to its own children only, and a child talks to its own parent only.
#include <gmock/gmock.h>

#include <regex>

#include "support/hierarchy.h"
#include "system/hand_made_child.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class CertificatesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tree_ = std::make_unique<Hierarchy>();
    tree_->add({.name = "parent", .intake_tables = "[\"*.*\"]\n[[child]]\nname = \"twin\""});
    tree_->add({.name = "child", .parent = "parent", .tables = {{.name = "public.report"}}});
    tree_->exec_everywhere("CREATE TABLE report (id int PRIMARY KEY, body text)");
    tree_->start();
    tree_->expect_equal();
    files_ = std::make_unique<TempDir>("certificates");
  }
  static void TearDownTestSuite() {
    tree_.reset();
    files_.reset();
  }

  Node& parent() { return (*tree_)["parent"]; }
  Node& child() { return (*tree_)["child"]; }
  uint16_t port() {
    std::smatch found;
    const std::string text = read_file(parent().agent().config_file());
    std::regex_search(text, found, std::regex(R"(\[intake\]\nlisten = "127.0.0.1:(\d+)\")"));
    return static_cast<uint16_t>(std::stoi(found[1]));
  }

  PemPaths authority() { return {tree_->pki().ca(), tree_->pki().ca().parent_path() / "ca.key"}; }
  static Credentials credentials(const std::string& node, const PemPaths& ca) {
    const PemPaths files{*files_ / (node + ".pem"), *files_ / (node + ".key")};
    make_node_certificate({.node = node}, ca, files, Overwrite::allow);
    return {ca.certificate, files.certificate, files.key};
  }
  // Signs the certificate anew, with an end in the past.
  void let_expire(const std::string& path) {
    FILE* file = fopen(path.c_str(), "r");
    X509* certificate = PEM_read_X509(file, nullptr, nullptr, nullptr);
    fclose(file);
    file = fopen(authority().key.c_str(), "r");
    EVP_PKEY* key = PEM_read_PrivateKey(file, nullptr, nullptr, nullptr);
    fclose(file);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), -60);
    ASSERT_GT(X509_sign(certificate, key, EVP_sha256()), 0);
    file = fopen(path.c_str(), "w");
    PEM_write_X509(file, certificate);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  // The session comes to nothing: no Welcome, no position, and the parent says why.
  void expect_shut_out(const Credentials& credentials, const std::string& node, const std::string& words) {
    SCOPED_TRACE(words);
    const size_t log_begin = parent().agent().log().size();
    HandMadeChild stranger(port(), credentials);
    if (stranger.is_open()) stranger.send(hello_frame(node, "parent"));
    while (const auto frame = stranger.receive()) EXPECT_TRUE(frame->has_refusal()) << frame->DebugString();
    wait_until("the parent's log says: " + words,
               [&] { return parent().agent().log().find(words, log_begin) != std::string::npos; });
    expect_child_is_served();
  }
  void expect_child_is_served() {
    static int number = 0;
    const std::string id = std::to_string(++number);
    child().sql().exec("INSERT INTO report VALUES (" + id + ")");
    wait_until("the child is served",
               [&] { return parent().sql().number("SELECT count(*) FROM report WHERE id = " + id) == 1; });
  }

  static std::unique_ptr<Hierarchy> tree_;
  static std::unique_ptr<TempDir> files_;
};

std::unique_ptr<Hierarchy> CertificatesTest::tree_;
std::unique_ptr<TempDir> CertificatesTest::files_;

TEST_F(CertificatesTest, a_listed_child_is_let_in) {
  HandMadeChild twin(port(), credentials("twin", authority()));
  twin.send(hello_frame("twin", "parent"));
  const auto answer = twin.receive_news();
  EXPECT_TRUE(answer && answer->has_welcome());
}

TEST_F(CertificatesTest, strangers_are_shut_out) {
  const PemPaths other{*files_ / "other-ca.pem", *files_ / "other-ca.key"};
  make_ca({}, other, Overwrite::allow);
  expect_shut_out(credentials("twin", other), "twin", "certificate");
  const Credentials expired = credentials("twin", authority());
  let_expire(expired.certificate);
  expect_shut_out(expired, "twin", "expired");
  expect_shut_out({}, "twin", "no certificate");
  expect_shut_out(credentials("unlisted", authority()), "unlisted", "unlisted is not a child of parent");
  expect_shut_out(credentials("twin", authority()), "child", "calls itself child, but its certificate names twin");
}

TEST_F(CertificatesTest, an_agent_with_an_expired_certificate_says_so) {
  child().agent().stop();
  const Credentials expired = credentials("child", authority());
  let_expire(expired.certificate);
  const std::string right = read_file(child().agent().config_file());
  std::string config = right;
  for (const auto& [from, to] : {std::pair{tree_->pki().certificate("child").string(), expired.certificate},
                                 {tree_->pki().key("child").string(), expired.key}})
    config.replace(config.find(from), from.size(), to);
  child().agent().write_config(config);
  const size_t log_begin = child().agent().log().size();
  child().agent().start();
  wait_until("its log says so", [&] { return child().agent().log().find("expired", log_begin) != std::string::npos; });
  child().agent().stop();
  child().agent().write_config(right);
  child().agent().start();
  expect_child_is_served();
}

// A node of the same authority stands where the parent should: a mistake in the name service, or somebody who means it.
TEST_F(CertificatesTest, a_child_sends_nothing_to_another_node_behind_its_parents_endpoint) {
  tree_->expect_equal();
  credentials("twin", authority());
  Agent impostor("impostor");
  const uint16_t its_port = free_port();
  std::string config = read_file(parent().agent().config_file());
  const auto set = [&](const std::string& pattern, const std::string& by) {
    ASSERT_TRUE(std::regex_search(config, std::regex(pattern))) << pattern;
    config = std::regex_replace(config, std::regex(pattern), by);
  };
  set(R"(\[node\]\nname = "parent")", "[node]\nname = \"twin\"");
  set(R"(\[\[child\]\]\nname = "twin")", "");
  set(R"(\[intake\]\nlisten = "[^"]*")", "[intake]\nlisten = \"127.0.0.1:" + std::to_string(its_port) + "\"");
  set(R"(\[status\]\nlisten = "[^"]*")", "[status]\nlisten = \"127.0.0.1:" + std::to_string(free_port()) + "\"");
  set("certificate = \"[^\"]*\"", "certificate = \"" + (*files_ / "twin.pem").string() + "\"");
  set("key = \"[^\"]*\"", "key = \"" + (*files_ / "twin.key").string() + "\"");
  impostor.write_config(config);
  impostor.start();
  wait_until("it listens", [&] { return impostor.log().find("listening") != std::string::npos; });

  child().agent().stop();
  const std::string right = read_file(child().agent().config_file());
  std::string wrong = right;
  const std::string link_port = std::to_string(child().link().port());
  wrong.replace(wrong.find(link_port), link_port.size(), std::to_string(its_port));
  child().agent().write_config(wrong);
  child().agent().start();
  child().sql().exec("INSERT INTO report VALUES (1001, 'for the parent alone')");
  wait_until("the child refuses", [&] {
    try {
      return child().agent().status().uplink().state() == "refused";
    } catch (const std::runtime_error&) {
      return false;
    }
  });
  EXPECT_THAT(child().agent().status().uplink().message(), HasSubstr("is not parent"));
  EXPECT_THAT(child().agent().status().uplink().message(), HasSubstr("twin"));
  wait_until("the impostor heard nothing but the end",
             [&] { return impostor.log().find("ended") != std::string::npos; });
  EXPECT_THAT(impostor.log(), Not(HasSubstr("refused")));
  EXPECT_THAT(impostor.log(), Not(HasSubstr("connected from")));
  EXPECT_EQ(parent().sql().number("SELECT count(*) FROM report WHERE id = 1001"), 0);

  impostor.stop();
  child().agent().stop();
  child().agent().write_config(right);
  child().agent().start();
  tree_->expect_equal();
}

}  // namespace
}  // namespace tributary::test
