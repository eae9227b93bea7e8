// What `check` says of certificates, key and disk, and of whatever answers at the parent's endpoint.
#include <filesystem>
#include <fstream>

#include "support/process.h"
#include "system/check_fixture.h"
#include "wire/pki.h"

namespace tributary::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class CheckLinkTest : public CheckTest {
 protected:
  CheckLinkTest() : CheckTest(sound()), files_("other-pki") { tree.init(); }

  void replace_in_config(const std::string& from, const std::string& to) {
    std::string text = read_file(district().agent().config_file());
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    district().agent().write_config(text.replace(at, from.size(), to));
  }
  void use_endpoints(const std::string& list) {
    district().write_config();
    const std::string text = read_file(district().agent().config_file());
    const size_t at = text.find("endpoints = ");
    replace_in_config(text.substr(at, text.find('\n', at) - at), "endpoints = " + list);
  }
  // The district's own certificate and key from now on; `valid_for` may lie in the past.
  PemPaths use_certificate(const std::string& name, const PemPaths& ca, int days = 100) {
    const PemPaths files{files_ / "own.pem", files_ / "own.key"};
    make_node_certificate({.node = name, .valid_for = std::chrono::days(days)}, ca, files, Overwrite::allow);
    district().write_config();
    replace_in_config(tree.pki().certificate("district").string(), files.certificate);
    replace_in_config(tree.pki().key("district").string(), files.key);
    return files;
  }
  PemPaths authority() { return {tree.pki().ca(), tree.pki().ca().parent_path() / "ca.key"}; }
  PemPaths other_authority() {
    const PemPaths ca{files_ / "ca.pem", files_ / "ca.key"};
    make_ca({}, ca, Overwrite::allow);
    return ca;
  }
  std::string region_endpoint() { return "127.0.0.1:" + std::to_string(region().intake_port()); }

  TempDir files_;
};

TEST_F(CheckLinkTest, whoever_answers_must_be_the_parent) {
  region().agent().start();
  wait_until("the region answers", [&] { return troubles(district(), {}).empty(); });

  use_endpoints("[\"no-such-host.invalid:7400\"]");
  EXPECT_THAT(troubles(district(), {}), ElementsAre(AllOf(StartsWith("WARNING cannot find the address of "
                                                                     "no-such-host.invalid"),
                                                          HasSubstr("-> check the name and the name service"))));
  const std::string server = "127.0.0.1:" + std::to_string(region().cluster().port());
  use_endpoints("[\"" + server + "\"]");
  EXPECT_THAT(troubles(district(), {}),
              ElementsAre(testing::AnyOf(HasSubstr("does not speak TLS"), HasSubstr("closed the connection"))));
  use_endpoints("[\"" + server + "\", \"" + region_endpoint() + "\"]");
  EXPECT_THAT(troubles(district(), {}), ElementsAre(StartsWith("WARNING "))) << "one endpoint is enough";

  use_endpoints("[\"" + region_endpoint() + "\"]");
  replace_in_config("name = \"region\"", "name = \"nation\"");
  EXPECT_THAT(troubles(district(), {}),
              ElementsAre(AllOf(StartsWith("STOPS whoever answers at " + region_endpoint() + " is not nation"),
                                HasSubstr("the names region"), HasSubstr("[parent] endpoints must lead"))));
}

TEST_F(CheckLinkTest, both_sides_must_believe_the_others_certificate) {
  region().agent().start();
  wait_until("the region answers", [&] { return troubles(district(), {}).empty(); });
  const PemPaths others = other_authority();
  // The district trusts both; its region knows nothing of the other one.
  std::ofstream(files_ / "both.pem") << read_file(tree.pki().ca()) << read_file(others.certificate);
  use_certificate("district", others);
  replace_in_config(tree.pki().ca().string(), (files_ / "both.pem").string());
  EXPECT_THAT(troubles(district(), {}),
              ElementsAre(AllOf(StartsWith("STOPS region at "), HasSubstr("does not know the CA that signed"))));
  replace_in_config((files_ / "both.pem").string(), others.certificate);
  EXPECT_THAT(troubles(district(), {}), ElementsAre(AllOf(StartsWith("STOPS the certificate of region at "),
                                                          HasSubstr("is not signed by a CA that [tls] ca holds"))));
}

TEST_F(CheckLinkTest, the_nodes_own_certificate) {
  use_certificate("district", authority(), 12);
  EXPECT_THAT(troubles(district()), ElementsAre(AllOf(HasSubstr("own.pem ends in 11 days"), StartsWith("WARNING"),
                                                      HasSubstr("tributary pki sign district.csr --force"))));
  use_certificate("district", authority(), -3);
  EXPECT_THAT(troubles(district()), ElementsAre(AllOf(HasSubstr("own.pem has expired 3 days ago"), StartsWith("STOPS"),
                                                      HasSubstr("tributary pki sign district.csr --force"))));
  EXPECT_THAT(troubles(district(), {}), Contains(StartsWith("WARNING the way to region was not looked at")));
  use_certificate("elsewhere", authority());
  EXPECT_THAT(troubles(district()),
              ElementsAre(AllOf(StartsWith("STOPS"), HasSubstr("is not for district, but for elsewhere"))));
  use_certificate("district", other_authority());
  EXPECT_THAT(troubles(district()), ElementsAre(AllOf(StartsWith("STOPS"), HasSubstr("unable to get local issuer"))));

  const PemPaths own = use_certificate("district", authority());
  EXPECT_THAT(troubles(district()), IsEmpty());
  std::filesystem::permissions(own.key, std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  EXPECT_THAT(troubles(district()), ElementsAre(AllOf(HasSubstr("own.key is open to others than its owner"),
                                                      StartsWith("STOPS"), HasSubstr("chmod 600"))));
  std::filesystem::permissions(own.key, std::filesystem::perms::group_read, std::filesystem::perm_options::remove);
  replace_in_config(own.key, tree.pki().key("region").string());
  EXPECT_THAT(troubles(district()), ElementsAre(AllOf(StartsWith("STOPS"), HasSubstr("region.key is not the key of"),
                                                      HasSubstr("made together"))));
  replace_in_config(tree.pki().key("region").string(), "nowhere.key");
  EXPECT_THAT(troubles(district()), ElementsAre(AllOf(StartsWith("STOPS"), HasSubstr("nowhere.key: No such file"),
                                                      HasSubstr("tributary pki"))));
}

TEST_F(CheckLinkTest, the_queues_disk_and_directory) {
  const std::string usual = "min_free_disk = \"64 MiB\"";
  replace_in_config(usual, "min_free_disk = \"900 TB\"");
  EXPECT_THAT(troubles(district()),
              ElementsAre(AllOf(StartsWith("STOPS the queue's disk has "), HasSubstr("less than [queue] min_free_disk"),
                                HasSubstr("make room on that disk"))));
  replace_in_config("min_free_disk = \"900 TB\"", usual + "\nmax_bytes = \"900 TB\"");
  EXPECT_THAT(troubles(district()), ElementsAre(AllOf(StartsWith("WARNING the queue's disk has "),
                                                      HasSubstr("not to [queue] max_bytes = "))));
  district().write_config();
  replace_in_config("path = \"queue.db\"", "path = \"/nowhere/tributary/queue.db\"");
  EXPECT_THAT(troubles(district()), ElementsAre(AllOf(StartsWith("STOPS the queue's directory /nowhere/tributary "),
                                                      HasSubstr("install -d -m 750 -o tributary"))));
}

}  // namespace
}  // namespace tributary::test
