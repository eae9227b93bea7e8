#include "postgres/connection.h"

#include <libpq-fe.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/system_error.hpp>

#include "postgres/server_error.h"
#include "postgres/session_settings.h"

namespace tributary {

struct Connection::State {
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  struct FreeMemory {
    void operator()(char* memory) const { PQfreemem(memory); }
  };

  explicit State(const asio::any_io_executor& executor) : socket(executor) {}

  // A duplicate of libpq's socket, so that Asio and libpq each close their own.
  void watch_socket() {
    const int copy = ::dup(PQsocket(pg.get()));
    if (copy < 0) throw Error(ErrorKind::resource, "out of file descriptors");
    if (socket.is_open()) socket.close();
    socket.assign(copy);
  }

  std::unique_ptr<PGconn, Finish> pg;
  asio::posix::stream_descriptor socket;
  std::map<std::string, std::string, std::less<>> prepared;  // statement text -> name
  uint64_t last_prepared = 0;                                // the number in its name
  std::unique_ptr<char, FreeMemory> copy_data;
  std::string notice_sqlstate;
  std::string host;  // for messages
};

namespace {

using asio::posix::stream_descriptor;

// The server keeps a plan for each.
constexpr size_t kPreparedMax = 500;

Error lost(PGconn* connection) {
  return Error(ErrorKind::connection, "lost the connection to PostgreSQL: " + first_line(PQerrorMessage(connection)));
}

void remember_notice(void* sqlstate, const PGresult* notice) {
  if (const char* code = PQresultErrorField(notice, PG_DIAG_SQLSTATE)) *static_cast<std::string*>(sqlstate) = code;
}

Task<> wait_for(stream_descriptor& socket, stream_descriptor::wait_type what) {
  co_await socket.async_wait(what, asio::use_awaitable);
}

// Until the socket can be read or written; libpq wants both looked at while it has unsent bytes.
Task<> wait_for_either(stream_descriptor& socket) {
  co_await until_one_ends(wait_for(socket, stream_descriptor::wait_read),
                          wait_for(socket, stream_descriptor::wait_write));
}

void take_in(PGconn* connection) {
  if (!PQconsumeInput(connection)) throw lost(connection);
}

Task<> flush(PGconn* connection, stream_descriptor& socket) {
  for (;;) {
    const int left = PQflush(connection);
    if (left < 0) throw lost(connection);
    if (left == 0) co_return;
    co_await wait_for_either(socket);
    take_in(connection);
  }
}

// The next result, or nullptr after a command's last one.
Task<PGresult*> get_result(PGconn* connection, stream_descriptor& socket) {
  while (PQisBusy(connection)) {
    co_await wait_for(socket, stream_descriptor::wait_read);
    // A server that goes away says why first: that message is still in the buffer.
    if (!PQconsumeInput(connection) && PQisBusy(connection)) throw lost(connection);
  }
  co_return PQgetResult(connection);
}

bool is_failure(const PGresult* result) {
  const auto status = PQresultStatus(result);
  return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_NONFATAL_ERROR;
}

// Reads a simple or extended command's results to the end; returns the last one, throws the first failure.
Task<Result> collect(PGconn* connection, stream_descriptor& socket) {
  std::optional<Result> last;
  std::optional<Error> failure;
  while (PGresult* raw = co_await get_result(connection, socket)) {
    Result result(raw);
    if (is_failure(raw)) {
      if (!failure) failure = server_error(raw);
    } else {
      last.emplace(std::move(result));
    }
    const auto status = PQresultStatus(raw);
    if (!failure && (status == PGRES_COPY_BOTH || status == PGRES_COPY_IN || status == PGRES_COPY_OUT)) break;
  }
  if (failure) throw *failure;
  if (!last) throw lost(connection);
  co_return std::move(*last);
}

}  // namespace

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::~Connection() = default;

Task<std::unique_ptr<Connection>> Connection::open(std::string conninfo, Purpose purpose, std::string application_name,
                                                   Clock::duration timeout) {
  auto executor = co_await asio::this_coro::executor;
  ConnectionParameters parameters = connection_parameters(conninfo, purpose, application_name);
  auto connect = [&]() -> Task<std::unique_ptr<Connection>> {
    auto state = std::make_unique<State>(executor);
    state->pg.reset(PQconnectStartParams(parameters.keywords().data(), parameters.values().data(), 0));
    PGconn* pg = state->pg.get();
    if (!pg) throw Error(ErrorKind::resource, "out of memory");
    if (PQstatus(pg) == CONNECTION_BAD) throw connect_error(PQerrorMessage(pg));
    PQsetNoticeReceiver(pg, remember_notice, &state->notice_sqlstate);
    auto polling = PGRES_POLLING_WRITING;
    while (polling != PGRES_POLLING_OK) {
      state->watch_socket();
      co_await wait_for(state->socket, polling == PGRES_POLLING_READING ? stream_descriptor::wait_read
                                                                        : stream_descriptor::wait_write);
      polling = PQconnectPoll(pg);
      if (polling == PGRES_POLLING_FAILED) throw connect_error(PQerrorMessage(pg));
    }
    state->watch_socket();
    PQsetnonblocking(pg, 1);
    co_return std::unique_ptr<Connection>(new Connection(std::move(state)));
  };
  // libpq goes to the next host when one refuses. When one is silent, it is put last and the others get their turn.
  const auto turn = timeout / parameters.host_count();
  std::unique_ptr<Connection> connection;
  for (auto turns_left = parameters.host_count(); !connection; --turns_left) {
    const auto began = Clock::now();
    std::optional<Error> failure;
    try {
      connection = co_await with_deadline(turn, "connecting to PostgreSQL", connect());
    } catch (const Error& error) {
      failure = error;
    }
    const bool is_silence = failure && failure->kind() == ErrorKind::connection && Clock::now() - began >= turn;
    if (failure && (!is_silence || turns_left == 1)) throw *failure;
    if (failure) parameters.put_first_host_last();
  }
  if (purpose == Purpose::apply) {
    try {
      co_await connection->query("SET session_replication_role = replica");
    } catch (const Error& error) {
      if (error.sqlstate() != "42501") throw;
      throw Error(ErrorKind::setup, "the database role may not write as a replica",
                  "run `tributary init`, or: GRANT SET ON PARAMETER session_replication_role TO <role>", "42501");
    }
  }
  if (purpose == Purpose::apply) {
    // A statement whose session is gone ends soon and lets go of its locks. Not every platform's server can tell.
    try {
      co_await connection->query("SET client_connection_check_interval = '2s'");
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::connection) throw;
    }
  }
  co_return connection;
}

int Connection::server_version() const {
  return PQserverVersion(state_->pg.get());
}

bool Connection::in_transaction() const {
  return PQtransactionStatus(state_->pg.get()) != PQTRANS_IDLE;
}

std::string Connection::parameter(const char* name) const {
  const char* value = PQparameterStatus(state_->pg.get(), name);
  return value ? value : "";
}

Task<Result> Connection::query(std::string sql) {
  PGconn* pg = state_->pg.get();
  if (!PQsendQuery(pg, sql.c_str())) throw lost(pg);
  co_await flush(pg, state_->socket);
  co_return co_await collect(pg, state_->socket);
}

Task<Result> Connection::execute(std::string sql, Values parameters) {
  PGconn* pg = state_->pg.get();
  std::vector<const char*> values;
  for (const auto& param : parameters.list()) values.push_back(param ? param->c_str() : nullptr);
  if (!PQsendQueryParams(pg, sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0))
    throw lost(pg);
  co_await flush(pg, state_->socket);
  co_return co_await collect(pg, state_->socket);
}

Task<PipelineResult> Connection::pipeline(const std::vector<Statement>& statements) {
  PGconn* pg = state_->pg.get();
  if (state_->prepared.size() > kPreparedMax && PQtransactionStatus(pg) == PQTRANS_IDLE) {
    co_await query("DEALLOCATE ALL");
    state_->prepared.clear();
  }
  if (!PQenterPipelineMode(pg)) throw lost(pg);
  std::vector<const std::string*> expected;  // per command sent: the text it prepares, or nullptr
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
  for (const Statement& statement : statements) {
    values.clear(), lengths.clear(), formats.clear();
    for (const Param& param : statement.params) {
      values.push_back(param.data);
      lengths.push_back(param.length);
      formats.push_back(param.is_binary ? 1 : 0);
    }
    const int count = static_cast<int>(values.size());
    bool sent;
    if (statement.is_prepared) {
      auto known = state_->prepared.find(statement.sql);
      std::string name;
      if (known != state_->prepared.end()) {
        name = known->second;
      } else {
        name = "s" + std::to_string(++state_->last_prepared);
        if (!PQsendPrepare(pg, name.c_str(), statement.sql.c_str(), 0, nullptr)) throw lost(pg);
        expected.push_back(&statement.sql);
        state_->prepared.emplace(statement.sql, name);
      }
      sent = PQsendQueryPrepared(pg, name.c_str(), count, values.data(), lengths.data(), formats.data(), 0);
    } else {
      sent = PQsendQueryParams(pg, statement.sql.c_str(), count, nullptr, values.data(), lengths.data(), formats.data(),
                               0);
    }
    if (!sent) throw lost(pg);
    expected.push_back(nullptr);
  }
  if (!PQpipelineSync(pg)) throw lost(pg);
  co_await flush(pg, state_->socket);

  PipelineResult outcome;
  for (const std::string* prepares : expected) {
    PGresult* raw = co_await get_result(pg, state_->socket);
    if (!raw) throw lost(pg);
    Result result(raw);
    const auto status = PQresultStatus(raw);
    if (is_failure(raw)) {
      if (!outcome.error) {
        outcome.error = server_error(raw);
        const char* constraint = PQresultErrorField(raw, PG_DIAG_CONSTRAINT_NAME);
        const char* table = PQresultErrorField(raw, PG_DIAG_TABLE_NAME);
        outcome.constraint = constraint ? constraint : "";
        outcome.table = table ? table : "";
      }
    }
    if (prepares && status != PGRES_COMMAND_OK) state_->prepared.erase(*prepares);
    if (!prepares && !outcome.error && status != PGRES_PIPELINE_ABORTED) outcome.results.push_back(std::move(result));
    while (PGresult* more = co_await get_result(pg, state_->socket)) PQclear(more);
  }
  PGresult* sync = co_await get_result(pg, state_->socket);
  const bool is_synced = sync && PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
  PQclear(sync);
  if (!is_synced || !PQexitPipelineMode(pg)) throw lost(pg);
  co_return outcome;
}

Task<Result> Connection::copy_in(std::string command, std::function<void(std::string&)> next_piece) {
  PGconn* pg = state_->pg.get();
  const Result ready = co_await query(std::move(command));
  if (PQresultStatus(ready.get()) != PGRES_COPY_IN)
    throw Error(ErrorKind::internal, "a statement was run as COPY FROM STDIN that is none");
  std::string piece;
  for (;;) {
    piece.clear();
    next_piece(piece);
    if (piece.empty()) break;
    // Once the server has refused a row, libpq takes no more; the reason is the command's result.
    if (PQputCopyData(pg, piece.data(), static_cast<int>(piece.size())) != 1) break;
    co_await flush(pg, state_->socket);
  }
  if (PQputCopyEnd(pg, nullptr) == 1) co_await flush(pg, state_->socket);
  co_return co_await collect(pg, state_->socket);
}

Task<> Connection::start_copy_out(std::string command) {
  const Result ready = co_await query(std::move(command));
  if (PQresultStatus(ready.get()) != PGRES_COPY_OUT)
    throw Error(ErrorKind::internal, "a statement was run as COPY TO STDOUT that is none");
}

Task<> Connection::finish_copy_out() {
  while (PGresult* raw = co_await get_result(state_->pg.get(), state_->socket)) {
    const Result result(raw);
    if (is_failure(raw)) throw server_error(raw);
  }
}

Task<> Connection::start_copy_both(std::string command) {
  const Result result = co_await query(std::move(command));
}

Task<> Connection::end_copy_both() {
  PGconn* pg = state_->pg.get();
  if (PQputCopyEnd(pg, nullptr) != 1) throw lost(pg);
  co_await flush(pg, state_->socket);
  for (;;) {
    char* data = nullptr;
    const int size = PQgetCopyData(pg, &data, 1);
    PQfreemem(data);
    if (size == -1) break;
    if (size == -2) throw lost(pg);
    if (size == 0) co_await wait_for_input();
  }
  co_await finish_copy_out();
}

std::optional<std::string_view> Connection::next_copy_data(bool& ended) {
  PGconn* pg = state_->pg.get();
  char* data = nullptr;
  const int size = PQgetCopyData(pg, &data, 1);
  state_->copy_data.reset(data);
  ended = false;
  if (size > 0) return std::string_view(data, static_cast<size_t>(size));
  if (size == 0) return std::nullopt;
  if (size == -2) throw lost(pg);
  if (PGresult* raw = PQgetResult(pg)) {
    const Result result(raw);
    if (is_failure(raw)) throw server_error(raw);
  }
  if (PQstatus(pg) == CONNECTION_BAD) throw lost(pg);
  ended = true;
  return std::nullopt;
}

Task<> Connection::wait_for_input() {
  co_await wait_for(state_->socket, stream_descriptor::wait_read);
  take_in(state_->pg.get());
}

Task<> Connection::send_copy_data(std::string_view message) {
  PGconn* pg = state_->pg.get();
  if (PQputCopyData(pg, message.data(), static_cast<int>(message.size())) != 1) throw lost(pg);
  for (;;) {
    const int left = PQflush(pg);
    if (left < 0) throw lost(pg);
    if (left == 0) co_return;
    co_await wait_for(state_->socket, stream_descriptor::wait_write);
  }
}

void Connection::hang_up() {
  ::shutdown(PQsocket(state_->pg.get()), SHUT_RDWR);
}

Task<std::string> Connection::wait_for_end() {
  PGconn* pg = state_->pg.get();
  if (!state_->notice_sqlstate.starts_with("57P")) state_->notice_sqlstate.clear();
  for (;;) {
    co_await wait_for(state_->socket, stream_descriptor::wait_read);
    const bool is_alive = PQconsumeInput(pg);
    PQisBusy(pg);  // parses what came: a farewell arrives as a notice
    if (!is_alive || state_->notice_sqlstate.starts_with("57P")) co_return state_->notice_sqlstate;
  }
}

void run_to_end(Task<> task) {
  asio::io_context context;
  std::exception_ptr failure;
  asio::co_spawn(context, std::move(task), [&](std::exception_ptr error) { failure = error; });
  context.run();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace tributary
