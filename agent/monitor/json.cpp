#include "monitor/json.h"

#include <google/protobuf/util/json_util.h>

#include "base/error.h"

namespace tributary {

std::string to_json(const status::NodeStatus& node) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto result = google::protobuf::util::MessageToJsonString(node, &json, options);
  if (!result.ok()) throw Error(ErrorKind::internal, "the status cannot be written as JSON: " + result.ToString());
  return json;
}

}  // namespace tributary
