// The session of a refresh at the source: reads chunks, one statement each, and commits the messages that mark their
// places in the stream (exact-rules.md 7 a and b).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "postgres/connection.h"
#include "refresh/chunk_query.h"
#include "refresh/placing.h"

namespace tributary {

class ChunkReader {
 public:
  static Task<std::unique_ptr<ChunkReader>> open(std::string conninfo, std::string application_name);

  // A snapshot, and the identifier of a transaction that began after it was taken.
  struct Beginning {
    Snapshot snapshot;
    uint64_t own_xid = 0;
  };
  Task<Beginning> begin();
  Task<Snapshot> snapshot();
  // Fills in what the database says of the table: its description, the types of its key.
  Task<> plan(ChunkTable& table);

  struct Read {
    ReadChunk chunk;
    uint64_t bytes = 0;  // of the tuples
    size_t found = 0;    // rows before the limit on bytes was applied, where one was
  };
  // The rows behind `after`, or their digests. nullopt: the table or its filter is not what `table` says.
  Task<std::optional<Read>> read_range(const ChunkTable& table, ReadWhat what, std::optional<std::string> after,
                                       ChunkSize size);
  // The rows in `pages` pages of the file, or in fewer: of values that lie outside it, some `bytes`. Rows of a page
  // that alone has much more are left out.
  Task<std::optional<Read>> read_pages(const ChunkTable& table, uint64_t begin, uint64_t pages, uint64_t bytes);
  // The rows with these keys, or with the first of them where all are too much at once: the chunk says which.
  Task<std::optional<Read>> read_keys(const ChunkTable& table, std::vector<std::string> keys);

  // How many rows there are, as PostgreSQL's planner estimates it from its statistics; 0: it did not say.
  Task<uint64_t> estimate_rows(const ChunkTable& table);

  // Returns when the message is committed.
  Task<> mark(std::string content);

  Connection& connection() { return *connection_; }

 private:
  explicit ChunkReader(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
  std::optional<Read> take(const ChunkTable& table, ReadWhat what, const Result& result, bool& is_cut);
  std::unique_ptr<Connection> connection_;
};

inline constexpr char kMarkPrefix[] = "tributary";

}  // namespace tributary
