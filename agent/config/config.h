// The configuration of a node: one struct per room, with defaults. Parsed by config/parse.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/dotted_name.h"

namespace tributary {

struct NodeConfig {
  std::string name;  // unique in the hierarchy; a SAN of the certificate
  std::string tier;  // a label for people
  friend bool operator==(const NodeConfig&, const NodeConfig&) = default;
};

struct DatabaseConfig {
  std::string connection;        // libpq connection string
  std::string apply_connection;  // for intake's writes; empty: `connection`
  friend bool operator==(const DatabaseConfig&, const DatabaseConfig&) = default;
};

struct TableConfig {
  std::string schema = "public";
  std::string name;
  std::string where;                 // row filter; empty: every row
  std::vector<std::string> columns;  // empty: all
  std::string full_name() const { return dotted_name(schema, name); }
  friend bool operator==(const TableConfig&, const TableConfig&) = default;
};

struct ParentConfig {
  std::string name;
  std::vector<std::string> endpoints;  // "host:port", "[v6]:port"
  friend bool operator==(const ParentConfig&, const ParentConfig&) = default;
};

struct ChildConfig {
  std::string name;
  std::string owns;                                  // SQL condition; empty: no limit
  std::map<std::string, std::string> owns_by_table;  // "schema.table" -> condition, instead of `owns`
  friend bool operator==(const ChildConfig&, const ChildConfig&) = default;
};

struct IntakeConfig {
  std::string listen;               // "address:port"
  std::vector<std::string> tables;  // "schema.table"; '*' and '?' are wildcards
  std::vector<ChildConfig> children;
  uint32_t connections_max = 8;  // database connections that the lanes share
  // Rows of a table that a refresh may delete because the child does not have them; or 1 % of the child's, if that is
  // more.
  uint64_t deletions_max = 1000;
  friend bool operator==(const IntakeConfig&, const IntakeConfig&) = default;
};

struct TlsConfig {  // paths are absolute after parsing
  std::string ca;
  std::string certificate;
  std::string key;
  friend bool operator==(const TlsConfig&, const TlsConfig&) = default;
};

struct QueueConfig {
  std::string path = "/var/lib/tributary/queue.db";
  uint64_t bytes_max = 8ULL << 30;
  uint64_t free_disk_min = 1ULL << 30;
  std::chrono::seconds keep{600};
  friend bool operator==(const QueueConfig&, const QueueConfig&) = default;
};

struct RefreshConfig {  // of reading at the source; 0: no limit
  uint64_t rows_per_second = 0;
  uint64_t bytes_per_second = 0;
  friend bool operator==(const RefreshConfig&, const RefreshConfig&) = default;
};

struct VerifyConfig {
  std::chrono::seconds every{24 * 60 * 60};  // 0: never
  bool repairs = true;
  friend bool operator==(const VerifyConfig&, const VerifyConfig&) = default;
};

struct StatusConfig {
  std::string listen = "127.0.0.1:7480";  // empty: no HTTP
  friend bool operator==(const StatusConfig&, const StatusConfig&) = default;
};

struct LogConfig {
  std::string level = "info";  // error, warning, info, debug
  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

struct Config {
  std::string file;  // where it was read from
  NodeConfig node;
  DatabaseConfig database;
  std::vector<TableConfig> tables;
  std::optional<ParentConfig> parent;
  std::optional<IntakeConfig> intake;
  TlsConfig tls;
  QueueConfig queue;
  RefreshConfig refresh;
  VerifyConfig verify;
  StatusConfig status;
  LogConfig log;

  // Names of what the agent owns in the source's database and cluster; from the node's name.
  std::string publication() const;
  std::string slot() const;
  // The Unix socket of the running agent, beside the queue.
  std::string control_socket() const;

  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace tributary
