// A certificate authority and certificates of nodes, made by `tributary pki`, as an administrator makes them.
#pragma once

#include <filesystem>
#include <string>

#include "support/run_directory.h"

namespace tributary::test {

// The program under test.
std::filesystem::path tributary_program();

class Pki {
 public:
  Pki();
  // Makes the node's certificate and key.
  void add(const std::string& node);

  std::filesystem::path ca() const { return directory_ / "ca.pem"; }
  std::filesystem::path certificate(const std::string& node) const { return directory_ / (node + ".pem"); }
  std::filesystem::path key(const std::string& node) const { return directory_ / (node + ".key"); }

 private:
  TempDir directory_;
};

}  // namespace tributary::test
