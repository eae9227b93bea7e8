#include "monitor/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

namespace tributary {
namespace {

using asio::local::stream_protocol;
using testing::HasSubstr;

class ControlTest : public testing::Test {
 protected:
  std::string directory_;
  std::string path_;
  StatusBoard board_{"district-a", "district", "0.1.0"};

  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "tributary-control-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    path_ = directory_ + "/queue.sock";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // Serves while `client()` runs on a thread of its own, then stops.
  template <typename Client>
  void serve_while(Client client) {
    asio::io_context io;
    std::exception_ptr failure;
    asio::cancellation_signal stop;
    asio::co_spawn(io, serve_control(path_, board_, commands()),
                   asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr error) { failure = error; }));
    io.poll();  // the socket exists now, or never will
    std::thread thread([&] {
      client();
      asio::post(io, [&] { stop.emit(asio::cancellation_type::terminal); });
    });
    io.run();
    thread.join();
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const boost::system::system_error& error) {
      EXPECT_EQ(error.code(), asio::error::operation_aborted);
    }
  }
  static Commands commands() {
    return {{"verify", [](std::vector<std::string> words) -> Task<std::string> {
               std::string answer;
               for (const std::string& word : words) answer += "<" + word + ">";
               co_return answer;
             }}};
  }
  void serve_and_fail(const std::string& words) {
    asio::io_context io;
    std::exception_ptr failure;
    asio::co_spawn(io, serve_control(path_, board_, commands()), [&](std::exception_ptr error) { failure = error; });
    io.run();
    try {
      if (failure) std::rethrow_exception(failure);
      FAIL() << "it ended without a failure";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::setup);
      EXPECT_THAT(error.message(), HasSubstr(words));
      EXPECT_THAT(error.message(), HasSubstr(path_));
    }
  }
};

TEST_F(ControlTest, TheStatusIsFetched) {
  board_.queue().set_batches(7);
  serve_while([&] {
    const auto node = fetch_status(path_);
    EXPECT_EQ(node.node(), "district-a");
    EXPECT_EQ(node.queue().batches(), 7u);
  });
}

TEST_F(ControlTest, ACommandGetsItsWords) {
  serve_while([&] {
    EXPECT_EQ(ask_agent(path_, {"verify", "repair", "public.\"a table\""}), "<repair><public.\"a table\">");
    EXPECT_EQ(ask_agent(path_, {"verify"}), "");
    EXPECT_THROW(ask_agent(path_, {"unknown"}), Error);
  });
}

TEST_F(ControlTest, ALargeTreeIsFetchedWhole) {
  for (int i = 0; i < 2000; ++i) board_.child("village-" + std::to_string(i)).set_message(std::string(900, 'x'));
  serve_while([&] { EXPECT_EQ(fetch_status(path_).children_size(), 2000); });
}

TEST_F(ControlTest, OnlyOwnerAndGroupMayOpenTheSocketWhateverTheUmask) {
  const mode_t before = umask(0);
  serve_while([&] {
    struct stat file {};
    ASSERT_EQ(stat(path_.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0660u);
  });
  umask(0077);
  serve_while([&] {
    struct stat file {};
    ASSERT_EQ(stat(path_.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0660u);
  });
  umask(before);
}

TEST_F(ControlTest, ASocketThatNobodyServesIsReplaced) {
  asio::io_context io;
  { stream_protocol::acceptor stale(io, stream_protocol::endpoint(path_)); }
  ASSERT_TRUE(std::filesystem::is_socket(path_));
  serve_while([&] { EXPECT_EQ(fetch_status(path_).node(), "district-a"); });
}

TEST_F(ControlTest, ASocketThatAnswersIsNotTakenOver) {
  serve_while([&] {
    serve_and_fail("another agent answers");
    EXPECT_EQ(fetch_status(path_).node(), "district-a");
  });
}

TEST_F(ControlTest, AFileThatIsNoSocketIsLeftAlone) {
  std::ofstream(path_) << "precious";
  serve_and_fail("no socket");
  EXPECT_EQ(std::filesystem::file_size(path_), 8u);
}

TEST_F(ControlTest, APathThatIsTooLongIsSaid) {
  path_ = directory_ + "/" + std::string(120, 'x') + ".sock";
  serve_and_fail("longer than 107 bytes");
}

TEST_F(ControlTest, AnAgentThatDoesNotRunIsSaidWithAHint) {
  try {
    fetch_status(path_);
    FAIL() << "somebody answered";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::connection);
    EXPECT_THAT(error.message(), HasSubstr(path_));
    EXPECT_THAT(error.hint(), HasSubstr("systemctl status tributary"));
  }
}

TEST_F(ControlTest, UnknownCommandsAndSilentOrTalkativeClientsDoNoHarm) {
  serve_while([&] {
    asio::io_context io;
    stream_protocol::socket silent(io);
    silent.connect(stream_protocol::endpoint(path_));
    for (const std::string& sent : {std::string("remove everything\n"), std::string(1000, 'x')}) {
      stream_protocol::socket socket(io);
      socket.connect(stream_protocol::endpoint(path_));
      asio::write(socket, asio::buffer(sent));
      std::string answer;
      boost::system::error_code end;
      asio::read(socket, asio::dynamic_buffer(answer), end);
      EXPECT_EQ(answer, "");
    }
    EXPECT_EQ(fetch_status(path_).node(), "district-a");
  });
}

}  // namespace
}  // namespace tributary
