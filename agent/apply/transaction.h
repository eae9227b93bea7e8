// The PostgreSQL transaction of an apply group: begun at the fence, ended by COMMIT or ROLLBACK.
//
// Failures that pass by themselves (connection, resources) are thrown, here and everywhere in this room; what the
// server refuses is an answer.
#pragma once

#include <optional>
#include <string>

#include "apply/statements.h"
#include "change/position.h"

namespace tributary {

// Why a child's transaction was refused, in words without row contents.
struct Held {
  std::string reason;
  std::string hint;
  std::string sqlstate;
};

// Failures of the connection and of resources: thrown, and tried again.
bool passes_by_itself(const Error& error);

// The answer's error has a message without values of rows.
Task<PipelineResult> run(Connection& connection, const StatementList& list);

// ROLLBACK, then reads where the fence stands and throws Error(protocol): the session has to begin again from there.
Task<> throw_fence_lost(Connection& connection, std::string child, Position expected);

Task<> roll_back(Connection& connection);

// What the server said instead of committing, which it may do for deferred constraints; nullopt: committed.
Task<std::optional<Error>> commit(Connection& connection);

// A server's refusal in words: `subject` names what was refused.
Held held_by(const std::string& subject, const Error& error);

}  // namespace tributary
