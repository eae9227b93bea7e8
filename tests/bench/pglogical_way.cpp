#include "bench/pglogical_way.h"

namespace tributary::test {

void PglogicalWay::connect_tables() {
  prepare_copy();
  for (int tier = kRegion; tier <= topology().top(); ++tier) {
    subscribe(tier, false);
    wait_until("pglogical replicates to the " + std::string(tier_name(tier)), [&] {
      return sql(tier).value("SELECT status FROM pglogical.show_subscription_status()") == "replicating";
    });
    disable_and_wait(tier);
  }
}

void PglogicalWay::prepare_copy() {
  for (int tier = kDistrict; tier <= topology().top(); ++tier) {
    sql(tier).exec("CREATE EXTENSION pglogical");
    sql(tier).exec("SELECT pglogical.create_node($1, $2)", {tier_name(tier), conninfo(tier)});
    if (tier < topology().top()) publish(tier);
  }
}

void PglogicalWay::begin_copy() {
  for (int tier = kRegion; tier <= topology().top(); ++tier) subscribe(tier, true);
}

bool PglogicalWay::is_copied() {
  for (int tier = kRegion; tier <= topology().top(); ++tier) {
    const char* const query = "SELECT count(*) > 0 AND bool_and(sync_status = 'r') FROM pglogical.local_sync_status";
    if (sql(tier).value(query) != "t") return false;
  }
  return true;
}

void PglogicalWay::publish(int tier) {
  sql(tier).exec("SELECT pglogical.create_replication_set('approved', replicate_truncate := false)");
  for (const PublishedTable& table : tables()) {
    sql(tier).exec("SELECT pglogical.replication_set_add_table('approved', $1::regclass, row_filter := $2)",
                   {table.name, table.where.empty() ? std::nullopt : std::optional(table.where)});
  }
}

void PglogicalWay::subscribe(int tier, bool copies) {
  sql(tier).exec(
      "SELECT pglogical.create_subscription($1, $2, ARRAY['approved'], synchronize_structure := false,"
      " synchronize_data := $3)",
      {tier_name(tier), source_conninfo(tier) + " sslmode=disable", copies ? "true" : "false"});
}

void PglogicalWay::enable(int tier) {
  sql(tier).exec("SELECT pglogical.alter_subscription_enable($1, true)", {tier_name(tier)});
}

void PglogicalWay::disable(int tier) {
  sql(tier).exec("SELECT pglogical.alter_subscription_disable($1, true)", {tier_name(tier)});
}

}  // namespace tributary::test
