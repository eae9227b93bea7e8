#include "support/link_proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <list>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/run_directory.h"

namespace tributary::test {

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kPacketBytes = 1448;          // a slow link carries packets, not single bytes as time passes
constexpr size_t kBufferBytesMax = 256 << 10;  // per direction; beyond it the sender feels the back-pressure

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void reset(int fd) {
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(fd);
}

struct Chunk {
  Clock::time_point due;
  std::string bytes;
};

struct Direction {
  int from = -1;
  int to = -1;
  std::deque<Chunk> chunks;
  size_t buffered = 0;
  bool has_ended = false;
  double allowance = 0;  // bytes that the rate permits now
};

struct Pair {
  std::array<Direction, 2> directions;  // [0] child to parent, [1] parent to child
  bool is_closed = false;
};

}  // namespace

struct LinkProxy::State {
  uint16_t target_port = 0;
  uint16_t port = 0;
  int wake = -1;
  std::thread thread;

  mutable std::mutex mutex;  // guards all below
  int listener = -1;
  std::condition_variable changed;
  bool is_stopping = false;
  bool should_cut = false;
  bool is_held = false;
  bool is_cut = false;
  uint64_t bytes_until_cut = UINT64_MAX;
  Clock::duration delay{};
  uint64_t rate = 0;
  std::array<uint64_t, 2> bytes{};
  uint64_t accepted = 0;
  std::list<std::shared_ptr<Pair>> pairs;
  Clock::time_point last_refill = Clock::now();

  void listen();
  void close_pair(Pair& pair);
  void cut();
  void cut_and_wait(std::unique_lock<std::mutex>& lock);
  void wake_up() const;
  void loop();
  void accept_one();
  void read_from(Pair& pair, Direction& direction);
  void write_to(Pair& pair, size_t which);
  void refill();
};

void LinkProxy::State::listen() {
  listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = loopback(port);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 64) != 0) {
    throw std::runtime_error("cannot listen on port " + std::to_string(port) + ": " + std::strerror(errno));
  }
}

void LinkProxy::State::close_pair(Pair& pair) {
  if (std::exchange(pair.is_closed, true)) return;
  reset(pair.directions[0].from);
  reset(pair.directions[0].to);
}

// Only on the loop's thread: a socket that is being polled stays open past its close().
void LinkProxy::State::cut() {
  is_cut = true;
  should_cut = false;
  bytes_until_cut = UINT64_MAX;
  if (listener >= 0) ::close(std::exchange(listener, -1));
  for (const auto& pair : pairs) close_pair(*pair);
  pairs.clear();
  changed.notify_all();
}

void LinkProxy::State::cut_and_wait(std::unique_lock<std::mutex>& lock) {
  should_cut = true;
  wake_up();
  changed.wait(lock, [this] { return !should_cut; });
}

void LinkProxy::State::wake_up() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake, &one, sizeof one);
}

void LinkProxy::State::accept_one() {
  const int child = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (child < 0) return;
  const int parent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(target_port);
  if (::connect(parent, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    reset(parent);
    reset(child);
    return;
  }
  ++accepted;
  auto pair = std::make_shared<Pair>();
  pair->directions[0].from = pair->directions[1].to = child;
  pair->directions[0].to = pair->directions[1].from = parent;
  pairs.push_back(pair);
}

void LinkProxy::State::read_from(Pair& pair, Direction& direction) {
  std::string received(64 << 10, '\0');
  const ssize_t count = ::recv(direction.from, received.data(), received.size(), MSG_DONTWAIT);
  if (count > 0) {
    received.resize(static_cast<size_t>(count));
    direction.buffered += received.size();
    direction.chunks.push_back({Clock::now() + delay, std::move(received)});
  } else if (count == 0) {
    direction.has_ended = true;
  } else if (errno != EAGAIN && errno != EINTR) {
    close_pair(pair);
  }
}

void LinkProxy::State::write_to(Pair& pair, size_t which) {
  Direction& direction = pair.directions[which];
  while (!pair.is_closed && !direction.chunks.empty() && direction.chunks.front().due <= Clock::now()) {
    std::string& unsent = direction.chunks.front().bytes;
    uint64_t limit = unsent.size();
    if (rate > 0) {
      if (direction.allowance < static_cast<double>(std::min<uint64_t>(limit, kPacketBytes))) break;
      limit = std::min(limit, static_cast<uint64_t>(direction.allowance));
    }
    if (which == 0) limit = std::min(limit, bytes_until_cut);
    if (limit == 0) break;
    const ssize_t sent = ::send(direction.to, unsent.data(), limit, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) close_pair(pair);
      break;
    }
    const auto count = static_cast<uint64_t>(sent);
    if (rate > 0) direction.allowance -= static_cast<double>(sent);
    direction.buffered -= count;
    bytes[which] += count;
    unsent.erase(0, count);
    if (unsent.empty()) direction.chunks.pop_front();
    if (which == 0 && bytes_until_cut != UINT64_MAX && (bytes_until_cut -= count) == 0) return cut();
  }
  if (direction.has_ended && direction.chunks.empty()) close_pair(pair);
}

void LinkProxy::State::refill() {
  const Clock::time_point now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - last_refill).count();
  last_refill = now;
  const double most = std::max(static_cast<double>(rate) / 20, static_cast<double>(kPacketBytes));  // what 50 ms permit
  for (const auto& pair : pairs) {
    for (Direction& direction : pair->directions) {
      direction.allowance = std::min(direction.allowance + seconds * static_cast<double>(rate), most + 1);
    }
  }
}

void LinkProxy::State::loop() {
  while (true) {
    std::vector<pollfd> polled;
    std::vector<std::pair<std::shared_ptr<Pair>, size_t>> readers;  // beside polled[i + 2]
    int timeout_ms = -1;
    {
      const std::lock_guard lock(mutex);
      if (is_stopping) return;
      polled.push_back({wake, POLLIN, 0});
      polled.push_back({listener, POLLIN, 0});  // -1 is ignored
      for (const auto& pair : pairs) {
        for (size_t which = 0; which < 2 && !is_held; ++which) {
          const Direction& direction = pair->directions[which];
          if (!direction.has_ended && direction.buffered < kBufferBytesMax) {
            polled.push_back({direction.from, POLLIN, 0});
            readers.emplace_back(pair, which);
          }
          if (!direction.chunks.empty()) timeout_ms = 1;
        }
      }
    }
    ::poll(polled.data(), polled.size(), timeout_ms);
    const std::lock_guard lock(mutex);
    if (polled[0].revents) {
      uint64_t count = 0;
      [[maybe_unused]] const ssize_t got = ::read(wake, &count, sizeof count);
    }
    if (should_cut) cut();
    if (listener >= 0 && polled[1].revents) accept_one();
    if (is_held) continue;
    for (size_t i = 0; i < readers.size(); ++i) {
      const auto& [pair, which] = readers[i];
      if (polled[i + 2].revents && !pair->is_closed) read_from(*pair, pair->directions[which]);
    }
    refill();
    const auto all = pairs;  // a cut empties the list
    for (const auto& pair : all) {
      for (size_t which = 0; which < 2; ++which) {
        if (!pair->is_closed) write_to(*pair, which);
      }
    }
    pairs.remove_if([](const auto& pair) { return pair->is_closed; });
  }
}

LinkProxy::LinkProxy(uint16_t target_port) : state_(std::make_unique<State>()) {
  state_->target_port = target_port;
  state_->port = free_port();
  state_->wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  state_->listen();
  state_->thread = std::thread([state = state_.get()] { state->loop(); });
}

LinkProxy::~LinkProxy() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_stopping = true;
  }
  state_->wake_up();
  state_->thread.join();
  state_->cut();
  ::close(state_->wake);
}

uint16_t LinkProxy::port() const {
  return state_->port;
}

void LinkProxy::cut() {
  std::unique_lock lock(state_->mutex);
  state_->cut_and_wait(lock);
}

void LinkProxy::hold() {
  const std::lock_guard lock(state_->mutex);
  state_->is_held = true;
  state_->wake_up();
}

void LinkProxy::restore() {
  const std::lock_guard lock(state_->mutex);
  state_->is_held = false;
  state_->bytes_until_cut = UINT64_MAX;
  if (std::exchange(state_->is_cut, false)) state_->listen();
  state_->wake_up();
}

void LinkProxy::cut_after_bytes(uint64_t bytes) {
  std::unique_lock lock(state_->mutex);
  if (bytes == 0) return state_->cut_and_wait(lock);
  state_->bytes_until_cut = bytes;
}

bool LinkProxy::is_cut() const {
  const std::lock_guard lock(state_->mutex);
  return state_->is_cut;
}

void LinkProxy::set_delay(std::chrono::milliseconds one_way) {
  const std::lock_guard lock(state_->mutex);
  state_->delay = one_way;
}

void LinkProxy::set_bytes_per_second(uint64_t rate) {
  const std::lock_guard lock(state_->mutex);
  state_->rate = rate;
}

uint64_t LinkProxy::bytes_to_parent() const {
  const std::lock_guard lock(state_->mutex);
  return state_->bytes[0];
}

uint64_t LinkProxy::bytes_to_child() const {
  const std::lock_guard lock(state_->mutex);
  return state_->bytes[1];
}

uint64_t LinkProxy::connections_accepted() const {
  const std::lock_guard lock(state_->mutex);
  return state_->accepted;
}

}  // namespace tributary::test
