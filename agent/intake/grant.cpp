#include "intake/grant.h"

#include <algorithm>

#include "config/table_pattern.h"
#include "wire/protocol.h"

namespace tributary {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

}  // namespace

std::optional<Denial> judge_greeting(const link::Frame& frame, const std::vector<std::string>& certificate_names,
                                     const std::string& our_name, const IntakeConfig& intake) {
  if (!frame.has_hello()) return Denial{link::REFUSAL_PROTOCOL, "the first frame of a session must be a Hello", ""};
  const link::Hello& hello = frame.hello();
  if (hello.protocol_version() != kProtocolVersion)
    return Denial{link::REFUSAL_PROTOCOL,
                  "protocol version " + std::to_string(hello.protocol_version()) + " is not spoken here, only " +
                      std::to_string(kProtocolVersion),
                  "upgrade the older of the two agents; parents first"};
  if (hello.instance().size() != 16) return Denial{link::REFUSAL_PROTOCOL, "the instance is not a UUID", ""};
  if (std::find(certificate_names.begin(), certificate_names.end(), hello.node()) == certificate_names.end())
    return Denial{link::REFUSAL_UNKNOWN_NODE,
                  "the node calls itself " + hello.node() + ", but its certificate names " + joined(certificate_names),
                  "set [tls] certificate to the node's own, or make one: tributary pki request " + hello.node()};
  const auto child = std::find_if(intake.children.begin(), intake.children.end(),
                                  [&](const ChildConfig& listed) { return listed.name == hello.node(); });
  if (child == intake.children.end())
    return Denial{link::REFUSAL_UNKNOWN_NODE, hello.node() + " is not a child of " + our_name,
                  "add [[child]] name = \"" + hello.node() + "\" to the configuration of " + our_name};
  if (hello.parent() != our_name)
    return Denial{link::REFUSAL_WRONG_PARENT, "this is " + our_name + ", not " + hello.parent(),
                  "correct [parent] name or endpoints at " + hello.node()};
  std::vector<std::string> denied;
  for (const std::string& table : hello.tables())
    if (!matches_any(table, intake.tables)) denied.push_back(table);
  if (!denied.empty())
    return Denial{link::REFUSAL_TABLES, "children may not write these tables here: " + joined(denied),
                  "add them to [intake] tables at " + our_name + ", or remove them at " + hello.node()};
  return std::nullopt;
}

}  // namespace tributary
