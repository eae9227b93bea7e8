#include "bench/pglogical_way.h"

namespace tributary::test {

void PglogicalWay::connect_tables() {
  for (int tier = kDistrict; tier <= topology().top(); ++tier) {
    sql(tier).exec("CREATE EXTENSION pglogical");
    sql(tier).exec("SELECT pglogical.create_node($1, $2)", {tier_name(tier), conninfo(tier)});
    if (tier < topology().top()) publish(tier);
    if (tier > kDistrict) subscribe(tier);
  }
}

void PglogicalWay::publish(int tier) {
  sql(tier).exec("SELECT pglogical.create_replication_set('approved', replicate_truncate := false)");
  for (const PublishedTable& table : tables()) {
    sql(tier).exec("SELECT pglogical.replication_set_add_table('approved', $1::regclass, row_filter := $2)",
                   {table.name, table.where.empty() ? std::nullopt : std::optional(table.where)});
  }
}

void PglogicalWay::subscribe(int tier) {
  sql(tier).exec(
      "SELECT pglogical.create_subscription($1, $2, ARRAY['approved'], synchronize_structure := false,"
      " synchronize_data := false)",
      {tier_name(tier), source_conninfo(tier) + " sslmode=disable"});
  wait_until("pglogical replicates to the " + std::string(tier_name(tier)), [&] {
    return sql(tier).value("SELECT status FROM pglogical.show_subscription_status()") == "replicating";
  });
  disable(tier);
}

void PglogicalWay::resume() {
  for (int tier = kRegion; tier <= topology().top(); ++tier) enable(tier);
}

void PglogicalWay::hold(Backlog, Clock::time_point) {
  disable(kRegion);
  advance_slot();
}

Clock::time_point PglogicalWay::release(Clock::time_point) {
  const auto began = Clock::now();
  enable(kRegion);
  return began;
}

void PglogicalWay::rest() {
  for (int tier = kRegion; tier <= topology().top(); ++tier) disable(tier);
}

std::vector<Part> PglogicalWay::parts() {
  std::vector<Part> parts;
  for (int tier = kDistrict; tier <= topology().top(); ++tier) {
    add_backends(parts, tier, "walsender", "backend_type = 'walsender'");
    add_backends(parts, tier, "apply worker", "backend_type LIKE 'pglogical apply%'");
  }
  return parts;
}

void PglogicalWay::enable(int tier) {
  sql(tier).exec("SELECT pglogical.alter_subscription_enable($1, true)", {tier_name(tier)});
}

void PglogicalWay::disable(int tier) {
  sql(tier).exec("SELECT pglogical.alter_subscription_disable($1, true)", {tier_name(tier)});
  wait_until_not_served(tier);
}

}  // namespace tributary::test
