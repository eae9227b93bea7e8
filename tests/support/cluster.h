// A throw-away PostgreSQL server: its data directory, its port, and what a story does to it.
//
// Made by copying a data directory that initdb wrote once per user and version, so a start takes a fraction of a
// second. All such clusters have the same system identifier, unless `own_initdb` is set.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "support/process.h"
#include "support/run_directory.h"
#include "support/sql.h"

namespace tributary::test {

class Cluster;

struct ClusterOptions {
  bool fsync = false;
  bool own_initdb = false;                      // a system identifier of its own
  std::map<std::string, std::string> settings;  // added to postgresql.conf, or instead of the defaults
  const Cluster* standby_of = nullptr;          // begins as a copy of this running one, and follows it
};

class Cluster {
 public:
  explicit Cluster(const std::string& name = "cluster", const ClusterOptions& options = {});  // starts it
  ~Cluster();

  void start();                                                                  // returns when it accepts connections
  void stop_fast(std::chrono::milliseconds timeout = std::chrono::seconds(30));  // throws when it takes longer
  void stop_immediate();   // as after a power failure: recovery at the next start
  void kill_postmaster();  // kill -9; its children end by themselves
  bool is_running();

  // Of the superuser `postgres` by default; over TCP, as an agent would connect.
  std::string conninfo(const std::string& database = "postgres", const std::string& user = "postgres") const;
  // The same over the server's Unix socket.
  std::string socket_conninfo(const std::string& database = "postgres", const std::string& user = "postgres") const;
  Sql connect(const std::string& database = "postgres", const std::string& user = "postgres") const;
  // `encoding`: "UTF8", "LATIN1", "WIN1252", ...
  void create_database(const std::string& name, const std::string& encoding = "UTF8");

  uint16_t port() const { return port_; }
  std::filesystem::path data() const { return directory_ / "data"; }
  std::string log() const { return read_file(directory_ / "log"); }

  // A copy of the stopped cluster's data directory, or a backup of the running one, and the way back to it.
  void save_data(const std::string& label);
  void back_up(const std::string& label) const;
  void restore_data(const std::string& label);

 private:
  TempDir directory_;
  uint16_t port_;
  std::unique_ptr<Process> server_;
};

// The directory of PostgreSQL's programs: version 15 where it is installed, else the newest.
std::filesystem::path postgres_programs();

}  // namespace tributary::test
