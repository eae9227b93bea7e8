#include "bench/native_way.h"

#include <algorithm>

namespace tributary::test {
namespace {

std::string database_of(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

NativeWay::NativeWay(Topology& topology, const std::string& name)
    : PullingWay(topology, name, database_of(name), "backend_type = 'logical replication worker'"),
      is_durable_(contains(name, "-tls-sync")),
      has_full_identity_(contains(name, "-full")) {}

void NativeWay::connect_tables() {
  prepare_copy();
  for (int tier = kRegion; tier <= topology().top(); ++tier) subscribe(tier, "copy_data = false, enabled = false");
}

void NativeWay::prepare_copy() {
  for (int tier = kDistrict; tier < topology().top(); ++tier) publish(tier);
}

void NativeWay::begin_copy() {
  for (int tier = kRegion; tier <= topology().top(); ++tier) subscribe(tier, "copy_data = true");
}

bool NativeWay::is_copied() {
  for (int tier = kRegion; tier <= topology().top(); ++tier) {
    if (sql(tier).number("SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'") > 0) return false;
  }
  return true;
}

void NativeWay::publish(int tier) {
  std::string published;
  for (const PublishedTable& table : tables()) {
    if (has_full_identity_) {
      sql(tier).exec("ALTER TABLE " + table.name + " REPLICA IDENTITY FULL");
    } else if (!table.identity.empty()) {
      const std::string index = table.name + "_identity";
      sql(tier).exec("CREATE UNIQUE INDEX " + index + " ON " + table.name + " (" + table.identity + ")");
      sql(tier).exec("ALTER TABLE " + table.name + " REPLICA IDENTITY USING INDEX " + index);
    }
    published += (published.empty() ? "" : ", ") + table.name;
    if (!table.where.empty()) published += " WHERE (" + table.where + ")";
  }
  sql(tier).exec("CREATE PUBLICATION approved FOR TABLE " + published);
}

// The slot has the subscription's name, and all servers may be one.
std::string NativeWay::subscription(int tier) const {
  return database_of(name()) + "_" + tier_name(tier);
}

void NativeWay::subscribe(int tier, const std::string& options) {
  const std::string source = source_conninfo(tier) + (is_durable_ ? " sslmode=require" : " sslmode=disable");
  sql(tier).exec("CREATE SUBSCRIPTION " + subscription(tier) + " CONNECTION " + quoted(source) +
                 " PUBLICATION approved WITH (" + options + (is_durable_ ? ", synchronous_commit = on)" : ")"));
}

void NativeWay::enable(int tier) {
  sql(tier).exec("ALTER SUBSCRIPTION " + subscription(tier) + " ENABLE");
}

void NativeWay::disable(int tier) {
  sql(tier).exec("ALTER SUBSCRIPTION " + subscription(tier) + " DISABLE");
}

}  // namespace tributary::test
