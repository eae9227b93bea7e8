// A child without an agent: it says to a parent what no agent would, byte by byte, and hears every frame that comes
// back.
#pragma once

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "change/compression.h"
#include "change/payload.h"
#include "support/run_directory.h"
#include "wire/convert.h"
#include "wire/frame.h"
#include "wire/pki.h"
#include "wire/protocol.h"

namespace tributary::test {

struct Credentials {
  std::string ca;
  std::string certificate;  // empty: none
  std::string key;
};

class HandMadeChild {
 public:
  // Connects to 127.0.0.1:`port`. A certificate that the parent refuses shows when something is received.
  HandMadeChild(uint16_t port, const Credentials& credentials) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot connect to the parent");
    context_ = SSL_CTX_new(TLS_client_method());
    if (!credentials.certificate.empty() &&
        (SSL_CTX_use_certificate_chain_file(context_, credentials.certificate.c_str()) != 1 ||
         SSL_CTX_use_PrivateKey_file(context_, credentials.key.c_str(), SSL_FILETYPE_PEM) != 1))
      throw std::runtime_error("cannot read " + credentials.certificate);
    session_ = SSL_new(context_);
    SSL_set_fd(session_, socket_);
    is_open_ = SSL_connect(session_) == 1;
  }
  ~HandMadeChild() {
    SSL_free(session_);
    SSL_CTX_free(context_);
    ::close(socket_);
  }
  HandMadeChild(const HandMadeChild&) = delete;
  HandMadeChild& operator=(const HandMadeChild&) = delete;

  bool is_open() const { return is_open_; }
  void send_bytes(const std::string& bytes) {
    if (is_open_ && SSL_write(session_, bytes.data(), static_cast<int>(bytes.size())) <= 0) is_open_ = false;
  }
  void send(const link::Frame& frame) {
    std::string bytes;
    append_frame(bytes, frame);
    send_bytes(bytes);
  }
  void hang_up() {
    ::shutdown(socket_, SHUT_RDWR);
    is_open_ = false;
  }

  // The next frame; nullopt: the parent has closed the session.
  std::optional<link::Frame> receive() {
    std::string header(kFrameHeaderBytes, '\0');
    if (!read(header)) return std::nullopt;
    std::string body(frame_body_bytes(header, kControlFrameBytesMax), '\0');
    if (!read(body)) return std::nullopt;
    heard_ += body;
    return decode_frame(body);
  }
  // The next frame that is no ping.
  std::optional<link::Frame> receive_news() {
    for (;;) {
      auto frame = receive();
      if (!frame || !frame->has_ping()) return frame;
    }
  }
  // Reads to the end of the session; what the parent said about it, "" when it only closed.
  std::string last_words() {
    std::string words;
    while (const auto frame = receive())
      if (frame->has_refusal()) words = frame->refusal().message() + " (" + frame->refusal().hint() + ")";
    return words;
  }
  const std::string& heard() const { return heard_; }  // every frame's bytes, as they came

 private:
  bool read(std::string& out) {
    for (size_t done = 0; done < out.size();) {
      errno = 0;
      const int count = SSL_read(session_, out.data() + done, static_cast<int>(out.size() - done));
      if (count <= 0) {
        if (errno == EAGAIN) throw std::runtime_error("the parent said nothing for 20 seconds");
        return false;
      }
      done += static_cast<size_t>(count);
    }
    return true;
  }

  int socket_ = -1;
  SSL_CTX* context_ = nullptr;
  SSL* session_ = nullptr;
  bool is_open_ = false;
  std::string heard_;
};

inline link::Frame hello_frame(const std::string& node, const std::string& parent) {
  static const std::string instance = Uuid::random().to_bytes();
  link::Frame frame;
  link::Hello& hello = *frame.mutable_hello();
  hello.set_protocol_version(kProtocolVersion);
  hello.set_node(node);
  hello.set_instance(instance);
  hello.set_software("by hand");
  hello.set_parent(parent);
  return frame;
}

inline link::Frame relation_frame(const Relation& relation) {
  link::Frame frame;
  write_relation(frame.mutable_relation(), relation);
  return frame;
}

inline link::Frame batch_frame(Batch batch) {
  link::Frame frame;
  write_batch(frame.mutable_batch(), std::move(batch));
  return frame;
}

// Whether the parent says that it has applied `position`, in either of the two ways.
inline bool says_applied(const link::Ack& ack, const Position& position) {
  if (ack.has_applied()) return position_from(ack.applied()) == position;
  return ack.batches() > 0 && ack.chain() == static_cast<uint32_t>(position.chain);
}

// The batch that begins a stream after `from`.
inline Batch stream_beginning(const Position& from) {
  Batch batch;
  batch.kind = BatchKind::new_stream;
  batch.from = from;
  batch.to = Position{Uuid::random(), 0, Lsn{1}, 0};
  batch.reason = "made by hand";
  return batch;
}

// One transaction of `records` (see change/payload.h) after `from`; rows of `relation` have the index 0.
inline Batch transaction_after(const Position& from, const Relation& relation, const std::string& records) {
  Batch batch;
  Commit commit{static_cast<uint32_t>(from.seq + 700), Lsn{from.end_lsn.value + 100}, 700'000'000'000'000};
  batch.from = from;
  batch.to = advance(from, commit);
  batch.relations = {relation.shape_id()};
  batch.changes = 1;
  std::string raw = records;
  write_commit(raw, commit);
  batch.raw_bytes = raw.size();
  batch.payload = compress(raw);
  return batch;
}

// A row of text values as a record.
inline std::string put(const std::vector<std::string>& texts, uint16_t relation = 0) {
  std::vector<Value> values;
  for (const std::string& text : texts) values.push_back({ValueKind::text, text});
  std::string tuple, record;
  write_tuple(tuple, values);
  write_change(record, ChangeKind::put, relation, tuple);
  return record;
}

}  // namespace tributary::test
