// `tributary pki`: certificates without an openssl command line.
#include "wire/pki.h"

#include <CLI/CLI.hpp>
#include <algorithm>
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
  std::string request;

  Overwrite overwrite() const { return force ? Overwrite::allow : Overwrite::refuse; }
  std::string in_directory(const std::string& name) const {
    return directory == "." ? name : (std::filesystem::path(directory) / name).string();
  }
  PemPaths ca_files() const {
    return {ca_certificate.empty() ? in_directory("ca.pem") : ca_certificate,
            ca_key.empty() ? in_directory("ca.key") : ca_key};
  }
  void make_directory() const {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) throw Error(ErrorKind::setup, "cannot make the directory " + directory + ": " + error.message());
  }
};

// "2028-11-27"
std::string day_of(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm broken_down{};
  gmtime_r(&seconds, &broken_down);
  char text[16] = "";
  std::strftime(text, sizeof text, "%Y-%m-%d", &broken_down);
  return text;
}

void make_ca_files(const PkiOptions& options) {
  options.make_directory();
  CaRequest request = options.ca;
  request.valid_for = std::chrono::days(options.ca_days);
  const PemPaths out{options.in_directory("ca.pem"), options.in_directory("ca.key")};
  make_ca(request, out, options.overwrite());
  std::printf(
      "%s   the CA's certificate: copy it to every node\n"
      "%s   its key: keep it away from the nodes; only 'tributary pki sign' and 'pki node' read it\n",
      out.certificate.c_str(), out.key.c_str());
}

void make_node_files(const PkiOptions& options) {
  check_node_name(options.node.node);
  options.make_directory();
  NodeRequest request = options.node;
  request.valid_for = std::chrono::days(options.node_days);
  const PemPaths ca = options.ca_files();
  const PemPaths out{options.in_directory(request.node + ".pem"), options.in_directory(request.node + ".key")};
  make_node_certificate(request, ca, out, options.overwrite());
  std::printf(
      "%s   the certificate of %s\n"
      "%s   its key: copy both and %s to the node; the user that runs tributary must own the key, mode 0600\n",
      out.certificate.c_str(), request.node.c_str(), out.key.c_str(), ca.certificate.c_str());
}

void make_request_files(const PkiOptions& options) {
  check_node_name(options.node.node);
  options.make_directory();
  const std::string key = options.in_directory(options.node.node + ".key");
  const std::string out = options.in_directory(options.node.node + ".csr");
  const bool is_kept = make_request(options.node, key, out, options.overwrite()) == KeyFile::kept;
  std::printf(
      "%s   the private key%s: it stays here\n"
      "%s   the request: bring it to whoever holds the CA's key; it is no secret\n"
      "there:  tributary pki sign %s.csr --dir DIRECTORY-OF-CA\n",
      key.c_str(), is_kept ? ", as it was" : "", out.c_str(), options.node.node.c_str());
}

// The names of a request are whoever's made it: a child that has another one's name is let in as that one.
void require_confirmed(const RequestFacts& facts, const PkiOptions& options) {
  std::string names, flags;
  for (const std::string& name : facts.names) {
    const auto& confirmed = options.node.names;
    if (std::find(confirmed.begin(), confirmed.end(), name) != confirmed.end()) continue;
    names += (names.empty() ? "" : ", ") + name;
    flags += " --dns " + name;
  }
  if (!names.empty())
    throw Error(ErrorKind::setup, "the request of " + facts.node + " also asks for the names " + names,
                "if they are that node's own: tributary pki sign " + options.request + flags);
}

void sign_request_file(const PkiOptions& options) {
  const RequestFacts facts = read_request(options.request);
  check_node_name(facts.node);
  require_confirmed(facts, options);
  const NodeRequest request{facts.node, options.node.names, std::chrono::days(options.node_days)};
  const PemPaths ca = options.ca_files();
  const std::string out = options.in_directory(facts.node + ".pem");
  const bool is_renewal = std::filesystem::exists(out);
  if (is_renewal && !options.force)
    throw Error(ErrorKind::setup, out + " exists already: " + facts.node + " has a certificate",
                "if this request is that node's own, for a renewal: --force");
  sign_request(options.request, request, ca, out, options.overwrite());
  std::printf("%s   the certificate of %s, valid until %s\n", out.c_str(), facts.node.c_str(),
              day_of(read_certificate(out).not_after).c_str());
  if (is_renewal) {
    std::printf("Copy it to %s, over the one from before; there: tributary reload\n", facts.node.c_str());
    return;
  }
  std::printf(
      "Copy it and %s to %s, beside its key. If %s is a child of a node that runs,\n"
      "add this to that node's configuration, then there: tributary reload\n"
      "\n"
      "[[child]]\n"
      "name = \"%s\"\n"
      "# owns = \"...\"   the rows that it may write there, as an SQL condition: see the README\n",
      ca.certificate.c_str(), facts.node.c_str(), facts.node.c_str(), facts.node.c_str());
}

}  // namespace

void add_pki_command(CLI::App& app, CommandContext&) {
  auto options = std::make_shared<PkiOptions>();
  CLI::App* pki = app.add_subcommand("pki", "Make the certificates of a hierarchy");
  pki->require_subcommand(1);
  const auto add_directory = [&](CLI::App* command, const char* help) {
    command->add_option("--dir", options->directory, help)->capture_default_str();
  };
  const auto add_days = [&](CLI::App* command, int& days) {
    command->add_option("--days", days, "Days that it is valid")->capture_default_str()->check(CLI::Range(1, 36500));
  };
  const auto add_names = [&](CLI::App* command, const char* help) {
    command->add_option("--dns,--san", options->node.names, help)->type_name("NAME|ADDRESS")->allow_extra_args(false);
  };
  const auto add_ca = [&](CLI::App* command) {
    command->add_option("--ca", options->ca_certificate, "The CA's certificate (default: ca.pem in that directory)");
    command->add_option("--ca-key", options->ca_key, "The CA's key (default: ca.key in that directory)");
  };

  CLI::App* ca = pki->add_subcommand("ca", "Make a certificate authority: ca.pem and ca.key");
  add_directory(ca, "Directory to write to");
  ca->add_option("--name", options->ca.common_name, "Name of the authority, for people")->capture_default_str();
  add_days(ca, options->ca_days);
  ca->add_flag("--force", options->force, "Replace the files; certificates made with the old CA become worthless");
  ca->footer(
      "Once per hierarchy, on a machine that is not a node, better offline.\nExample: tributary pki ca --dir pki");
  ca->callback([options] { make_ca_files(*options); });

  CLI::App* request = pki->add_subcommand("request", "At a node: make its key, and ask for a certificate");
  request->add_option("NAME", options->node.node, "The node's name, as in [node] name")->required();
  add_directory(request, "Directory of the key, and of the request");
  add_names(request, "A further name of its own, such as its host's; may be repeated. Links need none");
  request->add_flag("--force", options->force,
                    "Make another key: the certificate from before is of no use from that moment");
  request->footer(
      "The key stays where it is made, mode 0600. Where there is one already it is kept: the request renews the\n"
      "certificate.\n"
      "Example: tributary pki request district-41 --dir /etc/tributary");
  request->callback([options] { make_request_files(*options); });

  CLI::App* sign = pki->add_subcommand("sign", "With the CA's key: make the certificate that a node asks for");
  sign->add_option("REQUEST", options->request, "The node's request, NAME.csr")->required();
  add_directory(sign, "Directory of the CA, and of the certificates");
  add_names(sign, "A further name that the request asks for and that is the node's own; may be repeated");
  add_days(sign, options->node_days);
  add_ca(sign);
  sign->add_flag("--force", options->force, "Replace the node's certificate: a renewal");
  sign->footer(
      "Make sure that the request is from that node: its certificate lets in whoever has the key. Prints the\n"
      "[[child]] paragraph for its parent.\n"
      "Example: tributary pki sign district-41.csr --dir pki");
  sign->callback([options] { sign_request_file(*options); });

  CLI::App* node = pki->add_subcommand("node", "Key and certificate of a node in one step: NAME.pem and NAME.key");
  node->add_option("NAME", options->node.node, "The node's name, as in [node] name")->required();
  add_directory(node, "Directory of the CA, and to write to");
  add_names(node, "A further DNS name or IP address, may be repeated");
  add_days(node, options->node_days);
  add_ca(node);
  node->add_flag("--force", options->force, "Replace the files of this node");
  node->footer(
      "For a key that may travel: 'pki request' and 'pki sign' leave it at the node.\n"
      "Example: tributary pki node district-a --dir pki");
  node->callback([options] { make_node_files(*options); });

  pki->footer(
      "Once per hierarchy, on a machine that is not a node:\n"
      "  tributary pki ca --dir pki\n"
      "for each node, at the node, and then where the CA is:\n"
      "  tributary pki request district-a\n"
      "  tributary pki sign district-a.csr --dir pki");
}

}  // namespace tributary
