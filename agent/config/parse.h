// Reads the configuration file of a node: the only place that knows its keys.
//
//   file ─parse─▶ Config ─▶ every room gets its own struct of it
//
// All mistakes are reported at once, each as "file:line: what is wrong; what would be right". Paths become absolute
// (relative ones begin at the file's directory), and ${VAR} in a string is replaced by the environment's value.
// Whether a database, a parent or a certificate is any good is `check`'s business, not this one's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/config.h"

namespace tributary {

// Everything that is wrong with one configuration, in the order of its lines. Its message has one line per mistake.
class ConfigErrors : public Error {
 public:
  explicit ConfigErrors(std::vector<std::string> mistakes);
  const std::vector<std::string>& mistakes() const { return mistakes_; }

 private:
  std::vector<std::string> mistakes_;
};

// Throws ConfigErrors. `file` names the text in messages and gives the directory that relative paths begin at; no
// other file is looked at.
Config parse_config(std::string_view text, const std::string& file);

// A command that opens no link (init, status) may be run by someone who cannot read the node's key.
enum class TlsFiles { needed, not_needed };

// Throws ConfigErrors, also for files of [tls] that are missing or not safe; Error(config) when `path` cannot be read.
Config load_config(const std::string& path, TlsFiles tls_files = TlsFiles::needed);

// Where the agent that was started with this file answers, also when the file has a mistake by now: where [queue]
// cannot be read, its default. Throws Error(config) when the file cannot be read at all.
std::string find_control_socket(const std::string& path);

// Throws Error(config) unless `name` can name a node: a DNS name, because it stands in certificates.
void check_node_name(const std::string& name);

}  // namespace tributary
