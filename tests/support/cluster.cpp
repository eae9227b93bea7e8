#include "support/cluster.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#include <stdexcept>

namespace tributary::test {

namespace fs = std::filesystem;

namespace {

constexpr char kServerUser[] = "postgres";  // the server refuses to run as root

Command as_server_user(std::vector<std::string> words) {
  Command command;
  command.words = std::move(words);
  command.user = kServerUser;
  return command;
}

void give_to_server_user(const fs::path& path) {
  if (::geteuid() != 0) return;
  const passwd* entry = ::getpwnam(kServerUser);
  if (!entry || ::chown(path.c_str(), entry->pw_uid, entry->pw_gid) != 0) {
    throw std::runtime_error("cannot give " + path.string() + " to user postgres");
  }
}

void initialize(const fs::path& data) {
  run_or_throw(
      as_server_user({(postgres_programs() / "initdb").string(), "--pgdata=" + data.string(), "--encoding=UTF8",
                      "--locale=C.UTF-8", "--auth=trust", "--username=postgres", "--no-sync"}));
}

void copy_directory(const fs::path& from, const fs::path& to) {
  run_or_throw({{"cp", "-a", "--reflink=auto", from.string(), to.string()}, {}, {}, {}, SIGKILL});
}

void take_base_backup(const Cluster& from, const fs::path& to) {
  run_or_throw(as_server_user({(postgres_programs() / "pg_basebackup").string(), "--pgdata=" + to.string(),
                               "--dbname=" + from.conninfo(), "--checkpoint=fast", "--no-sync"}));
}

// The data directory that all clusters are copied from; made by whichever run comes first.
fs::path data_template() {
  run_directory();
  const std::string version = postgres_programs().parent_path().filename().string();
  const fs::path home = runs_directory() / ("template-" + version);
  const int lock = ::open((home.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ::flock(lock, LOCK_EX);
  if (!fs::exists(home / "data")) {
    fs::remove_all(home);
    fs::create_directory(home);
    give_to_server_user(home);
    initialize(home / "half");
    fs::rename(home / "half", home / "data");
  }
  ::close(lock);
  return home / "data";
}

}  // namespace

fs::path postgres_programs() {
  const fs::path all = "/usr/lib/postgresql";
  if (fs::exists(all / "15/bin/postgres")) return all / "15/bin";
  fs::path newest;
  int version = 0;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(all, missing)) {
    const int number = std::atoi(entry.path().filename().c_str());
    if (number > version && fs::exists(entry.path() / "bin/postgres")) {
      version = number;
      newest = entry.path() / "bin";
    }
  }
  if (newest.empty()) throw std::runtime_error("no PostgreSQL server programs below " + all.string());
  return newest;
}

Cluster::Cluster(const std::string& name, const ClusterOptions& options) : directory_(name), port_(free_port()) {
  give_to_server_user(directory_.path());
  if (options.standby_of) {
    take_base_backup(*options.standby_of, data());
    write_file(data() / "standby.signal", "");
    give_to_server_user(data() / "standby.signal");
  } else if (options.own_initdb) {
    initialize(data());
  } else {
    copy_directory(data_template(), data());
  }
  std::map<std::string, std::string> settings = {{"port", std::to_string(port_)},
                                                 {"listen_addresses", "'127.0.0.1'"},
                                                 {"unix_socket_directories", quoted(directory_.path().string())},
                                                 {"fsync", options.fsync ? "on" : "off"},
                                                 {"full_page_writes", options.fsync ? "on" : "off"},
                                                 {"wal_level", "logical"},
                                                 {"max_wal_senders", "20"},
                                                 {"max_replication_slots", "20"},
                                                 {"max_prepared_transactions", "10"},
                                                 {"max_connections", "60"},
                                                 {"shared_buffers", "'32MB'"},
                                                 {"max_wal_size", "'256MB'"},
                                                 {"log_line_prefix", "'%m [%p] %q%u@%d %a: '"},
                                                 {"timezone", "'UTC'"}};
  if (options.standby_of) settings["primary_conninfo"] = quoted(options.standby_of->conninfo());
  for (const auto& [key, value] : options.settings) settings[key] = value;
  std::string text;
  for (const auto& [key, value] : settings) text += key + " = " + value + "\n";
  write_file(data() / "postgresql.auto.conf", text);
  give_to_server_user(data() / "postgresql.auto.conf");
  const std::string trust =
      "local all all trust\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n";
  write_file(data() / "pg_hba.conf", trust);
  give_to_server_user(data() / "pg_hba.conf");
  start();
}

Cluster::~Cluster() {
  if (is_running()) stop_immediate();
}

void Cluster::start() {
  Command command = as_server_user({(postgres_programs() / "postgres").string(), "-D", data().string()});
  command.environment["HOME"] = directory_.path().string();  // where a subscription looks for certificates
  command.output = directory_ / "log";
  command.death_signal = SIGQUIT;
  server_ = std::make_unique<Process>(command);
  wait_until("PostgreSQL accepts connections", [&] {
    if (!server_->is_running()) throw std::runtime_error("PostgreSQL did not start:\n" + log());
    try {
      connect();
      return true;
    } catch (const SqlError&) {
      return false;
    }
  });
}

void Cluster::stop_fast(std::chrono::milliseconds timeout) {
  server_->signal(SIGINT);
  if (!server_->wait(timeout)) throw std::runtime_error("PostgreSQL's fast shutdown was held up:\n" + log());
}

void Cluster::stop_immediate() {
  server_->signal(SIGQUIT);
  if (!server_->wait(std::chrono::seconds(10))) kill_postmaster();
}

void Cluster::kill_postmaster() {
  server_->signal(SIGKILL);
  server_->wait(std::chrono::seconds(10));
}

bool Cluster::is_running() {
  return server_ && server_->is_running();
}

std::string Cluster::conninfo(const std::string& database, const std::string& user) const {
  return "host=127.0.0.1 port=" + std::to_string(port_) + " dbname=" + database + " user=" + user;
}

std::string Cluster::socket_conninfo(const std::string& database, const std::string& user) const {
  return "host=" + directory_.path().string() + " port=" + std::to_string(port_) + " dbname=" + database +
         " user=" + user;
}

Sql Cluster::connect(const std::string& database, const std::string& user) const {
  return Sql(conninfo(database, user));
}

void Cluster::create_database(const std::string& name, const std::string& encoding) {
  connect().exec("CREATE DATABASE \"" + name + "\" TEMPLATE template0 ENCODING " + quoted(encoding) +
                 " LC_COLLATE 'C' LC_CTYPE 'C'");
}

void Cluster::save_data(const std::string& label) {
  copy_directory(data(), directory_ / label);
}

void Cluster::back_up(const std::string& label) const {
  take_base_backup(*this, directory_ / label);
}

void Cluster::restore_data(const std::string& label) {
  fs::remove_all(data());
  copy_directory(directory_ / label, data());
}

}  // namespace tributary::test
