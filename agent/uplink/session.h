// The child's side of one session with its parent: greeting, window, acknowledgements, pings.
//
//   queue ─▶ (flow/deliver) ─▶ session ══TLS══▶ parent
//
// The session ends by an exception: Error(connection) when the link is gone or silent, Error(refused) with the parent's
// own words when it said no, Error(protocol) when it said something impossible.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/signal.h"
#include "change/batch.h"
#include "change/relation.h"
#include "change/tiers.h"
#include "change/want.h"
#include "uplink/window.h"
#include "wire/heartbeat.h"
#include "wire/protocol.h"
#include "wire/tls.h"

namespace tributary {

struct Greeting {
  std::string node;
  Uuid instance;
  std::string software;
  std::string parent;
  std::vector<std::string> tables;  // "schema.table" of everything this node may send
  Position head = {};               // of the stream
};

struct Acknowledgement {
  Position applied;
  bool is_moved = false;  // the applied position is further than before
  bool is_held = false;   // the parent holds this node's stream, for:
  std::string hold_reason, hold_hint;
  bool is_paused = false;      // that is, a person there paused it
  int64_t held_since = 0;      // Unix time in milliseconds, by the parent's clock
  std::optional<Tiers> tiers;  // how far the nodes above the parent have the stream; nullopt: nothing new
};

class UplinkSession {
 public:
  // Connects, greets, and returns when the parent has welcomed.
  static Task<std::unique_ptr<UplinkSession>> open(std::string endpoint, TlsContext context, const Greeting& greeting);

  const Position& applied_position() const { return window_.applied_position(); }
  const Window& window() const { return window_; }
  const std::string& peer_address() const { return link_->peer_address(); }
  double round_trip_ms() const { return round_trip_ms_; }
  double clock_offset_ms() const { return clock_offset_ms_; }  // the parent's clock minus ours
  uint64_t frame_bytes_max() const { return frame_bytes_max_; }

  Task<> send_relation(const Relation& relation);
  Task<> wait_for_room();
  Task<> send_batch(Batch batch);  // waits until the window has room
  Task<> send_status(const status::NodeStatus& report);
  // What the parent said of this node's data when it welcomed.
  const Want& welcomed() const { return welcomed_; }
  const std::optional<Tiers>& welcomed_tiers() const { return welcomed_tiers_; }
  // What the parent says next; answers pings on the way.
  using News = std::variant<Acknowledgement, Want>;
  Task<News> next_news();
  // Ends whatever waits for the link.
  void close() { link_->close(); }
  // Pings a silent parent, and ends with Error(connection) when nothing is heard for too long.
  Task<> keep_alive() { return heartbeat_.run(); }

 private:
  UplinkSession(std::unique_ptr<Link> link, const asio::any_io_executor& executor, const link::Welcome& welcome);

  std::unique_ptr<Link> link_;
  Heartbeat heartbeat_{*link_, "the parent", kPingInterval};
  Window window_;
  Signal room_;
  uint64_t frame_bytes_max_;
  Want welcomed_;
  std::optional<Tiers> welcomed_tiers_;
  double round_trip_ms_ = 0;
  double clock_offset_ms_ = 0;
};

}  // namespace tributary
