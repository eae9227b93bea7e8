// What a status report from outside may be: a child, which is not trusted, describes itself and everything below it,
// and its words end up on people's terminals and web pages. Pure.
#pragma once

#include <status.pb.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace tributary {

inline constexpr size_t kReportBytesMax = 256 * 1024;
inline constexpr int kReportDepthMax = 8;  // the reporting node is depth 1
inline constexpr size_t kTextCharactersMax = 1000;

// Valid UTF-8 without control characters and without marks that change the direction of writing, cut at
// kTextCharactersMax.
std::string clean_text(std::string_view text);

// Applies clean_text to every string of the report.
void clean_report(status::NodeStatus& report);

// Cleans the report and cuts it to the bounds above: unknown fields go, then the nodes farthest down, then lists. What
// is left says in a notice that something was cut.
void bound_report(status::NodeStatus& report);

}  // namespace tributary
