#include "apply/paused_children.h"

namespace tributary {
namespace {

bool is_unprepared(const Error& error) {
  return error.sqlstate() == "42P01" || error.sqlstate() == "42501" || error.sqlstate() == "3F000";
}

Task<> write(Connection& connection, std::string sql, std::string child) {
  std::vector<std::optional<std::string>> params;
  params.emplace_back(std::move(child));
  try {
    co_await connection.execute(std::move(sql), std::move(params));
  } catch (const Error& error) {
    if (!is_unprepared(error)) throw;
    throw Error(ErrorKind::setup, "a pause cannot be written down: " + error.message(),
                "Prepare the database with `tributary init`.", error.sqlstate());
  }
}

}  // namespace

Task<std::map<std::string, int64_t>> read_paused(Connection& connection) {
  std::map<std::string, int64_t> since;
  try {
    const Result paused =
        co_await connection.query("SELECT child, (extract(epoch FROM since) * 1000)::bigint FROM tributary.paused");
    for (int row = 0; row < paused.rows(); ++row) since[paused.text(row, 0)] = paused.integer(row, 1);
  } catch (const Error& error) {
    if (!is_unprepared(error)) throw;
  }
  co_return since;
}

Task<> store_paused(Connection& connection, std::string child) {
  return write(connection, "INSERT INTO tributary.paused (child) VALUES ($1) ON CONFLICT DO NOTHING", std::move(child));
}

Task<> remove_paused(Connection& connection, std::string child) {
  return write(connection, "DELETE FROM tributary.paused WHERE child = $1", std::move(child));
}

}  // namespace tributary
