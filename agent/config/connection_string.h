// libpq connection strings, as far as people get to see them.
#pragma once

#include <string>
#include <string_view>

namespace tributary {

// The same string with every password replaced by "***", in keyword form ("host=db password=...") and as a URI
// ("postgresql://user:...@db/name?password=..."). What libpq would not understand is hidden rather than shown.
std::string without_password(std::string_view conninfo);

}  // namespace tributary
