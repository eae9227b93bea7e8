// What a child may do here, as the parent's configuration says. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "link.pb.h"

namespace tributary {

// Why a child is sent away.
struct Denial {
  link::RefusalCode code = link::REFUSAL_UNSPECIFIED;
  std::string message;
  std::string hint;
};

// Judges a child's first frame: it must be a Hello of our protocol version, by a node that the configuration lists and
// that the certificate names, meant for us, whose tables may all be written here. nullopt: welcome.
std::optional<Denial> judge_greeting(const link::Frame& frame, const std::vector<std::string>& certificate_names,
                                     const std::string& our_name, const IntakeConfig& intake);

}  // namespace tributary
