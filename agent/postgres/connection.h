// One connection to a PostgreSQL server, for coroutines: libpq in non-blocking mode, awaited through Asio.
//
// Every connection pins the settings that values and safety depend on (DateStyle, TimeZone, row_security, search_path,
// isolation, ...) in its startup packet, so that ALTER ROLE and ALTER DATABASE cannot change them.
// A connection is used by one coroutine at a time. When an operation is cancelled or fails with ErrorKind::connection,
// the connection is broken and must be dropped. Errors of the server are thrown as Error with their SQLSTATE and a
// message that is safe to log (see server_error below).
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"

struct pg_conn;
struct pg_result;

namespace tributary {

class Result {
 public:
  explicit Result(pg_result* result) : result_(result) {}
  int rows() const;
  int columns() const;
  bool is_null(int row, int column) const;
  std::string_view value(int row, int column) const;  // "" for NULL; lives as long as the Result
  std::string text(int row, int column) const { return std::string(value(row, column)); }
  int64_t integer(int row, int column) const;  // throws Error(protocol) when it is not one
  bool boolean(int row, int column) const { return value(row, column) == "t"; }
  uint64_t affected() const;  // rows of INSERT, UPDATE, DELETE, COPY, SELECT
  const pg_result* get() const { return result_.get(); }

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

// One parameter of a statement. The bytes must live until the statement was sent.
struct Param {
  const char* data = nullptr;  // nullptr: NULL
  int length = 0;              // used when binary
  bool is_binary = false;
  static Param text(const std::string& value) { return {value.c_str(), static_cast<int>(value.size()), false}; }
  static Param binary(const std::string& value) { return {value.data(), static_cast<int>(value.size()), true}; }
  static Param null() { return {}; }
};

// The text parameters of Connection::execute: `{a, b, std::nullopt}`. A class with a constructor of its own, because
// g++ 12 cannot compile a braced list of vector elements inside a co_await expression.
class Values {
 public:
  template <typename... Texts>
  requires(std::constructible_from<std::optional<std::string>, Texts&&>&&...)
      Values(Texts&&... texts) {  // NOLINT: made from a braced list
    list_.reserve(sizeof...(Texts));
    (list_.emplace_back(std::forward<Texts>(texts)), ...);
  }
  Values(std::vector<std::optional<std::string>> list) : list_(std::move(list)) {}  // NOLINT
  const std::vector<std::optional<std::string>>& list() const { return list_; }

 private:
  std::vector<std::optional<std::string>> list_;
};

struct Statement {
  std::string sql;
  std::vector<Param> params;
  bool is_prepared = false;  // keep the plan under this text for the connection's life
};

// What a pipeline did: the results of the statements before the first failure, and that failure.
struct PipelineResult {
  std::vector<Result> results;
  std::optional<Error> error;  // the failure of statement number results.size()
  std::string constraint;      // of that failure, when the server named one
  std::string table;           // of that failure, when the server named one
};

enum class Purpose {
  session,      // catalogue, nonce, filter evaluation
  replication,  // START_REPLICATION
  apply,        // writes of the intake: the replica role, plans that never scan a large table
  admin,        // init, remove: the administrator's own settings for DDL
};

class Connection {
 public:
  // Connects within `timeout`; throws Error(connection) or, when the server refused the role, password or database,
  // Error(setup). `application_name` is shown in pg_stat_activity.
  static Task<std::unique_ptr<Connection>> open(std::string conninfo, Purpose purpose, std::string application_name,
                                                Clock::duration timeout = std::chrono::seconds(10));
  ~Connection();

  int server_version() const;  // 150002
  bool in_transaction() const;
  std::string parameter(const char* name) const;  // ParameterStatus: "server_encoding", ...

  // Simple protocol, one or more statements; returns the last result.
  Task<Result> query(std::string sql);
  // Extended protocol, one statement with text parameters.
  Task<Result> execute(std::string sql, Values values);
  // Sends all statements in one go and reads all results: one round trip. After a failure the rest is skipped and the
  // session is in a failed transaction if the statements had begun one. `statements` must live until it returns.
  Task<PipelineResult> pipeline(const std::vector<Statement>& statements);

  // COPY ... FROM STDIN in text format: `next_piece` fills an empty buffer with whole lines, or leaves it empty at the
  // end of the data. After a failure the session's transaction, if it had one, is a failed one.
  Task<Result> copy_in(std::string command, std::function<void(std::string&)> next_piece);

  // COPY ... TO STDOUT: the data comes out of next_copy_data until that says that it has ended. Then finish_copy_out,
  // before anything else is asked.
  Task<> start_copy_out(std::string command);
  Task<> finish_copy_out();

  // --- replication (Purpose::replication) ---
  Task<> start_copy_both(std::string command);  // START_REPLICATION ...
  Task<> end_copy_both();                       // what still comes is dropped; the session is idle again
  // The next CopyData message already received, if any; its bytes live until the next call. `ended` is set when the
  // server ended the stream.
  std::optional<std::string_view> next_copy_data(bool& ended);
  Task<> wait_for_input();  // until the socket has more, then takes it in
  Task<> send_copy_data(std::string_view message);

  // Ends the connection at once, also for the server; a coroutine that waits for it throws Error(connection).
  void hang_up();

  // Waits until the server ends this idle connection; returns the SQLSTATE it gave ("57P01"), or "" for none.
  Task<std::string> wait_for_end();

 private:
  struct State;
  explicit Connection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The kind of a server error: exact-rules.md 4's classes. `08, 25006, 40, 53, 55006, 55P03, 57, 58` pass by themselves
// (connection or resource), `22, 23, 42804, 42703, 42P01, 42501, 428C9, 21000, 44000, 54000, P0001` are the data's.
ErrorKind kind_of_sqlstate(std::string_view sqlstate);

// Quoting for names and literals that go into statements.
std::string quote_name(std::string_view name);                           // "na""me"
std::string quote_name(std::string_view schema, std::string_view name);  // "schema"."name"
std::string quote_literal(std::string_view text);                        // 'it''s', E'..' when it has a backslash

// Runs a coroutine to its end on an io_context of its own: for commands that do one thing.
void run_to_end(Task<> task);

}  // namespace tributary
