// `tributary load --from DIR --child NAME`: writes what a child exported, before the child connects for the first time.
// Rows that are there already stay as they are, so it can be interrupted and run again; when the child connects, its
// tables are compared, and what differs is mended.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "apply/row_source.h"
#include "apply/shapes.h"
#include "base/failpoint.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "config/parse.h"
#include "seed/directory.h"
#include "seed/rows_file.h"

namespace tributary {
namespace {

struct LoadOptions {
  std::string directory;
  std::string child;
};

constexpr char kStaging[] = "pg_temp.tributary_load";

std::string column_names(const Shape& shape) {
  std::string names;
  for (const Shape::Column& column : shape.columns) names += (names.empty() ? "" : ", ") + column.name;
  return names;
}

Task<bool> has_stream(Connection& connection, std::string child) {
  const Result row = co_await connection.execute("SELECT FROM tributary.applied WHERE child = $1", {child});
  co_return row.rows() > 0;
}

Error has_begun(const std::string& child) {
  return Error(ErrorKind::refused, child + " has sent changes to this node already",
               "What it deleted since its export would come back. At the child: tributary resync TABLE");
}

// The rows of one table on their way: a temporary table holds those of one transaction.
class TableLoad {
 public:
  TableLoad(Connection& connection, const Shape& shape, const SeedTable& table, std::filesystem::path directory,
            Progress& progress)
      : connection_(connection), shape_(shape), table_(table), path_(directory / table.file), progress_(progress) {}

  Task<> begin() {
    co_await connection_.query("DROP TABLE IF EXISTS " + std::string(kStaging));
    co_await connection_.query("CREATE TEMPORARY TABLE tributary_load ON COMMIT DELETE ROWS AS SELECT " +
                               column_names(shape_) + " FROM " + shape_.table + " WITH NO DATA");
  }

  // How many rows the child may not write.
  Task<uint64_t> count_refused() {
    uint64_t refused = 0, looked_at = 0;
    if (shape_.owns.empty()) co_return refused;
    RowsReader file(path_);
    for (std::string lines = file.next(); !lines.empty(); lines = file.next()) {
      looked_at += co_await stage(std::move(lines));
      refused += co_await refused_here();
      co_await connection_.query("ROLLBACK");
      progress_.show(shape_.title + ": " + std::to_string(looked_at) + " of " + std::to_string(table_.rows) +
                     " rows looked at");
    }
    co_return refused;
  }

  // How many rows were not there.
  Task<uint64_t> write(std::string child) {
    uint64_t written = 0, done = 0;
    RowsReader file(path_);
    for (std::string lines = file.next(); !lines.empty(); lines = file.next()) {
      done += co_await stage(std::move(lines));
      if (!shape_.owns.empty() && co_await refused_here() > 0)
        throw Error(ErrorKind::refused, path_.string() + " was changed while it was loaded");
      const Result inserted = co_await connection_.query(
          "INSERT INTO " + shape_.table + " (" + column_names(shape_) + ")" +
          (shape_.overrides_identity ? " OVERRIDING SYSTEM VALUE" : "") + " SELECT " + column_names(shape_) + " FROM " +
          kStaging + " ON CONFLICT (" + key_list(shape_) + ") DO NOTHING");
      // As late as can be: the child may connect at any moment.
      if (co_await has_stream(connection_, child)) throw has_begun(child);
      co_await connection_.query("COMMIT");
      failpoint("after_load_commit");
      written += inserted.affected();
      progress_.show(shape_.title + ": " + std::to_string(done) + " of " + std::to_string(table_.rows) + " rows");
    }
    if (done != table_.rows)
      throw Error(ErrorKind::protocol, path_.string() + " has " + std::to_string(done) + " rows, but the manifest " +
                                           std::to_string(table_.rows));
    co_return written;
  }

 private:
  // Begins a transaction with these rows; how many they are.
  Task<uint64_t> stage(std::string lines) {
    const auto rows = static_cast<uint64_t>(std::ranges::count(lines, '\n'));
    co_await connection_.query("BEGIN");
    const std::function<void(std::string&)> all = [&lines](std::string& piece) { piece = std::exchange(lines, {}); };
    const Result copied = co_await connection_.copy_in(
        "COPY " + std::string(kStaging) + " (" + column_names(shape_) + ") FROM STDIN", all);
    if (copied.affected() != rows) throw Error(ErrorKind::protocol, path_.string() + " is no COPY text");
    co_return rows;
  }

  Task<uint64_t> refused_here() {
    const Result count = co_await connection_.query("SELECT count(*) FROM " + std::string(kStaging) +
                                                    " AS n WHERE NOT " + owned(shape_, "SELECT n.*"));
    co_return static_cast<uint64_t>(count.integer(0, 0));
  }

  Connection& connection_;
  const Shape& shape_;
  const SeedTable& table_;
  std::filesystem::path path_;
  Progress& progress_;
};

// What a failure says of itself, and what to do about it.
Error in_table(const std::string& table, const Error& error) {
  std::string hint = error.hint();
  if (error.sqlstate() == "42501")
    hint = "Grant the role what it needs: `tributary init` prints and runs the statements.";
  if (hint.empty()) hint = "Run it again when that is mended: what was loaded stays.";
  return Error(error.kind(), "table " + table + ": " + error.message(), hint, error.sqlstate());
}

// Whether all of the table was loaded.
Task<bool> load_table(Connection& connection, const Shape& shape, const SeedTable& table, const LoadOptions& options,
                      Progress& progress) {
  TableLoad load(connection, shape, table, options.directory, progress);
  try {
    co_await load.begin();
    const uint64_t refused = co_await load.count_refused();
    if (refused > 0) {
      progress.say(shape.title + ": nothing is loaded, " + std::to_string(refused) + " of " +
                   std::to_string(table.rows) + " rows are not " + options.child + "'s to write (`owns`)");
      co_return false;
    }
    const uint64_t written = co_await load.write(options.child);
    progress.say(shape.title + ": " + std::to_string(written) + " rows loaded, " +
                 std::to_string(table.rows - written) + " were there");
  } catch (const Error& error) {
    throw in_table(shape.title, error);
  }
  co_return true;
}

// How each table is written here. Throws Error(setup) when one cannot be, after it has said so of all of them.
Task<std::vector<Shape>> fit_all(Connection& connection, Shapes& shapes, const Manifest& manifest, Progress& progress) {
  std::vector<Shape> fitting;
  size_t misfits = 0;
  for (const SeedTable& table : manifest.tables) {
    const uint64_t id = table.relation.shape_id();
    shapes.add(id, table.relation);
    const Fit* fit = co_await shapes.find(connection, id);
    if (const auto* mismatch = std::get_if<Mismatch>(fit)) {
      ++misfits;
      progress.say(mismatch->reason + "\n  -> " + mismatch->hint);
    } else {
      fitting.push_back(std::get<Shape>(*fit));
    }
  }
  if (misfits > 0)
    throw Error(ErrorKind::setup,
                "nothing is loaded: " + std::to_string(misfits) + " of " + std::to_string(manifest.tables.size()) +
                    " tables cannot be written as they are",
                "Mend what is said above, and run it again.");
  co_return fitting;
}

const ChildConfig& find_child(const Config& config, const std::string& name) {
  if (config.intake)
    for (const ChildConfig& child : config.intake->children)
      if (child.name == name) return child;
  throw Error(ErrorKind::config, config.node.name + " has no child " + name,
              "Run it at the parent, with the name of a [[child]] in " + config.file + ".");
}

Task<> load(Config config, LoadOptions options, int& exit_code) {
  const ChildRights rights{.child = find_child(config, options.child), .tables = config.intake->tables};
  const Manifest manifest = read_manifest(options.directory);
  if (manifest.node != options.child)
    throw Error(ErrorKind::refused,
                options.directory + " was exported by " + manifest.node + ", not by " + options.child);
  const std::string& conninfo =
      config.database.apply_connection.empty() ? config.database.connection : config.database.apply_connection;
  const auto connection = co_await Connection::open(conninfo, Purpose::apply, "tributary load " + options.child);
  const Result prepared = co_await connection->query(
      "SELECT to_regclass('tributary.applied') IS NOT NULL, has_database_privilege(current_database(), 'TEMPORARY'),"
      " format('GRANT TEMPORARY ON DATABASE %I TO %I;', current_database(), current_user)");
  if (!prepared.boolean(0, 0))
    throw Error(ErrorKind::setup, "the database is not prepared for children", "run: tributary init");
  if (!prepared.boolean(0, 1))
    throw Error(ErrorKind::setup, "the agent's role may not make temporary tables", prepared.text(0, 2));
  if (co_await has_stream(*connection, options.child)) throw has_begun(options.child);

  Progress progress;
  std::set<std::string> unlimited_tables;
  Shapes shapes(rights, unlimited_tables);
  const std::vector<Shape> fitting = co_await fit_all(*connection, shapes, manifest, progress);
  for (const SeedTable& table : manifest.tables)
    check_rows_file(options.directory, table, [&](uint64_t bytes) {
      progress.show(table.file + ": checked " + std::to_string(bytes >> 20) + " of " +
                    std::to_string(table.bytes >> 20) + " MiB");
    });
  size_t refused = 0;
  for (size_t i = 0; i < fitting.size(); ++i)
    if (!co_await load_table(*connection, fitting[i], manifest.tables[i], options, progress)) ++refused;
  if (refused > 0) {
    exit_code = kExitProblem;
    progress.say(
        std::to_string(refused) + " of " + std::to_string(fitting.size()) +
        " tables were refused: change `owns` in [[child]] if the child may write those rows, and run it again");
  } else {
    progress.say("done; " + options.child + " may connect");
  }
}

}  // namespace

void add_load_command(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("load", "Write what a child exported, before it connects for the first time");
  auto options = std::make_shared<LoadOptions>();
  command->add_option("--from", options->directory, "The directory that `tributary export` made")->required();
  command->add_option("--child", options->child, "The child's name, as in [[child]]")->required();
  command->footer("Rows that are there already stay as they are: it can be interrupted and run again.");
  command->callback([&context, options] {
    run_to_end(load(load_config(context.config_file, TlsFiles::not_needed), *options, context.exit_code));
  });
}

}  // namespace tributary
