// The version of this program, from CMakeLists.txt.
#pragma once

namespace tributary {

inline constexpr char kVersion[] = TRIBUTARY_VERSION;

}  // namespace tributary
