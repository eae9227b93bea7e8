#include "wire/pki.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"

namespace tributary {
namespace {

using std::chrono::hours;
using std::chrono::system_clock;
using testing::ElementsAre;
using testing::HasSubstr;

class Pki : public testing::Test {
 protected:
  Pki() : directory_(std::filesystem::path(testing::TempDir()) / ("tributary-pki-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(directory_);
    make_ca({}, ca_, Overwrite::refuse);
  }
  ~Pki() override { std::filesystem::remove_all(directory_); }

  PemPaths pair(const std::string& name) const {
    return {(directory_ / (name + ".pem")).string(), (directory_ / (name + ".key")).string()};
  }
  PemPaths make_node(const std::string& name, const std::vector<std::string>& names = {}) const {
    const PemPaths out = pair(name);
    make_node_certificate({.node = name, .names = names}, ca_, out, Overwrite::refuse);
    return out;
  }
  static std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  template <typename Action>
  static std::string failure(Action action) {
    try {
      action();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::setup);
      return error.message();
    }
    return "";
  }

  std::filesystem::path directory_;
  PemPaths ca_ = pair("ca");
};

TEST_F(Pki, MakesAnAuthorityForTenYears) {
  const CertificateFacts facts = read_certificate(ca_.certificate);
  EXPECT_TRUE(facts.is_ca);
  EXPECT_EQ(facts.subject, "CN=tributary CA");
  EXPECT_EQ(facts.issuer, facts.subject);
  EXPECT_TRUE(facts.names.empty());
  EXPECT_LT(facts.not_before, system_clock::now() - std::chrono::minutes(59));
  EXPECT_GT(facts.not_after, system_clock::now() + hours(24 * 3649));
}

TEST_F(Pki, PutsTheNodesNameFirst) {
  const CertificateFacts facts = read_certificate(
      make_node("district-a", {"a.example.org", "192.0.2.1", "2001:db8::1", "district-a"}).certificate);
  EXPECT_FALSE(facts.is_ca);
  EXPECT_EQ(facts.subject, "CN=district-a");
  EXPECT_EQ(facts.issuer, "CN=tributary CA");
  EXPECT_THAT(facts.names, ElementsAre("district-a", "a.example.org", "192.0.2.1", "2001:db8::1"));
  EXPECT_LT(facts.not_before, system_clock::now() - std::chrono::minutes(59));
  EXPECT_GT(facts.not_after, system_clock::now() + hours(24 * 729));
  EXPECT_LT(facts.not_after, system_clock::now() + hours(24 * 731));
}

TEST_F(Pki, MakesCertificatesThatTheAuthorityAnswersFor) {
  EXPECT_NO_THROW(check_certificate(ca_.certificate, make_node("a")));
}

TEST_F(Pki, FindsOutACertificateOfAnotherAuthority) {
  const PemPaths other = pair("other");
  make_ca({}, other, Overwrite::refuse);
  const PemPaths node = make_node("a");
  EXPECT_THAT(failure([&] { check_certificate(other.certificate, node); }), HasSubstr(node.certificate));
}

TEST_F(Pki, FindsOutAKeyOfAnotherCertificate) {
  const PemPaths a = make_node("a");
  const PemPaths b = make_node("b");
  EXPECT_THAT(failure([&] {
                check_certificate(ca_.certificate, {a.certificate, b.key});
              }),
              HasSubstr("is not the key of"));
  EXPECT_THAT(failure([&] {
                make_node_certificate({.node = "c"}, {ca_.certificate, a.key}, pair("c"), Overwrite::refuse);
              }),
              HasSubstr("is not the key of"));
}

TEST_F(Pki, DoesNotLetANodeSignAnother) {
  EXPECT_THAT(failure([&] { make_node_certificate({.node = "b"}, make_node("a"), pair("b"), Overwrite::refuse); }),
              HasSubstr("is not a CA's certificate"));
}

TEST_F(Pki, NeverOutlivesTheAuthority) {
  const PemPaths brief = pair("brief");
  make_ca({.valid_for = std::chrono::days(10)}, brief, Overwrite::refuse);
  make_node_certificate({.node = "a"}, brief, pair("a"), Overwrite::refuse);
  EXPECT_EQ(read_certificate(pair("a").certificate).not_after, read_certificate(brief.certificate).not_after);
}

TEST_F(Pki, KeepsKeysToTheirOwner) {
  const mode_t old_mask = umask(0);
  const PemPaths node = make_node("a");
  umask(old_mask);
  const PemPaths asking = pair("b");
  make_request({.node = "b"}, asking.key, (directory_ / "b.csr").string(), Overwrite::refuse);
  for (const std::string& key : {ca_.key, node.key, asking.key}) {
    struct stat facts {};
    ASSERT_EQ(stat(key.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u) << key;
  }
}

TEST_F(Pki, DoesNotReplaceFilesUnasked) {
  const std::string key = content(ca_.key);
  EXPECT_THAT(failure([&] { make_ca({}, ca_, Overwrite::refuse); }), HasSubstr("exists already"));
  EXPECT_EQ(content(ca_.key), key);
  make_ca({}, ca_, Overwrite::allow);
  EXPECT_NE(content(ca_.key), key);
}

TEST_F(Pki, LeavesNothingBehindWhenItFails) {
  const PemPaths out = pair("a");
  std::ofstream(out.certificate) << "precious";
  EXPECT_THAT(failure([&] { make_node("a"); }), HasSubstr("exists already"));
  EXPECT_EQ(content(out.certificate), "precious");
  EXPECT_FALSE(std::filesystem::exists(out.key));
  EXPECT_FALSE(std::filesystem::exists(out.key + ".new"));
}

TEST_F(Pki, SignsARequestWhoseKeyStaysWhereItWasMade) {
  const PemPaths node = pair("a");
  const std::string csr = (directory_ / "a.csr").string();
  EXPECT_EQ(make_request({.node = "a", .names = {"a.example.org", "192.0.2.1"}}, node.key, csr, Overwrite::refuse),
            KeyFile::made);
  const RequestFacts facts = read_request(csr);
  EXPECT_EQ(facts.node, "a");
  EXPECT_THAT(facts.names, ElementsAre("a.example.org", "192.0.2.1"));
  EXPECT_THAT(content(csr), testing::Not(HasSubstr("PRIVATE KEY")));

  sign_request(csr, {.node = "a", .names = {"192.0.2.1"}}, ca_, node.certificate, Overwrite::refuse);
  EXPECT_NO_THROW(check_certificate(ca_.certificate, node));
  const CertificateFacts certificate = read_certificate(node.certificate);
  EXPECT_THAT(certificate.names, ElementsAre("a", "192.0.2.1")) << "what the request asks for beyond that counts not";
  EXPECT_FALSE(certificate.is_ca);
  EXPECT_GT(certificate.not_after, system_clock::now() + hours(24 * 729));
  EXPECT_THAT(failure([&] { sign_request(csr, {.node = "a"}, ca_, node.certificate, Overwrite::refuse); }),
              HasSubstr("exists already"));
}

TEST_F(Pki, ARequestForARenewalKeepsTheKey) {
  const PemPaths node = make_node("a");
  const std::string key = content(node.key), csr = (directory_ / "a.csr").string();
  EXPECT_EQ(make_request({.node = "a"}, node.key, csr, Overwrite::refuse), KeyFile::kept);
  EXPECT_EQ(content(node.key), key);
  sign_request(csr, {.node = "a"}, ca_, node.certificate, Overwrite::allow);
  EXPECT_NO_THROW(check_certificate(ca_.certificate, node));

  EXPECT_EQ(make_request({.node = "a"}, node.key, csr, Overwrite::allow), KeyFile::made);
  EXPECT_NE(content(node.key), key);
}

TEST_F(Pki, RefusesARequestThatItsKeyDidNotSign) {
  const std::string csr = (directory_ / "a.csr").string(), other = (directory_ / "b.csr").string();
  make_request({.node = "a"}, pair("a").key, csr, Overwrite::refuse);
  std::string text = content(csr);
  const size_t middle = text.find('\n', 200) + 10;
  text[middle] = text[middle] == 'A' ? 'B' : 'A';
  std::ofstream(csr) << text;
  EXPECT_NE(failure([&] { read_request(csr); }), "");
  EXPECT_THAT(failure([&] { read_request(ca_.certificate); }), HasSubstr("holds no signing request"));
  EXPECT_THAT(failure([&] { read_request(other); }), HasSubstr("b.csr: No such file"));
}

TEST_F(Pki, TellsWhichFileHoldsNoCertificate) {
  EXPECT_THAT(failure([&] { read_certificate(ca_.key); }), HasSubstr("holds no certificate"));
  EXPECT_THAT(failure([&] { read_certificate(pair("none").certificate); }), HasSubstr("none.pem: No such file"));
}

TEST_F(Pki, RefusesNamesThatWouldChangeTheCertificate) {
  for (const std::string name : {"x,DNS:region-1", "x:y", "", "a b"}) {
    EXPECT_THROW(make_node_certificate({.node = "a", .names = {name}}, ca_, pair("a"), Overwrite::refuse), Error)
        << name;
    EXPECT_FALSE(std::filesystem::exists(pair("a").certificate));
  }
}

}  // namespace
}  // namespace tributary
