#include "monitor/systemd.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/local/datagram_protocol.hpp>
#include <cstdlib>
#include <filesystem>

namespace tributary {
namespace {

// Plays systemd: a datagram socket, named in the environment.
class SystemdTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = (std::filesystem::temp_directory_path() / ("tributary-notify-" + std::to_string(getpid()))).string();
    socket_.open();
    socket_.bind(asio::local::datagram_protocol::endpoint(path_));
    setenv("NOTIFY_SOCKET", path_.c_str(), 1);
  }
  void TearDown() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
    std::filesystem::remove(path_);
  }
  std::string received() {
    std::string text(1000, '\0');
    text.resize(socket_.receive(asio::buffer(text)));
    return text;
  }
  // Until the watchdog has been cancelled after `duration`.
  void watch_for(Clock::duration duration) {
    asio::co_spawn(io_, until_one_ends(watchdog(), sleep_for(duration)), [](std::exception_ptr) {});
    io_.run();
  }

  std::string path_;
  asio::io_context io_;
  asio::local::datagram_protocol::socket socket_{io_};
};

TEST_F(SystemdTest, IsToldOneLineAtATime) {
  notify_ready();
  EXPECT_EQ(received(), "READY=1");
  notify_status("waiting\nMAINPID=1");
  EXPECT_EQ(received(), "STATUS=waiting MAINPID=1");
  notify_reloading();
  EXPECT_EQ(received(), "RELOADING=1");
  notify_stopping();
  EXPECT_EQ(received(), "STOPPING=1");
}

TEST_F(SystemdTest, TheWatchdogIsFedWithinItsInterval) {
  setenv("WATCHDOG_USEC", "30000", 1);
  watch_for(std::chrono::milliseconds(100));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(received(), "WATCHDOG=1");
}

TEST_F(SystemdTest, WithoutAWatchdogNothingIsSent) {
  watch_for(std::chrono::milliseconds(20));
  EXPECT_EQ(socket_.available(), 0u);
}

TEST(SystemdAbsentTest, EveryCallDoesNothing) {
  unsetenv("NOTIFY_SOCKET");
  EXPECT_NO_THROW(notify_ready());
  EXPECT_NO_THROW(notify_status("working"));
}

}  // namespace
}  // namespace tributary
