// What would stop a node from working, as far as its databases know, each with the statement or command that mends it.
// Read as the agent's own role, so that what it finds is what `run` will find. Reads only, in the session it is given;
// the findings are appended, so that those before a failure are kept. Errors of the connection, and of a lock or a
// statement that took too long (kinds connection and resource), are thrown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "postgres/connection.h"
#include "source/finding.h"

namespace tributary {

// The server, whatever the node's place in the hierarchy.
Task<> check_server(Connection& connection, const Config& config, Findings& findings);
// Whether the server, the database and the role have room for the agent's sessions; those that it has already count as
// room.
Task<> check_room_for_sessions(Connection& connection, const Config& config, int64_t needed, Findings& findings);
// What capture needs: the write-ahead log, a free slot, tables and publication prepared.
Task<> check_source(Connection& connection, const Config& config, Findings& findings);
// What apply needs: the applied positions, tables that can be written, and conditions `owns` that work for them.
Task<> check_parent(Connection& connection, const Config& config, Findings& findings);

// Sessions that capture has at the same time, at most; walsenders do not count.
constexpr int64_t kSourceSessions = 6;

// --- pure parts ---

// A value for max_slot_wal_keep_size, in whole GB: half of what the disk of the log has free, where that is known, else
// ten times max_wal_size.
uint64_t slot_log_limit_gigabytes(std::optional<uint64_t> disk_free_bytes, uint64_t max_wal_size_bytes);

// Whether a list of libraries, as PostgreSQL's output_plugin_libraries has it, names pgoutput.
bool allows_pgoutput(std::string_view libraries);

}  // namespace tributary
