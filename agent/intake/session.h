// The parent's side of one session with a child: who it is, what it sends, what it is told.
//
//   child ══TLS══▶ session ─▶ (flow/accept) ─▶ lane
//
// The session ends by an exception, as the uplink's does; before that the child is told why, where it can be.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "change/batch.h"
#include "change/relation.h"
#include "change/tiers.h"
#include "change/want.h"
#include "config/config.h"
#include "intake/receipts.h"
#include "wire/heartbeat.h"
#include "wire/protocol.h"
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
  const std::set<std::string>& tables() const { return tables_; }  // "schema.table" of all that the child sends
  const Position& head() const { return head_; }  // where the child's stream had come to; nil: it did not say so
  const std::string& peer_address() const { return link_->peer_address(); }

  // `state`: all that is known of the child's tables, at the applied position. `tiers`: how far the nodes above this
  // one have the child's stream.
  Task<> welcome(std::string our_name, Want state, Tiers tiers);
  Task<> want(Want want);
  // Says why and ends the session; never throws, except when cancelled.
  Task<> refuse(link::RefusalCode code, std::string message, std::string hint = {});

  using Inbound = std::variant<Batch, Relation, status::NodeStatus>;
  // The next thing of weight; answers pings on the way. Error(protocol) when the child exceeds its window.
  Task<Inbound> receive();
  // Says what is committed; `hold`: why the child's stream stands still, if it does; `tiers`: as in `welcome`, where
  // there is something new.
  Task<> acknowledge(Position applied, uint64_t consumed_bytes, std::optional<link::Hold> hold,
                     std::optional<Tiers> tiers = std::nullopt);
  // The child may be waiting to hear of it.
  bool is_much(const Position& applied, uint64_t consumed_bytes) const {
    return receipts_.is_much(applied, consumed_bytes);
  }
  // Ends whatever waits for the link.
  void close() { link_->close(); }
  // Pings a silent child, and ends with Error(connection) when nothing is heard for too long.
  Task<> keep_alive() { return heartbeat_.run(); }

 private:
  IntakeSession(std::unique_ptr<Link> link, std::string node, Uuid instance, std::set<std::string> tables,
                Position head);

  std::unique_ptr<Link> link_;
  Heartbeat heartbeat_{*link_, "the child", kParentPingInterval};
  std::string node_;
  Uuid instance_;
  std::set<std::string> tables_;
  Position head_;
  Receipts receipts_;
  Position reached_;  // where the batch received last ends
};

}  // namespace tributary
