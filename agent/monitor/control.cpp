#include "monitor/control.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>

#include "base/bytes.h"
#include "monitor/side_by_side.h"

namespace tributary {
namespace {

using asio::local::stream_protocol;
using boost::system::error_code;

constexpr size_t kConnectionsMax = 8;
constexpr size_t kCommandBytesMax = 64 << 10;
constexpr uint32_t kAnswerBytesMax = 256u << 20;
constexpr auto kConnectionTime = std::chrono::seconds(10);
constexpr mode_t kMode = 0660;
constexpr char kStatus[] = "status";
constexpr char kBetweenWords = '\t';
constexpr auto kTupled = asio::as_tuple(asio::use_awaitable);

stream_protocol::endpoint endpoint_of(const std::string& path) {
  // sun_path holds 107 bytes and a NUL.
  if (path.size() > 107)
    throw Error(ErrorKind::setup, "control socket " + path + ": the path is longer than 107 bytes",
                "choose a shorter [queue] path: the socket lies beside it");
  return stream_protocol::endpoint(path);
}

[[noreturn]] void throw_setup(const std::string& path, const std::string& what, const std::string& hint) {
  throw Error(ErrorKind::setup, "control socket " + path + ": " + what, hint);
}

void remove_stale(asio::any_io_executor executor, const std::string& path) {
  std::error_code failure;
  const auto type = std::filesystem::symlink_status(path, failure).type();
  if (type == std::filesystem::file_type::not_found) return;
  if (type != std::filesystem::file_type::socket)
    throw_setup(path, "there is a file of that name that is no socket", "move it away");
  error_code refused;
  stream_protocol::socket probe(executor);
  probe.connect(endpoint_of(path), refused);
  if (!refused)
    throw_setup(path, "another agent answers there", "stop it: two agents cannot share one queue directory");
  if (refused != asio::error::connection_refused) throw_setup(path, refused.message(), "remove it by hand");
  std::filesystem::remove(path, failure);
}

stream_protocol::acceptor listen_control(asio::any_io_executor executor, const std::string& path) {
  const auto endpoint = endpoint_of(path);
  remove_stale(executor, path);
  stream_protocol::acceptor acceptor(executor);
  error_code failure;
  acceptor.open(endpoint.protocol(), failure);
  // The file takes the mode of the unbound socket, so that it is at no moment wider; chmod undoes a narrower umask.
  if (!failure && fchmod(acceptor.native_handle(), kMode) != 0)
    failure = error_code(errno, boost::system::system_category());
  if (!failure) acceptor.bind(endpoint, failure);
  if (!failure && chmod(path.c_str(), kMode) != 0) failure = error_code(errno, boost::system::system_category());
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure) throw_setup(path, failure.message(), "its directory is that of [queue] path; the agent must own it");
  return acceptor;
}

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words(1);
  for (const char c : line)
    if (c == kBetweenWords)
      words.emplace_back();
    else
      words.back() += c;
  return words;
}

Task<> converse(stream_protocol::socket& socket, const StatusBoard& board, const Commands& commands) {
  std::string command;
  const auto [failure, size] =
      co_await asio::async_read_until(socket, asio::dynamic_buffer(command, kCommandBytesMax), '\n', kTupled);
  if (failure) co_return;
  std::vector<std::string> words = words_of(command.substr(0, size - 1));
  std::string body;
  if (words.front() == kStatus) {
    body = board.snapshot().SerializeAsString();
  } else {
    const auto known = commands.find(words.front());
    if (known == commands.end()) co_return;
    words.erase(words.begin());
    body = co_await known->second(std::move(words));
  }
  std::string answer;
  put_u32(answer, static_cast<uint32_t>(body.size()));
  answer += body;
  co_await asio::async_write(socket, asio::buffer(answer), kTupled);
}

Task<> serve_one_after_another(stream_protocol::acceptor& acceptor, const StatusBoard& board,
                               const Commands& commands) {
  for (;;) {
    auto [failure, socket] = co_await acceptor.async_accept(kTupled);
    if (failure) {  // no descriptors left, most likely; or cancellation, and then this wait throws
      co_await sleep_for(std::chrono::milliseconds(200));
      continue;
    }
    co_await until_one_ends(converse(socket, board, commands), sleep_for(kConnectionTime));
  }
}

Task<std::string> ask(std::string path, std::string command) {
  static const std::string kNotRunning = "is the agent not running? systemctl status tributary";
  stream_protocol::socket socket(co_await asio::this_coro::executor);
  const auto [refused] = co_await socket.async_connect(endpoint_of(path), kTupled);
  if (refused == asio::error::access_denied)
    throw_setup(path, refused.message(), "run this as the agent's user, as a member of its group, or as root");
  if (refused)
    throw Error(ErrorKind::connection, "no agent answers at " + path + ": " + refused.message(), kNotRunning);

  std::string length(4, '\0');
  co_await asio::async_write(socket, asio::buffer(command), kTupled);
  const auto [failure, size] = co_await asio::async_read(socket, asio::buffer(length), kTupled);
  if (failure) throw Error(ErrorKind::connection, "the agent at " + path + " closed the connection", kNotRunning);
  const uint32_t answer_bytes = ByteReader(length).u32();
  if (answer_bytes > kAnswerBytesMax) throw Error(ErrorKind::protocol, "the answer from " + path + " is too large");
  std::string answer(answer_bytes, '\0');
  const auto [cut, answered] = co_await asio::async_read(socket, asio::buffer(answer), kTupled);
  if (cut) throw Error(ErrorKind::connection, "the agent at " + path + " stopped in its answer", kNotRunning);
  co_return answer;
}

std::string answer_of(const std::string& path, const std::string& command) {
  asio::io_context io;
  std::exception_ptr failure;
  std::string answer;
  asio::co_spawn(io, with_deadline(kConnectionTime, "the agent's answer at " + path, ask(path, command)),
                 [&](std::exception_ptr error, std::string result) {
                   failure = error;
                   answer = std::move(result);
                 });
  io.run();
  if (failure) std::rethrow_exception(failure);
  return answer;
}

}  // namespace

Task<> serve_control(std::string path, const StatusBoard& board, Commands commands) {
  auto acceptor = listen_control(co_await asio::this_coro::executor, path);
  co_await side_by_side(kConnectionsMax, [&] { return serve_one_after_another(acceptor, board, commands); });
}

status::NodeStatus fetch_status(const std::string& path) {
  status::NodeStatus node;
  if (!node.ParseFromString(ask_agent(path, {kStatus})))
    throw Error(ErrorKind::protocol, "the answer from " + path + " is no status",
                "the running agent may be of another version: restart it");
  return node;
}

std::string ask_agent(const std::string& path, const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : std::string(1, kBetweenWords)) + word;
  return answer_of(path, line + "\n");
}

}  // namespace tributary
