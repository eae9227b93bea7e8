// For the siblings of `until_one_ends`: the first to fail acts before the others are waited for.
#pragma once

#include "base/task.h"

namespace tributary {

// Awaits `task`; when it throws, or is cancelled, calls `action` before the exception goes on.
template <typename Action>
Task<> on_failure(Action action, Task<> task) {
  try {
    co_await std::move(task);
  } catch (...) {
    action();
    throw;
  }
}

}  // namespace tributary
