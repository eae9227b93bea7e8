#include "support/pki.h"

#include "support/process.h"

namespace tributary::test {

std::filesystem::path tributary_program() {
  return TRIBUTARY_PROGRAM;
}

Pki::Pki() : directory_("pki") {
  Command command;
  command.words = {tributary_program().string(), "pki", "ca", "--dir", directory_.path().string()};
  run_or_throw(command);
}

void Pki::add(const std::string& node) {
  Command command;
  command.words = {tributary_program().string(), "pki", "node", node, "--dir", directory_.path().string()};
  run_or_throw(command);
}

}  // namespace tributary::test
