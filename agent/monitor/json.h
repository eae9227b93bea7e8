// A status as JSON, by protobuf's own mapping: proto/status.proto is its specification. Enumerations are names, 64-bit
// integers are strings, fields keep their names and are always there, parts that a node does not have are not.
#pragma once

#include <status.pb.h>

#include <string>

namespace tributary {

std::string to_json(const status::NodeStatus& node);  // indented, ends with a newline

}  // namespace tributary
