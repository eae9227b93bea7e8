#include "apply/fence.h"

namespace tributary {
namespace {

using Params = std::vector<StatementList::Param>;

// bigint has no unsigned values: a chain above its range is written as the negative number with the same bits.
std::string as_bigint(uint64_t value) {
  return std::to_string(static_cast<int64_t>(value));
}

void push_text(Params& params, std::string text) {
  params.push_back({false, std::move(text)});
}

Params expected_params(const std::string& child, const Position& at) {
  Params params;
  push_text(params, child);
  push_text(params, at.stream.to_string());
  push_text(params, as_bigint(at.seq));
  push_text(params, as_bigint(at.chain));
  return params;
}

constexpr char kExpected[] =
    " WHERE child = $1::text AND stream = $2::uuid AND seq = $3::bigint AND chain = $4::bigint";

}  // namespace

Task<std::optional<Position>> read_applied(Connection& connection, const std::string& child) {
  std::vector<std::optional<std::string>> params;
  params.emplace_back(child);
  try {
    const Result result = co_await connection.execute(
        "SELECT stream, seq, end_lsn, chain FROM tributary.applied WHERE child = $1", params);
    if (result.rows() == 0) co_return std::nullopt;
    Position position;
    position.stream = Uuid::parse(result.value(0, 0));
    position.seq = static_cast<uint64_t>(result.integer(0, 1));
    position.end_lsn = Lsn::parse(result.value(0, 2));
    position.chain = static_cast<uint64_t>(result.integer(0, 3));
    co_return position;
  } catch (const Error& error) {
    if (error.sqlstate() != "42P01" && error.sqlstate() != "42501" && error.sqlstate() != "3F000") throw;
    throw Error(ErrorKind::setup, "the applied positions cannot be read: " + error.message(),
                "Prepare the database with `tributary init`.", error.sqlstate());
  }
}

void add_fence(StatementList& out, const std::string& child, const Position& from, const Position& to,
               int64_t commit_time) {
  Params params = expected_params(child, from);
  push_text(params, as_bigint(to.seq));
  push_text(params, to.end_lsn.to_string());
  push_text(params, as_bigint(to.chain));
  push_text(params, std::to_string(commit_time));
  out.add(std::string("UPDATE tributary.applied SET seq = $5::bigint, end_lsn = $6::pg_lsn, chain = $7::bigint, "
                      "commit_time = '2000-01-01 00:00:00+00'::timestamptz + $8::bigint * '1 microsecond'::interval, "
                      "applied_at = now()") +
              kExpected,
          Expect::exactly, 1, std::move(params));
}

void add_fence_lock(StatementList& out, const std::string& child, const Position& at) {
  out.add(std::string("UPDATE tributary.applied SET applied_at = now()") + kExpected, Expect::exactly, 1,
          expected_params(child, at));
}

void add_next_stream(StatementList& out, const std::string& child, const Position& from, const Position& beginning) {
  Params params = expected_params(child, from);
  push_text(params, beginning.stream.to_string());
  push_text(params, as_bigint(beginning.seq));
  push_text(params, beginning.end_lsn.to_string());
  push_text(params, as_bigint(beginning.chain));
  out.add(std::string("UPDATE tributary.applied SET stream = $5::uuid, seq = $6::bigint, end_lsn = $7::pg_lsn,"
                      " chain = $8::bigint, commit_time = NULL, applied_at = now()") +
              kExpected,
          Expect::exactly, 1, std::move(params));
}

void add_first_stream(StatementList& out, const std::string& child, const Position& beginning) {
  Params params = expected_params(child, beginning);
  push_text(params, beginning.end_lsn.to_string());
  out.add(
      "INSERT INTO tributary.applied (child, stream, seq, chain, end_lsn) "
      "VALUES ($1::text, $2::uuid, $3::bigint, $4::bigint, $5::pg_lsn) ON CONFLICT (child) DO NOTHING",
      Expect::exactly, 1, std::move(params));
}

}  // namespace tributary
