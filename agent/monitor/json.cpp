#include "monitor/json.h"

#include <google/protobuf/util/json_util.h>

#include "base/error.h"

namespace tributary {
namespace {

std::string json_of(const google::protobuf::Message& message, const char* what) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto result = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!result.ok())
    throw Error(ErrorKind::internal, std::string(what) + " cannot be written as JSON: " + result.ToString());
  return json;
}

}  // namespace

std::string to_json(const status::NodeStatus& node) {
  return json_of(node, "the status");
}

std::string to_json(const check::Report& report) {
  return json_of(report, "the report");
}

}  // namespace tributary
