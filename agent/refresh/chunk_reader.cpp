#include "refresh/chunk_reader.h"

#include <charconv>

#include "change/chunk.h"

namespace tributary {
namespace {

// More than this is not held in memory: what lies behind is read again. Values may be much larger as text than they are
// stored.
constexpr uint64_t kTextBytesMax = 3 << 20;

constexpr uint64_t kPageSizesMax = 8;  // of the bytes to be read at once

void append_value(std::string& out, const Result& result, int row, int column) {
  if (result.is_null(row, column)) {
    out.push_back(static_cast<char>(ValueKind::null));
    return;
  }
  const std::string_view text = result.value(row, column);
  out.push_back(static_cast<char>(ValueKind::text));
  put_u32(out, static_cast<uint32_t>(text.size()));
  out += text;
}

// An element of an array's text.
std::string quoted_element(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

constexpr int kFirstColumn = 2;  // behind snapshot and description

}  // namespace

Task<std::unique_ptr<ChunkReader>> ChunkReader::open(std::string conninfo, std::string application_name) {
  auto connection = co_await Connection::open(std::move(conninfo), Purpose::session, std::move(application_name));
  // A mark need not wait for a standby. Rows come in their order without parallel workers only. Whatever the statistics
  // say, or do not say yet: a range is read by the key's index, where there is one, and not the whole table for it.
  co_await connection->query(
      "SET synchronous_commit = local; SET max_parallel_workers_per_gather = 0; SET enable_seqscan = off;"
      " SET enable_bitmapscan = off; SET enable_sort = off");
  co_return std::unique_ptr<ChunkReader>(new ChunkReader(std::move(connection)));
}

Task<ChunkReader::Beginning> ChunkReader::begin() {
  const Result row = co_await connection_->query("SELECT pg_current_snapshot(), pg_current_xact_id()");
  co_return Beginning{Snapshot::parse(row.value(0, 0)), static_cast<uint64_t>(row.integer(0, 1))};
}

Task<Snapshot> ChunkReader::snapshot() {
  const Result row = co_await connection_->query("SELECT pg_current_snapshot()");
  co_return Snapshot::parse(row.value(0, 0));
}

Task<> ChunkReader::plan(ChunkTable& table) {
  table.is_utf8 = connection_->parameter("server_encoding") == "UTF8";
  const Result row = co_await connection_->query(plan_query(table));
  table.description = row.text(0, 0);
  table.has_pages = row.boolean(0, 1);
  table.key_types.clear();
  for (int column = 2; column < row.columns(); ++column) table.key_types.push_back(row.text(0, column));
}

std::optional<ChunkReader::Read> ChunkReader::take(const ChunkTable& table, ReadWhat what, const Result& result,
                                                   bool& is_cut) {
  const std::vector<size_t> key = table.key();
  Read read;
  bool is_described = false;
  is_cut = false;
  for (int row = 0; row < result.rows(); ++row) {
    if (!result.is_null(row, 0)) {
      read.chunk.snapshot = Snapshot::parse(result.value(row, 0));
      is_described = result.value(row, 1) == table.description;
      continue;
    }
    if (!result.is_null(row, 1)) read.found = static_cast<size_t>(result.integer(row, 1));
    if (is_cut) continue;
    ReadChunk::Row& next = read.chunk.rows.emplace_back();
    put_u16(next.key, static_cast<uint16_t>(key.size()));
    if (what == ReadWhat::digests) {
      for (size_t i = 0; i < key.size(); ++i) append_value(next.key, result, row, kFirstColumn + static_cast<int>(i));
      next.hash = RowHash::parse(result.value(row, result.columns() - 1));
      continue;
    }
    for (const size_t place : key) append_value(next.key, result, row, kFirstColumn + static_cast<int>(place));
    put_u16(next.tuple, static_cast<uint16_t>(table.relation.columns.size()));
    for (int column = kFirstColumn; column < result.columns(); ++column) append_value(next.tuple, result, row, column);
    read.bytes += next.tuple.size();
    is_cut = read.bytes > kTextBytesMax;
  }
  if (!is_described) return std::nullopt;
  return read;
}

Task<std::optional<ChunkReader::Read>> ChunkReader::read_range(const ChunkTable& table, ReadWhat what,
                                                               std::optional<std::string> after, ChunkSize size) {
  std::vector<std::optional<std::string>> bound;
  if (after)
    for (const Value& value : key_values(*after, table.key().size())) bound.emplace_back(std::string(value.text));
  const Result result =
      co_await connection_->execute(range_query(table, what, after.has_value(), size), std::move(bound));
  bool is_cut = false;
  auto read = take(table, what, result, is_cut);
  if (!read) co_return read;
  // With a limit on bytes, fewer rows than asked for need not be the last ones.
  const size_t rows = read->chunk.rows.size();
  const bool is_whole = table.large_columns().empty() || read->found == rows;
  const bool is_last = rows == 0 || (is_whole && rows < size.rows && !is_cut);
  read->chunk.after = std::move(after);
  if (!is_last) read->chunk.up_to = read->chunk.rows.back().key;
  co_return read;
}

Task<std::optional<ChunkReader::Read>> ChunkReader::read_pages(const ChunkTable& table, uint64_t begin, uint64_t pages,
                                                               uint64_t bytes) {
  const Result file = co_await connection_->query(file_query(table));
  const auto pages_there = static_cast<uint64_t>(file.integer(0, 0));
  Pages read_pages{begin, begin + pages, false};
  uint64_t rows_end = read_pages.end;
  if (file.boolean(0, 1)) {
    const Result sizes = co_await connection_->query(page_sizes_query(table, begin, read_pages.end));
    uint64_t sum = 0;
    for (int row = 0; row < sizes.rows() && sum <= bytes; ++row) {
      const auto page = static_cast<uint64_t>(sizes.integer(row, 0)),
                 size = static_cast<uint64_t>(sizes.integer(row, 1));
      const bool is_first = sum == 0;
      sum += size;
      if (sum <= bytes) continue;
      read_pages.end = rows_end = is_first ? page + 1 : page;
      if (is_first && size > kPageSizesMax * bytes) rows_end = page;
    }
  }
  read_pages.are_last = read_pages.end >= pages_there;
  for (;;) {
    const Result result = co_await connection_->query(pages_query(table, begin, rows_end));
    bool is_cut = false;
    auto read = take(table, ReadWhat::rows, result, is_cut);
    // What a page alone has beyond that is left to the walk.
    if (is_cut && rows_end > begin + 1) {
      read_pages = {begin, begin + (rows_end - begin) / 2, false};
      rows_end = read_pages.end;
      continue;
    }
    if (read) read->chunk.pages = read_pages;
    co_return read;
  }
}

Task<std::optional<ChunkReader::Read>> ChunkReader::read_keys(const ChunkTable& table, std::vector<std::string> keys) {
  const size_t columns = table.key().size();
  for (;;) {
    std::vector<std::optional<std::string>> arrays(columns, "{");
    for (const std::string& key : keys) {
      const std::vector<Value> values = key_values(key, columns);
      for (size_t i = 0; i < columns; ++i)
        *arrays[i] += (arrays[i]->size() > 1 ? "," : "") + quoted_element(values[i].text);
    }
    for (auto& array : arrays) *array += "}";
    const Result result = co_await connection_->execute(keys_query(table), std::move(arrays));
    bool is_cut = false;
    auto read = take(table, ReadWhat::rows, result, is_cut);
    if (is_cut && keys.size() > 1) {
      keys.resize(keys.size() / 2);
      continue;
    }
    if (read) read->chunk.keys = std::move(keys);
    co_return read;
  }
}

Task<uint64_t> ChunkReader::estimate_rows(const ChunkTable& table) {
  const Result plan = co_await connection_->query(estimate_query(table));
  constexpr std::string_view kRows = "\"Plan Rows\": ";
  const std::string_view text = plan.value(0, 0);
  const size_t at = text.find(kRows);
  uint64_t rows = 0;
  if (at != std::string_view::npos) std::from_chars(text.data() + at + kRows.size(), text.data() + text.size(), rows);
  co_return rows;
}

Task<> ChunkReader::mark(std::string content) {
  co_await connection_->query("SELECT pg_logical_emit_message(true, " + quote_literal(kMarkPrefix) + ", " +
                              quote_literal(content) + ")");
}

}  // namespace tributary
