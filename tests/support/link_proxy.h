// The link between a child and its parent, as bad as a test needs it: a TCP relay with its own thread.
//
//   child ──▶ port() ··· LinkProxy ··· target port ──▶ parent
//
// It sees only ciphertext, and counts bytes. Functions take effect before they return.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

namespace tributary::test {

class LinkProxy {
 public:
  // Relays connections to 127.0.0.1:`target_port`; nothing has to listen there yet.
  explicit LinkProxy(uint16_t target_port);
  ~LinkProxy();

  uint16_t port() const;

  void cut();      // resets all connections and refuses new ones
  void hold();     // keeps connections open and moves no byte: a link that swallows packets
  void restore();  // undoes cut() and hold()
  // Cuts once exactly `bytes` more have gone from the child to the parent.
  void cut_after_bytes(uint64_t bytes);
  bool is_cut() const;

  void set_delay(std::chrono::milliseconds one_way);
  void set_bytes_per_second(uint64_t rate);  // each way; 0: no limit

  uint64_t bytes_to_parent() const;
  uint64_t bytes_to_child() const;
  uint64_t connections_accepted() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tributary::test
