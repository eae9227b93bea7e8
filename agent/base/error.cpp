#include "base/error.h"

namespace tributary {

WhatNow what_now(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::config: return WhatNow::exit;
    case ErrorKind::internal: return WhatNow::exit;
    case ErrorKind::connection: return WhatNow::retry;
    case ErrorKind::resource: return WhatNow::retry;
    case ErrorKind::protocol: return WhatNow::retry;
    case ErrorKind::stream_lost: return WhatNow::retry;
    case ErrorKind::data: return WhatNow::wait_for_person;
    case ErrorKind::refused: return WhatNow::wait_for_person;
    case ErrorKind::setup: return WhatNow::wait_for_person;
  }
  return WhatNow::exit;
}

const char* name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::config: return "config";
    case ErrorKind::connection: return "connection";
    case ErrorKind::resource: return "resource";
    case ErrorKind::data: return "data";
    case ErrorKind::protocol: return "protocol";
    case ErrorKind::refused: return "refused";
    case ErrorKind::setup: return "setup";
    case ErrorKind::stream_lost: return "stream lost";
    case ErrorKind::internal: return "internal";
  }
  return "unknown";
}

}  // namespace tributary
