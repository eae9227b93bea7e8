#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "wire/dial.h"
#include "wire/frame.h"
#include "wire/tls.h"
#include "wire/tls_context.h"

namespace tributary {
namespace {

using asio::ip::tcp;
using boost::system::error_code;
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

constexpr size_t kChunkBytes = 16 << 10;  // small frames are gathered up to a TLS record's size
constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kIdleBufferBytes = 1 << 20;  // a larger receive buffer is given back when it is empty
constexpr auto kLastWords = std::chrono::milliseconds(250);

// Cancellation stays what it is; everything else becomes an Error by the caller.
Task<> rethrow_if_cancelled(error_code failure) {
  if (failure != asio::error::operation_aborted) co_return;
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) throw boost::system::system_error(failure);
}

// Reads and forgets until the other side hangs up: closing with unread data would reset the connection, and the peer
// might lose what was sent to it last.
Task<> drain(tcp::socket& socket) {
  error_code ignored;
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  char bytes[4096];
  for (error_code failure; !failure;)
    std::tie(failure, std::ignore) = co_await socket.async_read_some(asio::buffer(bytes), kTuple);
}

}  // namespace

struct Link::State {
  State(tcp::socket socket, TlsContext used, std::string peer)
      : context(std::move(used)),
        stream(std::move(socket), context.state_->context),
        peer_address(address_of(stream.next_layer())),
        peer_label(std::move(peer)),
        written_signal(stream.get_executor(), Clock::time_point::max()) {
    if (peer_label.empty()) peer_label = peer_address;
  }

  Task<> handshake(asio::ssl::stream_base::handshake_type side);
  std::string& chunk_for(size_t frame_bytes);
  Task<> wait_until_sent(uint64_t frame_number);
  Task<> write_all();
  link::Frame decode(std::string_view header, std::string_view body);
  Task<> fill(size_t wanted);
  void close() {
    error_code ignored;
    stream.next_layer().close(ignored);
  }
  Error failure_of(const error_code& failure) { return tls_failure(stream.native_handle(), failure, peer_label); }

  TlsContext context;
  asio::ssl::stream<tcp::socket> stream;
  std::vector<std::string> peer_names;
  std::string peer_address;
  std::string peer_label;  // for messages: name and address as far as known

  std::vector<std::string> outgoing;  // whole frames that nobody writes yet
  uint64_t frames_queued = 0;
  uint64_t frames_written = 0;
  bool is_writing = false;
  bool is_broken = false;
  asio::steady_timer written_signal;  // cancelled whenever a writer ends
  uint64_t bytes_sent = 0;

  std::vector<char> incoming;  // bytes [begin, end) were received and not returned yet
  size_t begin = 0;
  size_t end = 0;
  bool is_receiving = false;
  std::optional<Packer> packer;  // made by the first packed frame, as most links have none in a direction
  std::optional<Unpacker> unpacker;
  uint64_t bytes_received = 0;
};

Task<> Link::State::handshake(asio::ssl::stream_base::handshake_type side) {
  const auto [failure] = co_await stream.async_handshake(side, kTuple);
  if (failure) {
    co_await rethrow_if_cancelled(failure);
    throw failure_of(failure);
  }
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(stream.native_handle()),
                                                                &X509_free);
  if (certificate) peer_names = dns_names_of(certificate.get());
}

// Where a frame is queued: behind others that fit into one TLS record with it.
std::string& Link::State::chunk_for(size_t frame_bytes) {
  if (outgoing.empty() || outgoing.back().size() + frame_bytes > kChunkBytes) outgoing.emplace_back();
  return outgoing.back();
}

Task<> Link::State::wait_until_sent(uint64_t frame_number) {
  while (frames_written < frame_number) {
    if (is_broken) throw Error(ErrorKind::connection, "the connection to " + peer_label + " is broken");
    if (!is_writing) {
      co_await write_all();
    } else {
      const auto [failure] = co_await written_signal.async_wait(kTuple);
      co_await rethrow_if_cancelled(failure);
    }
  }
}

// Writes all that lies in `outgoing` now, for whoever queued it.
Task<> Link::State::write_all() {
  struct Ending {
    State& state;
    uint64_t target;
    ~Ending() {
      state.is_writing = false;
      if (state.frames_written < target) state.is_broken = true;
      state.written_signal.cancel();
    }
  };
  is_writing = true;
  const Ending ending{*this, frames_queued};
  const std::vector<std::string> chunks = std::exchange(outgoing, {});
  for (const std::string& chunk : chunks) {
    const auto [failure, bytes] = co_await asio::async_write(stream, asio::buffer(chunk), kTuple);
    bytes_sent += bytes;
    if (failure) {
      co_await rethrow_if_cancelled(failure);
      is_broken = true;
      // The peer may have said why it hung up: then the failure of `receive` is the better one, and comes first.
      if (is_receiving) co_await sleep_for(kLastWords);
      throw failure_of(failure);
    }
  }
  frames_written = ending.target;
}

Task<> Link::State::fill(size_t wanted) {
  if (incoming.size() - begin < wanted || incoming.size() == end) {
    std::copy(incoming.begin() + static_cast<ptrdiff_t>(begin), incoming.begin() + static_cast<ptrdiff_t>(end),
              incoming.begin());
    end -= begin;
    begin = 0;
    // Grows with what arrives, not with what a length claims.
    if (incoming.size() - end < kReadBytes / 4)
      incoming.resize(std::max(kReadBytes, std::min(std::max(wanted, end + kReadBytes), 2 * incoming.size())));
  }
  const auto [failure, bytes] =
      co_await stream.async_read_some(asio::buffer(incoming.data() + end, incoming.size() - end), kTuple);
  if (failure) {
    co_await rethrow_if_cancelled(failure);
    Error error = failure_of(failure);
    throw end > begin && error.kind() == ErrorKind::connection
        ? Error(ErrorKind::connection, error.message() + ", in the middle of a frame")
        : error;
  }
  end += bytes;
  bytes_received += bytes;
}

link::Frame Link::State::decode(std::string_view header, std::string_view body) {
  if (!is_packed(header)) return decode_frame(body);
  if (!unpacker) unpacker.emplace();
  return decode_frame(unpacker->unpack(body, kPackedFrameBytesMax));
}

Link::Link(std::shared_ptr<State> state) : state_(std::move(state)) {}
Link::~Link() {
  close();
}

Task<std::unique_ptr<Link>> Link::connect(std::string endpoint, TlsContext context, std::string peer_name,
                                          Clock::duration timeout) {
  const std::string label = peer_name + " at " + endpoint;
  const auto deadline = Clock::now() + timeout;
  const std::vector<tcp::endpoint> addresses = co_await resolve(endpoint, timeout);
  std::optional<Error> telling;
  for (size_t i = 0; i < addresses.size(); ++i) {
    const auto share = (deadline - Clock::now()) / static_cast<int64_t>(addresses.size() - i);
    const auto share_end = Clock::now() + share;
    try {
      tcp::socket socket = co_await with_deadline(share, "connecting to " + label, open_socket(addresses[i], label));
      const auto state = std::make_shared<State>(std::move(socket), context, label);
      bool is_somebody_else = false;
      std::string names;
      // Judged inside the handshake: somebody else does not even learn who we are.
      state->stream.set_verify_callback([&](bool is_valid, asio::ssl::verify_context& verifying) {
        X509_STORE_CTX* const native = verifying.native_handle();
        if (!is_valid || X509_STORE_CTX_get_error_depth(native) != 0) return is_valid;
        const auto found = dns_names_of(X509_STORE_CTX_get_current_cert(native));
        is_somebody_else = std::find(found.begin(), found.end(), peer_name) == found.end();
        for (const std::string& name : found) names += (names.empty() ? "" : ", ") + name;
        if (is_somebody_else) X509_STORE_CTX_set_error(native, X509_V_ERR_HOSTNAME_MISMATCH);
        return !is_somebody_else;
      });
      SSL_set_tlsext_host_name(state->stream.native_handle(), peer_name.c_str());
      try {
        co_await with_deadline(share_end - Clock::now(), "TLS with " + label,
                               state->handshake(asio::ssl::stream_base::client));
      } catch (const Error&) {
        if (is_somebody_else)
          throw Error(ErrorKind::refused,
                      "whoever answers at " + endpoint + " is not " + peer_name + ": its certificate bears " +
                          (names.empty() ? "no DNS name" : "the names " + names),
                      "[parent] endpoints must lead to the node of [parent] name; nothing was sent");
        throw;
      }
      state->stream.set_verify_callback([](bool is_valid, asio::ssl::verify_context&) { return is_valid; });
      co_return std::unique_ptr<Link>(new Link(state));
    } catch (const Error& failure) {
      // An address that answers wrongly tells more than one that does not answer.
      if (!telling || telling->kind() == ErrorKind::connection) telling = failure;
    }
  }
  throw *telling;
}

Task<std::unique_ptr<Link>> Link::accept(tcp::socket socket, TlsContext context, Clock::duration timeout) {
  set_options(socket);
  const auto state = std::make_shared<State>(std::move(socket), std::move(context), std::string());
  std::optional<Error> failed;
  try {
    co_await with_deadline(timeout, "TLS with " + state->peer_label, state->handshake(asio::ssl::stream_base::server));
  } catch (const Error& failure) {
    failed = failure;
  }
  if (failed) {
    if (failed->kind() != ErrorKind::connection)
      co_await until_one_ends(drain(state->stream.next_layer()), sleep_for(std::chrono::milliseconds(500)));
    throw *failed;
  }
  if (!state->peer_names.empty()) state->peer_label = state->peer_names.front() + " at " + state->peer_address;
  co_return std::unique_ptr<Link>(new Link(state));
}

const std::vector<std::string>& Link::peer_names() const {
  return state_->peer_names;
}
const std::string& Link::peer_address() const {
  return state_->peer_address;
}
uint64_t Link::bytes_sent() const {
  return state_->bytes_sent;
}
uint64_t Link::bytes_received() const {
  return state_->bytes_received;
}

Task<> Link::send(const link::Frame& frame) {
  const auto state = state_;
  append_frame(state->chunk_for(frame.ByteSizeLong()), frame);
  co_await state->wait_until_sent(++state->frames_queued);
}

Task<> Link::send_packed(const link::Frame& frame) {
  const auto state = state_;
  const size_t frame_bytes = frame.ByteSizeLong();
  if (frame_bytes > kPackedFrameBytesMax) co_return co_await send(frame);
  if (!state->packer) state->packer.emplace();
  append_packed_frame(state->chunk_for(frame_bytes), frame, *state->packer);
  co_await state->wait_until_sent(++state->frames_queued);
}

Task<link::Frame> Link::receive(size_t frame_bytes_max) {
  struct Receiving {
    bool& flag;
    explicit Receiving(bool& raised) : flag(raised) { flag = true; }
    ~Receiving() { flag = false; }
  };
  const auto state = state_;
  const Receiving receiving(state->is_receiving);
  for (;;) {
    size_t wanted = kFrameHeaderBytes;
    const std::string_view bytes(state->incoming.data() + state->begin, state->end - state->begin);
    if (bytes.size() >= kFrameHeaderBytes)
      wanted += frame_body_bytes(bytes.substr(0, kFrameHeaderBytes), frame_bytes_max);
    if (bytes.size() < wanted || wanted == kFrameHeaderBytes) {
      co_await state->fill(wanted);
      continue;
    }
    link::Frame frame = state->decode(bytes, bytes.substr(kFrameHeaderBytes, wanted - kFrameHeaderBytes));
    state->begin += wanted;
    if (state->begin == state->end) {
      state->begin = state->end = 0;
      if (state->incoming.size() > kIdleBufferBytes) state->incoming = {};
    }
    co_return frame;
  }
}

Task<> Link::finish(Clock::duration limit) {
  const auto state = state_;
  const auto say_goodbye = [](std::shared_ptr<State> ending) -> Task<> {
    co_await ending->stream.async_shutdown(kTuple);
    co_await drain(ending->stream.next_layer());
  };
  co_await until_one_ends(say_goodbye(state), sleep_for(limit));
  state->close();
}

void Link::close() {
  state_->close();
}

}  // namespace tributary
