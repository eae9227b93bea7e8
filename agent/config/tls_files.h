// The files that [tls] names, as the operating system sees them: there, readable, and the key nobody else's.
#pragma once

#include <string>

namespace tributary {

// Throws Error(config) unless `path` is a file that this process can read.
void check_readable_file(const std::string& path);

// As above, and throws Error(config) when group or others have any right to it.
void check_key_file(const std::string& path);

}  // namespace tributary
