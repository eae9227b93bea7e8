// What the agent tells systemd (Type=notify, WatchdogSec=). Without systemd every call does nothing.
#pragma once

#include <string>

#include "base/task.h"

namespace tributary {

void notify_ready();
void notify_reloading();  // until the next notify_ready
void notify_stopping();
void notify_status(const std::string& text);  // one line, shown by `systemctl status`

// Says that the event loop still turns, three times per watchdog interval. Ends by cancellation only.
Task<> watchdog();

}  // namespace tributary
