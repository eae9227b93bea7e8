// What every connection sets for itself, so that no ALTER ROLE, ALTER DATABASE or PGOPTIONS changes what values look
// like or what is safe. Sent in the startup packet, which overrides both.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/connection.h"

namespace tributary {

// The keywords and values for PQconnectStartParams, each list ended by nullptr.
class ConnectionParameters {
 public:
  void set(std::string keyword, std::string value);
  std::string get(std::string_view keyword) const;
  uint32_t host_count() const;  // at least 1
  void put_first_host_last();
  std::vector<const char*> keywords() const;
  std::vector<const char*> values() const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

// `conninfo` (keywords or URI) with our settings on top. Throws Error(config) when libpq cannot parse it.
ConnectionParameters connection_parameters(const std::string& conninfo, Purpose purpose,
                                           const std::string& application_name);

}  // namespace tributary
