// Keys of a child's tables whose rows here may be missing or older than its stream: tributary.stale. They are refreshed
// by the child; until then single columns of them are left out. Written in the transaction that finds or heals them.
//
// The statements go into the list, and what they do is true of `walks` at once: after a refusal the walks are to be
// read again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apply/shapes.h"
#include "apply/statements.h"
#include "apply/walks.h"
#include "change/chunk.h"

namespace tributary {

constexpr size_t kStaleKeysMax = 1000;  // of a table: where there are more, all of it is refreshed

// The key becomes stale; `reason` in words without values of the row. Of a table of which nothing is refreshed yet no
// key is kept: all of it is still to come. `ways_made`: see schema/parent.sql.
void add_stale_key(StatementList& out, Walks& walks, const std::string& child, const std::string& table,
                   const std::string& key, const std::string& reason, const std::string& sqlstate = {},
                   uint32_t ways_made = 0);
// A whole row or a delete was applied, or a chunk with the key.
void add_healed_key(StatementList& out, Walks& walks, const std::string& child, const std::string& table,
                    const std::string& key);
// The chunk was applied: the stale keys of its range or set, and of its rows, are as the child has them, but for those
// that it left to the stream. Throws what the server says.
Task<> heal_by_chunk(Connection& connection, Walks& walks, const std::string& child, const Shape& shape,
                     const ChunkView& chunk);

// A patch of one row. Of a row that lies behind what is walked nothing is done. Otherwise the row that should be there
// is expected to be written; `is_missing` tells of the answer why it was not.
void add_single_patch(StatementList& out, const Shape& shape, const std::vector<RowValues>& row, const Walk& walk);
bool is_missing(const Result& answer);

}  // namespace tributary
