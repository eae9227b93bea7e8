// The tests' own tools: servers that start, stop and leave nothing behind, and a link that breaks as asked.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sstream>
#include <thread>

#include "support/cluster.h"
#include "support/link_proxy.h"

namespace tributary::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Cluster, keeps_committed_rows_over_every_kind_of_stop) {
  Cluster cluster;
  cluster.connect().exec("CREATE TABLE t (id int)");
  for (const auto stop : {&Cluster::stop_immediate, &Cluster::kill_postmaster}) {
    cluster.connect().exec("INSERT INTO t VALUES (1)");
    (cluster.*stop)();
    EXPECT_FALSE(cluster.is_running());
    EXPECT_THROW(cluster.connect(), SqlError);
    cluster.start();
  }
  cluster.stop_fast();
  cluster.start();
  EXPECT_EQ(cluster.connect().number("SELECT count(*) FROM t"), 2);
  EXPECT_EQ(cluster.connect().value("SHOW wal_level"), "logical");
}

TEST(Cluster, returns_to_a_saved_state) {
  Cluster cluster;
  cluster.connect().exec("CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
  cluster.stop_fast();
  cluster.save_data("before");
  cluster.start();
  cluster.connect().exec("INSERT INTO t VALUES (2)");
  cluster.stop_fast();
  cluster.restore_data("before");
  cluster.start();
  Sql sql = cluster.connect();
  EXPECT_EQ(table_text(sql, "SELECT * FROM t"), "1\n");
}

TEST(Cluster, has_databases_of_other_encodings) {
  Cluster cluster;
  cluster.create_database("old", "WIN1252");
  Sql sql = cluster.connect("old");
  sql.exec("CREATE TABLE t (name text); INSERT INTO t VALUES ('Zoë €')");
  EXPECT_EQ(sql.value("SELECT length(name) FROM t"), "5");
  EXPECT_EQ(sql.value("SELECT octet_length(name) FROM t"), "5");
  EXPECT_EQ(sql.value("SELECT name FROM t"), "Zoë €");
}

TEST(Difference, names_keys_and_columns_but_no_values) {
  Cluster cluster;
  Sql sql = cluster.connect();
  const std::string want = "SELECT * FROM (VALUES (1, 'a'), (2, 'secret'), (3, NULL)) t (id, body)";
  const std::string have = "SELECT * FROM (VALUES (2, 'other'), (3, ''), (4, 'd')) t (id, body)";
  EXPECT_EQ(difference(sql, want, sql, want), "");
  EXPECT_EQ(difference(sql, want, sql, have),
            "4 of 3 rows differ:\n  (1): missing\n  (2): differs in body\n  (3): differs in body\n"
            "  (4): should not be there\n");
}

std::string this_program() {
  return std::filesystem::read_symlink("/proc/self/exe").string();
}

// Run by the next test, as a program of its own. pg_ctl's server has no parent to die with.
TEST(RunDirectory, DISABLED_leaves_a_server_and_is_killed) {
  Cluster cluster;
  cluster.stop_fast();
  run_or_throw(
      {{(postgres_programs() / "pg_ctl").string(), "start", "-w", "-D", cluster.data().string()}, {}, {}, "postgres"});
  std::string server = read_file(cluster.data() / "postmaster.pid");
  write_file(std::getenv("HARNESS_NOTE"), run_directory().string() + " /proc/" + server.substr(0, server.find('\n')));
  ::raise(SIGKILL);
}

TEST(RunDirectory, of_a_killed_run_is_swept_with_its_servers) {
  const TempDir directory;
  Command killed;
  killed.words = {this_program(), "--gtest_also_run_disabled_tests", "--gtest_filter=*DISABLED_leaves_a_server*"};
  killed.environment["HARNESS_NOTE"] = directory / "note";
  ASSERT_EQ(run(killed).exit_code, -SIGKILL);
  std::istringstream note(read_file(directory / "note"));
  std::string run_of_the_killed, server;
  note >> run_of_the_killed >> server;
  ASSERT_TRUE(std::filesystem::exists(run_of_the_killed));
  ASSERT_TRUE(std::filesystem::exists(server));

  Command next;
  next.words = {this_program(), "--gtest_filter=Difference.*"};
  EXPECT_EQ(run(next).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(run_of_the_killed));
  wait_until("the server has ended", [&] { return !std::filesystem::exists(server); });
}

TEST(Process, dies_with_the_program_that_started_it) {
  const TempDir directory;
  Command killed;
  killed.words = {this_program(), "--gtest_also_run_disabled_tests", "--gtest_filter=*DISABLED_starts_a_server*"};
  killed.environment["HARNESS_NOTE"] = directory / "note";
  ASSERT_EQ(run(killed).exit_code, -SIGKILL);
  const std::string server = read_file(directory / "note");
  ASSERT_FALSE(server.empty());
  wait_until("the server has ended", [&] { return !std::filesystem::exists(server); });
}

TEST(Process, DISABLED_starts_a_server_and_is_killed) {
  Cluster cluster;
  const std::string server = read_file(cluster.data() / "postmaster.pid");
  write_file(std::getenv("HARNESS_NOTE"), "/proc/" + server.substr(0, server.find('\n')));
  ::raise(SIGKILL);
}

// A parent that sends back what it hears.
class Echo {
 public:
  Echo() : port_(free_port()), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = loopback(port_);
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 8) != 0) {
      throw std::runtime_error("cannot listen");
    }
    thread_ = std::thread([this] {
      for (int fd; (fd = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(fd)) {
        char bytes[4096];
        for (ssize_t n; (n = ::recv(fd, bytes, sizeof bytes, 0)) > 0;) {
          ::send(fd, bytes, static_cast<size_t>(n), MSG_NOSIGNAL);
        }
      }
    });
  }
  ~Echo() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  uint16_t port() const { return port_; }

  static sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

 private:
  uint16_t port_;
  int listener_;
  std::thread thread_;
};

class Client {
 public:
  explicit Client(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = Echo::loopback(port);
    is_connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { ::close(fd_); }
  bool is_connected() const { return is_connected_; }
  void send(const std::string& text) { ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  // Up to `bytes` bytes; fewer when the connection ends or `timeout` passes.
  std::string receive(size_t bytes, milliseconds timeout = seconds(5)) {
    const timeval limit{timeout.count() / 1000, (timeout.count() % 1000) * 1000};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    std::string text(bytes, '\0');
    size_t have = 0;
    for (ssize_t n; have < bytes && (n = ::recv(fd_, text.data() + have, bytes - have, 0)) > 0;) {
      have += static_cast<size_t>(n);
    }
    return text.substr(0, have);
  }

 private:
  int fd_;
  bool is_connected_;
};

TEST(LinkProxy, relays_and_counts) {
  Echo echo;
  LinkProxy link(echo.port());
  Client client(link.port());
  client.send("hello");
  EXPECT_EQ(client.receive(5), "hello");
  EXPECT_EQ(link.bytes_to_parent(), 5U);
  EXPECT_EQ(link.bytes_to_child(), 5U);
  EXPECT_EQ(link.connections_accepted(), 1U);
}

TEST(LinkProxy, refuses_while_cut_and_relays_again_after) {
  Echo echo;
  LinkProxy link(echo.port());
  Client client(link.port());
  client.send("a");
  EXPECT_EQ(client.receive(1), "a");
  link.cut();
  EXPECT_EQ(client.receive(1), "");
  EXPECT_FALSE(Client(link.port()).is_connected());
  link.restore();
  Client again(link.port());
  again.send("b");
  EXPECT_EQ(again.receive(1), "b");
}

TEST(LinkProxy, swallows_bytes_while_held) {
  Echo echo;
  LinkProxy link(echo.port());
  Client client(link.port());
  client.send("a");
  EXPECT_EQ(client.receive(1), "a");
  link.hold();
  client.send("b");
  EXPECT_EQ(client.receive(1, milliseconds(200)), "");
  link.restore();
  EXPECT_EQ(client.receive(1), "b");
}

TEST(LinkProxy, cuts_at_the_byte) {
  Echo echo;
  LinkProxy link(echo.port());
  Client client(link.port());
  link.cut_after_bytes(7);
  client.send("0123456789");
  wait_until("the link is cut", [&] { return link.is_cut(); });
  EXPECT_EQ(link.bytes_to_parent(), 7U);
}

TEST(LinkProxy, delays_and_limits_the_rate) {
  Echo echo;
  LinkProxy link(echo.port());
  link.set_delay(milliseconds(100));
  Client client(link.port());
  const auto start = std::chrono::steady_clock::now();
  client.send("a");
  EXPECT_EQ(client.receive(1), "a");
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(200));
  link.set_delay(milliseconds(0));
  link.set_bytes_per_second(100'000);
  client.send(std::string(50'000, 'x'));
  EXPECT_EQ(client.receive(50'000).size(), 50'000U);
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(600));
}

}  // namespace
}  // namespace tributary::test
