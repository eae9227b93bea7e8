// Named places where a test kills the process, to prove that a crash there loses and repeats nothing.
//
// With TRIBUTARY_FAILPOINT=name[:N] in the environment, the process gets SIGKILL at the N-th (first) passing of the
// place of that name; with name:N:stop it gets SIGSTOP, and goes on from there at SIGCONT. Without the variable a
// failpoint costs one comparison.
#pragma once

#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

namespace tributary {

namespace detail {
struct Failpoint {
  std::string name;
  unsigned long passes_left = 1;
  int signal = SIGKILL;

  Failpoint() {
    const char* setting = std::getenv("TRIBUTARY_FAILPOINT");
    if (!setting) return;
    name = setting;
    if (name.ends_with(":stop")) signal = SIGSTOP;
    if (const size_t colon = name.find(':'); colon != std::string::npos) {
      passes_left = std::strtoul(name.c_str() + colon + 1, nullptr, 10);
      name.resize(colon);
    }
  }
};
}  // namespace detail

inline void failpoint(std::string_view name) {
  static detail::Failpoint armed;
  if (armed.name != name || armed.passes_left == 0 || --armed.passes_left > 0) return;
  std::raise(armed.signal);
}

}  // namespace tributary
