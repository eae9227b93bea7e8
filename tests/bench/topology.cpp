#include "bench/topology.h"

namespace tributary::test {
namespace {

bool is_pglogical_installed() {
  return std::filesystem::exists(postgres_programs().parent_path() / "lib" / "pglogical.so");
}

// Minor releases of 2026 load no other plugin than those that are named.
bool has_list_of_plugins() {
  Command postgres;
  postgres.words = {(postgres_programs() / "postgres").string(), "--describe-config"};
  postgres.user = "postgres";
  return run_or_throw(postgres).find("output_plugin_libraries") != std::string::npos;
}

ClusterOptions server_options(const TopologyOptions& options) {
  ClusterOptions server{.fsync = true,
                        .settings = {{"synchronous_commit", "on"},
                                     {"shared_buffers", "'256MB'"},
                                     {"max_wal_size", "'4GB'"},
                                     {"checkpoint_timeout", "'30min'"},
                                     {"max_worker_processes", "32"},
                                     // The pause between two starts of a subscription's worker is no part of a drain.
                                     {"wal_retrieve_retry_interval", "'100ms'"}}};
  // Where it is missing, PglogicalWay says so.
  if (options.has_pglogical && is_pglogical_installed()) {
    server.settings["shared_preload_libraries"] = "'pglogical'";
    if (has_list_of_plugins()) server.settings["output_plugin_libraries"] = "'pgoutput, pglogical_output'";
  }
  for (const auto& [key, value] : options.settings) server.settings[key] = value;
  return server;
}

void switch_tls_on(Cluster& cluster) {
  const std::string data = cluster.data().string();
  Command openssl;
  openssl.words = {
      "sh", "-c",
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=benchmark"
      " -keyout " +
          data + "/server.key -out " + data + "/server.crt"};
  openssl.user = "postgres";
  run_or_throw(openssl);
  Sql sql = cluster.connect();
  sql.exec("ALTER SYSTEM SET ssl = on");
  sql.exec("SELECT pg_reload_conf()");
  wait_until("the server speaks TLS", [&] { return sql.value("SHOW ssl") == "on"; });
}

}  // namespace

const char* tier_name(int tier) {
  static const char* const names[] = {"district", "region", "nation"};
  return names[tier];
}

Topology::Topology(const TopologyOptions& options) : options_(options) {
  for (int tier = top(); tier >= kDistrict; --tier) {
    tree_.add({.name = tier_name(tier),
               .parent = tier == top() ? "" : tier_name(tier + 1),
               .database = "tributary",
               .config = options.agent_config,
               .cluster = server_options(options),
               .uses_socket = true,
               .is_relayed = options.is_relayed});
    if (options.has_tls) switch_tls_on(cluster(tier));
  }
}

}  // namespace tributary::test
