// The parent's side of one session with a child: who it is, what it sends, what it is told.
//
//   child ══TLS══▶ session ─▶ (flow/accept) ─▶ lane
//
// The session ends by an exception, as the uplink's does; before that the child is told why, where it can be.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "change/batch.h"
#include "change/relation.h"
#include "config/config.h"
#include "wire/heartbeat.h"
#include "wire/tls.h"

namespace tributary {

class IntakeSession {
 public:
  // Reads the child's Hello. Throws Error(refused) after telling the child, when it is not one of `intake`'s children,
  // its certificate bears another name, it wants another parent, or it has tables that it may not write here.
  static Task<std::unique_ptr<IntakeSession>> greet(std::unique_ptr<Link> link, std::string our_name,
                                                    const IntakeConfig& intake);

  const std::string& node() const { return node_; }
  const Uuid& instance() const { return instance_; }
  const std::string& peer_address() const { return link_->peer_address(); }

  Task<> welcome(std::string our_name, Position applied);
  // Says why and ends the session; never throws, except when cancelled.
  Task<> refuse(link::RefusalCode code, std::string message, std::string hint = {});

  using Inbound = std::variant<Batch, Relation, status::NodeStatus>;
  // The next thing of weight; answers pings on the way. Error(protocol) when the child exceeds its window.
  Task<Inbound> receive();
  Task<> acknowledge(const link::Ack& ack);
  // Ends whatever waits for the link.
  void close() { link_->close(); }
  // Pings, and ends with Error(connection) when nothing was heard for three intervals.
  Task<> keep_alive() { return heartbeat_.run(); }

 private:
  IntakeSession(std::unique_ptr<Link> link, std::string node, Uuid instance);

  std::unique_ptr<Link> link_;
  Heartbeat heartbeat_{*link_, "the child"};
  std::string node_;
  Uuid instance_;
  uint64_t received_bytes_ = 0;
  uint64_t consumed_bytes_ = 0;
};

}  // namespace tributary
