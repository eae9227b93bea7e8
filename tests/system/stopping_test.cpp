// SIGTERM ends an agent within two seconds (Agent::stop insists on it), whatever it is waiting for.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/three_tiers.h"

namespace tributary::test {
namespace {

class StoppingTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tiers_ = std::make_unique<ThreeTiers>();
    tiers_->start();
    tiers_->write_documents(20);
    tiers_->expect_equal();
  }
  static void TearDownTestSuite() { tiers_.reset(); }

  // Every process of the node's server stands still: connections are accepted by the system and never answered.
  class Freeze {
   public:
    explicit Freeze(Node& node) {
      for (const Row& row : node.sql().rows("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))
        pids_.push_back(std::stoi(*row[0]));
      pids_.push_back(std::stoi(read_file(node.cluster().data() / "postmaster.pid")));
      for (const pid_t pid : pids_) ::kill(pid, SIGSTOP);
    }
    ~Freeze() {
      for (const pid_t pid : pids_) ::kill(pid, SIGCONT);
    }
    Freeze(const Freeze&) = delete;
    Freeze& operator=(const Freeze&) = delete;

   private:
    std::vector<pid_t> pids_;
  };

  static void stop_and_start(Node& node) {
    node.agent().stop();
    node.agent().start();
  }

  static std::unique_ptr<ThreeTiers> tiers_;
};

std::unique_ptr<ThreeTiers> StoppingTest::tiers_;

TEST_F(StoppingTest, under_load_on_every_tier) {
  for (int round = 0; round < 3; ++round) {
    tiers_->write_documents(300, "approved", 3000, 10);
    for (Node* node : {&tiers_->district(), &tiers_->region(), &tiers_->nation()}) stop_and_start(*node);
  }
  tiers_->expect_equal();
}

TEST_F(StoppingTest, in_its_first_moments) {
  Agent& agent = tiers_->region().agent();
  for (int milliseconds = 30; milliseconds < 700; milliseconds *= 2) {
    try {
      agent.stop();
    } catch (const std::runtime_error& error) {
      // Before the program has begun, the signal itself ends it.
      EXPECT_THAT(error.what(), testing::HasSubstr("ended with -15"));
    }
    agent.start();
    // No condition to wait for: the moments themselves are what is tried.
    ::usleep(static_cast<useconds_t>(milliseconds) * 1000);
  }
  tiers_->expect_equal();
}

TEST_F(StoppingTest, while_the_parent_accepts_connections_and_says_nothing) {
  tiers_->district().agent().stop();
  tiers_->district().link().hold();
  tiers_->district().agent().start();
  tiers_->district().wait_until_streaming();
  wait_until("it is connecting", [] { return tiers_->district().agent().status().uplink().state() == "connecting"; });
  tiers_->district().agent().stop();
  tiers_->district().link().restore();
  tiers_->district().agent().start();
  tiers_->expect_equal();
}

TEST_F(StoppingTest, while_the_link_swallows_what_is_sent) {
  tiers_->district().link().hold();
  tiers_->write_documents(100);
  wait_until("it has something to send", [] { return tiers_->district().agent().status().queue().batches() > 0; });
  stop_and_start(tiers_->district());
  tiers_->region().agent().stop();
  tiers_->region().agent().start();
  tiers_->district().link().restore();
  tiers_->expect_equal();
}

TEST_F(StoppingTest, while_connecting_to_a_host_that_does_not_answer) {
  // A listener whose queue is full: further connections get no answer at all.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 0), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::vector<int> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::connect(fillers.back(), reinterpret_cast<sockaddr*>(&address), size);
  }
  Agent& agent = tiers_->district().agent();
  agent.stop();
  std::string config = read_file(agent.config_file());
  const std::string now = std::to_string(tiers_->district().link().port());
  config.replace(config.find(now), now.size(), std::to_string(ntohs(address.sin_port)));
  agent.write_config(config);
  agent.start();
  tiers_->district().wait_until_streaming();
  wait_until("it is connecting", [&] { return agent.status().uplink().state() == "connecting"; });
  agent.stop();
  for (const int filler : fillers) ::close(filler);
  ::close(listener);
  tiers_->district().write_config();
  agent.start();
  tiers_->expect_equal();
}

TEST_F(StoppingTest, while_its_database_hangs) {
  tiers_->write_documents(20);
  {
    const Freeze freeze(tiers_->region());
    stop_and_start(tiers_->region());
    wait_until("it has begun again", [] {
      try {
        return tiers_->region().agent().status().capture().state() == "connecting";
      } catch (const std::runtime_error&) {
        return false;
      }
    });
    tiers_->region().agent().stop();
  }
  tiers_->region().agent().start();
  tiers_->expect_equal();
}

TEST_F(StoppingTest, while_its_database_hangs_in_a_write) {
  Sql blocker = tiers_->nation().cluster().connect("app");
  blocker.exec("BEGIN; LOCK TABLE document IN ACCESS EXCLUSIVE MODE");
  tiers_->write_documents(20);
  wait_until("the nation's agent waits for the lock", [&] {
    return blocker.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") > 0;
  });
  stop_and_start(tiers_->nation());
  blocker.exec("ROLLBACK");
  tiers_->expect_equal();
}

}  // namespace
}  // namespace tributary::test
