// What of a status is news, and what only figures that move all the time: a narrow link carries news soon and figures
// now and then. Pure.
#pragma once

#include <status.pb.h>

#include <chrono>
#include <cstddef>

namespace tributary {

// The status without what moves by itself: times, positions, counters, sizes, ages; of the children too.
status::NodeStatus without_figures(status::NodeStatus report);

// How long after a report of `bytes` the next one may follow, so that reports take a few per cent of a link of
// 64 kbit/s at most.
std::chrono::milliseconds pause_before_news(size_t bytes);
std::chrono::milliseconds pause_before_figures(size_t bytes);

}  // namespace tributary
