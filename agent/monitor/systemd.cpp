#include "monitor/systemd.h"

#include <systemd/sd-daemon.h>

#include "monitor/bounds.h"

namespace tributary {

void notify_ready() {
  sd_notify(0, "READY=1");
}
void notify_reloading() {
  sd_notify(0, "RELOADING=1");
}
void notify_stopping() {
  sd_notify(0, "STOPPING=1");
}
// A newline in the text would begin another assignment.
void notify_status(const std::string& text) {
  sd_notify(0, ("STATUS=" + clean_text(text)).c_str());
}

Task<> watchdog() {
  uint64_t interval = 0;  // microseconds
  const bool is_wanted = sd_watchdog_enabled(0, &interval) > 0;
  for (;;) {
    if (is_wanted) sd_notify(0, "WATCHDOG=1");
    co_await sleep_for(is_wanted ? std::chrono::microseconds(interval / 3) : std::chrono::hours(1));
  }
}

}  // namespace tributary
