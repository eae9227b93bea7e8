// A status, or a report of `check`, as JSON by protobuf's own mapping: proto/status.proto and proto/check.proto are the
// specification. Enumerations are names, 64-bit integers are strings, fields keep their names and are always there,
// parts that a node does not have are not.
#pragma once

#include <check.pb.h>
#include <status.pb.h>

#include <string>

namespace tributary {

std::string to_json(const status::NodeStatus& node);  // indented, ends with a newline
std::string to_json(const check::Report& report);

}  // namespace tributary
