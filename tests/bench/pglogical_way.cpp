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
  disable_and_wait(tier);
}

void PglogicalWay::enable(int tier) {
  sql(tier).exec("SELECT pglogical.alter_subscription_enable($1, true)", {tier_name(tier)});
}

void PglogicalWay::disable(int tier) {
  sql(tier).exec("SELECT pglogical.alter_subscription_disable($1, true)", {tier_name(tier)});
}

}  // namespace tributary::test
