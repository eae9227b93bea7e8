// `tributary pki`: certificates without an openssl command line.
#include "wire/pki.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "cli/commands.h"
#include "config/parse.h"

namespace tributary {
namespace {

struct PkiOptions {
  std::string directory = ".";
  bool force = false;
  CaRequest ca;
  int ca_days = 3650;
  NodeRequest node;
  int node_days = 730;
  std::string ca_certificate;
  std::string ca_key;

  Overwrite overwrite() const { return force ? Overwrite::allow : Overwrite::refuse; }
  std::string in_directory(const std::string& name) const { return (std::filesystem::path(directory) / name).string(); }
  void make_directory() const {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) throw Error(ErrorKind::setup, "cannot make the directory " + directory + ": " + error.message());
  }
};

void make_ca_files(const PkiOptions& options) {
  options.make_directory();
  CaRequest request = options.ca;
  request.valid_for = std::chrono::days(options.ca_days);
  const PemPaths out{options.in_directory("ca.pem"), options.in_directory("ca.key")};
  make_ca(request, out, options.overwrite());
  std::printf(
      "%s   the CA's certificate: copy it to every node\n"
      "%s   its key: keep it away from the nodes; only 'tributary pki node' reads it\n",
      out.certificate.c_str(), out.key.c_str());
}

void make_node_files(const PkiOptions& options) {
  check_node_name(options.node.node);
  options.make_directory();
  NodeRequest request = options.node;
  request.valid_for = std::chrono::days(options.node_days);
  const PemPaths ca{options.ca_certificate.empty() ? options.in_directory("ca.pem") : options.ca_certificate,
                    options.ca_key.empty() ? options.in_directory("ca.key") : options.ca_key};
  const PemPaths out{options.in_directory(request.node + ".pem"), options.in_directory(request.node + ".key")};
  make_node_certificate(request, ca, out, options.overwrite());
  std::printf(
      "%s   the certificate of %s\n"
      "%s   its key: copy both and %s to the node; the user that runs tributary must own the key, mode 0600\n",
      out.certificate.c_str(), request.node.c_str(), out.key.c_str(), ca.certificate.c_str());
}

}  // namespace

void add_pki_command(CLI::App& app, CommandContext&) {
  auto options = std::make_shared<PkiOptions>();
  CLI::App* pki = app.add_subcommand("pki", "Make the certificates of a hierarchy");
  pki->require_subcommand(1);

  CLI::App* ca = pki->add_subcommand("ca", "Make a certificate authority: ca.pem and ca.key");
  ca->add_option("--dir", options->directory, "Directory to write to")->capture_default_str();
  ca->add_option("--name", options->ca.common_name, "Name of the authority, for people")->capture_default_str();
  ca->add_option("--days", options->ca_days, "Days that it is valid")
      ->capture_default_str()
      ->check(CLI::Range(1, 36500));
  ca->add_flag("--force", options->force, "Replace the files; certificates made with the old CA become worthless");
  ca->callback([options] { make_ca_files(*options); });

  CLI::App* node = pki->add_subcommand("node", "Make the certificate of a node: NAME.pem and NAME.key");
  node->add_option("NAME", options->node.node, "The node's name, as in [node] name")->required();
  node->add_option("--dir", options->directory, "Directory to write to")->capture_default_str();
  node->add_option("--san", options->node.names, "A further DNS name or IP address, may be repeated")
      ->type_name("NAME|ADDRESS")
      ->allow_extra_args(false);
  node->add_option("--days", options->node_days, "Days that it is valid")
      ->capture_default_str()
      ->check(CLI::Range(1, 36500));
  node->add_option("--ca", options->ca_certificate, "The CA's certificate (default: ca.pem in that directory)");
  node->add_option("--ca-key", options->ca_key, "The CA's key (default: ca.key in that directory)");
  node->add_flag("--force", options->force, "Replace the files of this node");
  node->callback([options] { make_node_files(*options); });

  pki->footer(
      "Once per hierarchy, on a machine that is not a node:\n"
      "  tributary pki ca --dir pki\n"
      "and for each node:\n"
      "  tributary pki node district-a --dir pki");
}

}  // namespace tributary
