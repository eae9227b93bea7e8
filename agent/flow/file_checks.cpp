#include "flow/file_checks.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "config/connection_string.h"
#include "config/quantities.h"
#include "config/tls_files.h"
#include "monitor/disk.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDaysToRenew = 30;

std::optional<struct stat> facts_of(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) return std::nullopt;
  return facts;
}

std::string directory_of(const Config& config) {
  return fs::path(config.control_socket()).parent_path().string();
}

void check_configuration_file(const Config& config, Findings& findings) {
  const auto file = facts_of(config.file);
  const bool has_password = without_password(config.database.connection) != config.database.connection ||
                            without_password(config.database.apply_connection) != config.database.apply_connection;
  if (file && has_password && (file->st_mode & S_IROTH) != 0)
    findings.push_back({Verdict::warning, config.file + " holds a password, and every user may read it",
                        "chmod o-r " + config.file + "; better, a passfile in the connection string"});
}

std::string days_ago(std::chrono::system_clock::duration age) {
  const auto days = std::chrono::floor<std::chrono::days>(age).count();
  return days == 0 ? "today" : days == 1 ? "yesterday" : std::to_string(days) + " days ago";
}

uint64_t size_of(const std::string& path) {
  const auto facts = facts_of(path);
  return facts ? static_cast<uint64_t>(facts->st_size) : 0;
}

}  // namespace

void check_certificate_facts(const std::string& what, const CertificateFacts& facts, const std::string& mend,
                             std::chrono::system_clock::time_point now, Findings& findings) {
  using Days = std::chrono::days;
  const auto days_left = std::chrono::floor<Days>(facts.not_after - now).count();
  if (facts.not_before > now)
    findings.push_back({Verdict::stops, what + " is not valid yet", "timedatectl: is this machine's clock right?",
                        "no other node believes it before its time"});
  else if (facts.not_after <= now)
    findings.push_back({Verdict::stops, what + " has expired " + days_ago(now - facts.not_after), mend,
                        "no other node believes it any more"});
  else if (days_left < kDaysToRenew)
    findings.push_back({Verdict::warning, what + " ends in " + std::to_string(days_left) + " days", mend,
                        "the link stands still when it has ended"});
  else
    findings.push_back({Verdict::ok, what + " is valid for " + std::to_string(days_left) + " days"});
}

Finding check_queue_disk(const QueueConfig& queue, uint64_t free_bytes, uint64_t file_bytes) {
  const std::string disk = "the queue's disk has " + format_size(free_bytes) + " free";
  const std::string kept = "[queue] min_free_disk = " + format_size(queue.free_disk_min);
  if (free_bytes < queue.free_disk_min)
    return {Verdict::stops, disk + ", less than " + kept, "make room on that disk, or lower [queue] min_free_disk",
            "the queue takes nothing more, and PostgreSQL keeps its log"};
  const uint64_t room = free_bytes - queue.free_disk_min + file_bytes;
  if (room < queue.bytes_max)
    return {Verdict::warning,
            disk + ": the queue comes to " + format_size(room) +
                ", not to [queue] max_bytes = " + format_size(queue.bytes_max),
            "make room on that disk, or set max_bytes to what is there, less " + kept,
            "an outage that brings more than that makes PostgreSQL keep its log"};
  return {Verdict::ok, disk + ", enough for [queue] max_bytes = " + format_size(queue.bytes_max)};
}

bool check_tls_files(const Config& config, Findings& findings) {
  const TlsConfig& tls = config.tls;
  const std::string renew = "tributary pki request " + config.node.name + " --dir " +
                            fs::path(tls.key).parent_path().string() + "; tributary pki sign " + config.node.name +
                            ".csr --force, where the CA's key is; then the certificate back here";
  const size_t before = findings.size();
  const auto attempt = [&](auto&& check, const std::string& mend = {}) {
    try {
      check();
    } catch (const Error& error) {
      findings.push_back({Verdict::stops, error.message(), error.hint().empty() ? mend : error.hint()});
    }
  };
  const auto is_well = [&] {
    return std::none_of(findings.begin() + static_cast<std::ptrdiff_t>(before), findings.end(),
                        [](const Finding& finding) { return finding.verdict == Verdict::stops; });
  };
  attempt([&] { check_readable_file(tls.ca); });
  attempt([&] { check_readable_file(tls.certificate); });
  attempt([&] { check_key_file(tls.key); });
  if (!is_well()) return false;
  findings.push_back({Verdict::ok, "the key " + tls.key + " is readable by its owner alone"});
  attempt(
      [&] {
        check_certificate_facts("the CA's certificate " + tls.ca, read_certificate(tls.ca),
                                "tributary pki ca --force, then a new certificate for every node",
                                std::chrono::system_clock::now(), findings);
      },
      "[tls] ca names the ca.pem that `tributary pki ca` made");
  attempt(
      [&] {
        const CertificateFacts facts = read_certificate(tls.certificate);
        const std::string what = "the certificate " + tls.certificate;
        check_certificate_facts(what, facts, renew, std::chrono::system_clock::now(), findings);
        std::string names;
        for (const std::string& name : facts.names) names += (names.empty() ? "" : ", ") + name;
        if (std::find(facts.names.begin(), facts.names.end(), config.node.name) == facts.names.end())
          findings.push_back(
              {Verdict::stops,
               what + " is not for " + config.node.name + (names.empty() ? ": it bears no name" : ", but for " + names),
               renew, "other nodes know this one by the name in its certificate"});
        else
          findings.push_back({Verdict::ok, what + " is for " + names});
      },
      "[tls] certificate names the " + config.node.name + ".pem that `tributary pki sign` made");
  if (!is_well()) return false;
  attempt(
      [&] {
        check_certificate(tls.ca, {tls.certificate, tls.key});
      },
      "[tls] certificate and key name the two files that were made together: " + renew);
  if (is_well()) findings.push_back({Verdict::ok, "certificate, key and CA belong together"});
  return is_well();
}

void check_directories(const Config& config, Findings& findings) {
  check_configuration_file(config, findings);
  // The control socket lies beside the queue, also at the top, which has no queue.
  const std::string directory = directory_of(config);
  const std::string what = config.parent ? "the queue's directory" : "the control socket's directory";
  if (::access(directory.c_str(), W_OK | X_OK) == 0)
    findings.push_back({Verdict::ok, what + " " + directory + " can be written"});
  else
    findings.push_back({Verdict::stops, what + " " + directory + " cannot be written by this user",
                        "install -d -m 750 -o tributary -g tributary " + directory,
                        "the agent, which runs as this user, keeps its state there"});
  if (!config.parent) return;
  try {
    findings.push_back(check_queue_disk(config.queue, free_disk_bytes(config.queue.path), size_of(config.queue.path)));
  } catch (const Error& error) {
    findings.push_back({Verdict::warning, error.message(), error.hint()});
  }
}

}  // namespace tributary
