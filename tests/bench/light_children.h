// Hundreds of children of one parent in one process: each speaks the link's protocol over TLS with a certificate of its
// own, as an agent does, but has no database and no queue. A transaction is one document that the child owns
// (`district` is its name).
//
// Everything runs on the caller's thread, inside the calls.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "bench/percentiles.h"
#include "support/pki.h"

namespace tributary::test {

class LightChildren {
 public:
  // Makes the certificates: "child-0000", "child-0001", ... The parent lists these names, and `pki` is its own.
  LightChildren(const Pki& pki, const std::string& parent, uint16_t port, size_t count);
  ~LightChildren();

  static std::string name(size_t child);

  // Connects the first `count` children that are not yet; returns when the parent has welcomed all of them.
  void connect(size_t count);
  // The first `count` children commit `transactions_per_second` each; milliseconds from push to acknowledgement.
  Percentiles push(size_t count, double transactions_per_second, double seconds);
  // They answer pings and report their status.
  void stay(double seconds);

  // All that was pushed, as `documents_query` returns it from the parent's table.
  const std::multiset<std::string>& pushed() const;
  static const char* documents_query();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tributary::test
