// What root starts works as the agent's own user: files that it writes are the agent's, and PostgreSQL knows it by peer
// authentication.
#include <gmock/gmock.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kUser[] = "postgres";  // whom every machine with a server has

std::string owner_of(const std::filesystem::path& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) throw std::runtime_error("cannot look at " + path.string());
  return ::getpwuid(about.st_uid)->pw_name;
}

// Of a running process.
std::string user_of(pid_t pid) {
  return owner_of("/proc/" + std::to_string(pid));
}

void give(const std::filesystem::path& path) {
  const passwd* user = ::getpwnam(kUser);
  ASSERT_EQ(::chown(path.c_str(), user->pw_uid, user->pw_gid), 0) << path;
}

// The district as its administrator sets it up: the agent's directory, key and all, belongs to a user of its own, whom
// alone the server lets in.
void give_to_user(const Hierarchy& tree, Node& node) {
  const std::filesystem::path& home = node.agent().directory();
  std::string config = read_file(node.agent().config_file());
  for (const auto& [file, name] : {std::pair{tree.pki().ca(), "ca.pem"},
                                   {tree.pki().certificate(node.name()), "node.pem"},
                                   {tree.pki().key(node.name()), "node.key"}}) {
    std::filesystem::copy(file, home / name);
    config.replace(config.find(file.string()), file.string().size(), name);
  }
  node.agent().write_config(config);
  give(home);
  for (const auto& entry : std::filesystem::directory_iterator(home)) give(entry.path());
  const std::filesystem::path data = node.cluster().data();
  write_file(data / "pg_hba.conf", "local all tributary peer map=agent\nhost all postgres 127.0.0.1/32 trust\n");
  write_file(data / "pg_ident.conf", std::string("agent ") + kUser + " tributary\n");
  node.sql().exec("SELECT pg_reload_conf()");
}

TEST(RootTest, what_root_starts_works_as_the_owner_of_the_queues_directory) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can";
  Hierarchy tree;
  Node& region = tree.add({.name = "region"});
  Node& district =
      tree.add({.name = "district", .parent = "region", .tables = {{.name = "public.report"}}, .uses_socket = true});
  tree.exec_everywhere("CREATE TABLE report (id int PRIMARY KEY, body text)");
  district.sql().exec("INSERT INTO report VALUES (1, 'from before')");
  tree.init();
  give_to_user(tree, district);

  const Outcome check = district.agent().command({"check"});
  EXPECT_EQ(check.exit_code, 0) << check.output;
  EXPECT_THAT(check.output, Not(HasSubstr("eer authentication")));
  const std::filesystem::path home = district.agent().directory();
  const Outcome exported = district.agent().command({"export", "--to", home / "courier"});
  EXPECT_EQ(exported.exit_code, 0) << exported.output;
  EXPECT_EQ(owner_of(home / "courier" / "manifest"), kUser);
  const Outcome refused = district.agent().command({"export", "--to", "/root/courier"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, AllOf(HasSubstr("ermission denied"), HasSubstr("not as root but as postgres")));

  for (const auto& node : tree.nodes()) node->agent().start();
  district.wait_until_streaming();
  tree.expect_equal();
  EXPECT_EQ(user_of(district.agent().pid()), kUser);
  EXPECT_THAT(district.agent().log(), HasSubstr("as user postgres"));
  EXPECT_EQ(owner_of(home / "queue.db"), kUser);
  EXPECT_EQ(owner_of(home / "control.sock"), kUser);
  EXPECT_EQ(district.agent().command({"reload"}).exit_code, 0);
  EXPECT_EQ(district.agent().command({"verify"}).exit_code, 0);

  // Where root owns the directory, it is root, and says so.
  EXPECT_EQ(user_of(region.agent().pid()), "root");
  EXPECT_THAT(region.agent().log(), HasSubstr("runs as root, because root owns"));
}

// An administrator makes the key, and its agent can read it.
TEST(RootTest, a_key_that_root_makes_belongs_to_its_directorys_owner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can";
  const TempDir directory("node");
  give(directory.path());
  Command command;
  command.words = {tributary_program().string(), "pki", "request", "district-a", "--dir", directory.path()};
  const Outcome made = run(command);
  EXPECT_EQ(made.exit_code, 0) << made.output;
  struct stat about {};
  ASSERT_EQ(::stat((directory / "district-a.key").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U);
  EXPECT_EQ(owner_of(directory / "district-a.key"), kUser);
  EXPECT_EQ(owner_of(directory / "district-a.csr"), kUser);
}

}  // namespace
}  // namespace tributary::test
