#include "bench/topology.h"

#include <unistd.h>

namespace tributary::test {
namespace {

ClusterOptions server_options(const TopologyOptions& options) {
  ClusterOptions server{.fsync = true,
                        .settings = {{"synchronous_commit", "on"},
                                     {"shared_buffers", "'256MB'"},
                                     {"max_wal_size", "'4GB'"},
                                     {"checkpoint_timeout", "'30min'"},
                                     {"max_worker_processes", "32"},
                                     // The pause between two starts of a subscription's worker is no part of a drain.
                                     {"wal_retrieve_retry_interval", "'100ms'"}}};
  if (options.has_pglogical) {
    server.settings["shared_preload_libraries"] = "'pglogical'";
    server.settings["output_plugin_libraries"] = "'pgoutput, pglogical_output'";
  }
  for (const auto& [key, value] : options.settings) server.settings[key] = value;
  return server;
}

void switch_tls_on(Cluster& cluster) {
  Command openssl;
  openssl.words = {"openssl",
                   "req",
                   "-x509",
                   "-newkey",
                   "ec",
                   "-pkeyopt",
                   "ec_paramgen_curve:prime256v1",
                   "-nodes",
                   "-days",
                   "2",
                   "-subj",
                   "/CN=benchmark",
                   "-keyout",
                   (cluster.data() / "server.key").string(),
                   "-out",
                   (cluster.data() / "server.crt").string()};
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
