// `tributary export --to DIR`: the approved rows of this node's tables as files, which a courier takes to the parent
// for `tributary load`. Beside the running agent or without it: each chunk is one short reading of its own, and what
// changes meanwhile is mended when the child connects.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <memory>

#include "base/failpoint.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "config/parse.h"
#include "config/table_name.h"
#include "postgres/key_range.h"
#include "seed/copy_line.h"
#include "seed/directory.h"
#include "seed/rows_file.h"
#include "source/catalogue.h"
#include "source/row_filter.h"

namespace tributary {
namespace {

constexpr uint64_t kRowsFirst = 500, kRowsMax = 100'000;
constexpr uint64_t kChunkBytes = 32 << 20;  // about so much each, as text

struct ExportOptions {
  std::string directory;
  std::vector<std::string> tables;
};

// The statements that read a table, one chunk each.
class ChunkStatements {
 public:
  // `types`: of the columns, without modifiers.
  ChunkStatements(const SourceTable& table, const std::vector<std::string>& types, bool is_utf8) {
    const Relation relation = table.sent_relation();
    const std::string alias = quote_name(relation.name);
    order_.is_utf8 = is_utf8;
    for (size_t i = 0; i < relation.columns.size(); ++i) {
      const Column& column = relation.columns[i];
      const std::string value = alias + "." + quote_name(column.name);
      columns_ += (columns_.empty() ? "" : ", ") + value;
      if (!column.is_key) continue;
      key_.push_back(i);
      // One server reads it all: types of PostgreSQL's own come in their own order, which the key's index has.
      order_.parts.push_back({value, column.type_oid < kFirstUserOid ? kInt8Oid : column.type_oid, types[i]});
    }
    from_ = (table.is_partitioned ? "" : "ONLY ") + quote_name(relation.schema, relation.name) + " AS " + alias;
    if (!table.row_filter.empty()) conditions_.push_back(parenthesised(table.row_filter) + " IS TRUE");
  }

  // `last`: the line before it, as COPY wrote it; empty: none.
  std::string after(const std::string& last, uint64_t rows) const {
    std::vector<std::string> conditions = conditions_;
    if (!last.empty()) {
      std::vector<std::string> bound;
      for (const size_t place : key_) bound.push_back(quote_literal(copy_value(last, place).value()));
      conditions.push_back(order_.is_after(bound));
    }
    std::string sql = "COPY (SELECT " + columns_ + " FROM " + from_;
    for (size_t i = 0; i < conditions.size(); ++i) sql += (i ? " AND " : " WHERE ") + conditions[i];
    return sql + " ORDER BY " + order_.order() + " LIMIT " + std::to_string(rows) + ") TO STDOUT";
  }

 private:
  static constexpr uint32_t kFirstUserOid = 16384, kInt8Oid = 20;
  KeyOrder order_;
  std::vector<size_t> key_;
  std::vector<std::string> conditions_;
  std::string columns_, from_;
};

// With their modifiers for people, or without.
Task<std::vector<std::string>> type_names(Connection& connection, Relation relation, bool has_modifiers) {
  std::vector<std::string> names;
  for (const Column& column : relation.columns) {
    const int32_t modifier = has_modifiers ? column.type_modifier : -1;
    const Result name = co_await connection.query("SELECT format_type(" + std::to_string(column.type_oid) + ", " +
                                                  std::to_string(modifier) + ")");
    names.push_back(name.text(0, 0));
  }
  co_return names;
}

Task<SeedTable> export_table(Connection& connection, const SourceTable& table, const ExportOptions& options,
                             size_t place, Progress& progress) {
  SeedTable seed;
  seed.relation = table.sent_relation();
  seed.file = rows_file_name(place);
  seed.types = co_await type_names(connection, seed.relation, true);
  const std::string name = seed.relation.full_name();
  const ChunkStatements statements(table, co_await type_names(connection, seed.relation, false),
                                   connection.parameter("server_encoding") == "UTF8");
  RowsWriter file(std::filesystem::path(options.directory) / seed.file);
  std::string last;
  for (uint64_t rows = kRowsFirst;;) {
    uint64_t found = 0, bytes = 0;
    co_await connection.start_copy_out(statements.after(last, rows));
    for (bool has_ended = false; !has_ended;) {
      const std::optional<std::string_view> line = connection.next_copy_data(has_ended);
      if (line) {
        file.add(*line);
        last = *line;
        ++found;
        bytes += line->size();
      } else if (!has_ended) {
        co_await connection.wait_for_input();
      }
    }
    co_await connection.finish_copy_out();
    progress.show(name + ": " + std::to_string(file.rows()) + " rows");
    failpoint("after_export_chunk");
    if (found < rows) break;
    rows = std::clamp(rows * kChunkBytes / (bytes + 1), uint64_t{1}, std::min(4 * rows, kRowsMax));
  }
  file.finish(seed);
  progress.say(name + ": " + std::to_string(seed.rows) + " rows, " + std::to_string(seed.bytes) + " bytes in " +
               seed.file);
  co_return seed;
}

// The places in config.tables of those that are meant.
std::vector<size_t> chosen(const Config& config, const std::vector<std::string>& names) {
  if (config.tables.empty())
    throw Error(ErrorKind::config, config.node.name + " has no [[table]]: there is nothing to export");
  std::vector<std::string> wanted;
  for (const std::string& name : names) {
    wanted.push_back(parse_table_name(name).full_name());
    if (std::none_of(config.tables.begin(), config.tables.end(),
                     [&](const TableConfig& table) { return table.full_name() == wanted.back(); }))
      throw Error(ErrorKind::config, "table " + wanted.back() + " is not in the replication set",
                  "Name tables that have a [[table]] in " + config.file + ".");
  }
  std::vector<size_t> places;
  for (size_t i = 0; i < config.tables.size(); ++i)
    if (wanted.empty() || std::count(wanted.begin(), wanted.end(), config.tables[i].full_name())) places.push_back(i);
  return places;
}

std::string now_as_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Task<> export_rows(Config config, ExportOptions options) {
  const std::vector<size_t> places = chosen(config, options.tables);
  const auto connection =
      co_await Connection::open(config.database.connection, Purpose::session, "tributary export " + config.node.name);
  const std::vector<SourceTable> tables = co_await read_source_tables(*connection, config);
  begin_export(options.directory);
  Manifest manifest{config.node.name, now_as_text(), {}};
  Progress progress;
  for (const size_t place : places) {
    try {
      manifest.tables.push_back(
          co_await export_table(*connection, tables[place], options, manifest.tables.size(), progress));
    } catch (const Error& error) {
      if (error.sqlstate() != "42501") throw;
      throw Error(error.kind(), error.message(), "run: tributary init", error.sqlstate());
    }
  }
  // Values of two shapes in one file would be no rows.
  const std::vector<SourceTable> again = co_await read_source_tables(*connection, config);
  for (const size_t place : places)
    if (again[place].oid != tables[place].oid || again[place].sent_relation() != tables[place].sent_relation())
      throw Error(ErrorKind::setup, "table " + config.tables[place].full_name() + " was altered meanwhile",
                  "Export again.");
  const std::string checksum = write_manifest(options.directory, manifest);
  progress.say("done; the manifest's SHA-256 is " + checksum);
}

}  // namespace

void add_export_command(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("export", "Write the approved rows to a disk, for `load` at the parent");
  auto options = std::make_shared<ExportOptions>();
  command->add_option("--to", options->directory, "The directory; made if it is not there")->required();
  command->add_option("TABLE", options->tables, "Only these tables (default: all that the node sends)");
  command->footer(
      "After `init`, while the agent runs or not. The files are readable by their owner alone, and not encrypted:\n"
      "the disk should be.");
  command->callback([&context, options] {
    run_to_end(export_rows(load_config(context.config_file, TlsFiles::not_needed), *options));
  });
}

}  // namespace tributary
