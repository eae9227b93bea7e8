// Names of tables as people write them, with or without a schema, in PostgreSQL's quotes where they need them.
#pragma once

#include <string>
#include <string_view>

#include "base/dotted_name.h"

namespace tributary {

struct TableName {
  std::string schema;
  std::string name;
  std::string full_name() const { return dotted_name(schema, name); }
};

// "document" (of schema public), "slm.document", "slm.\"My Table\"". Throws Error(config). A capital letter without
// quotes is a mistake too: PostgreSQL would fold it, and people who write it mostly mean it.
TableName parse_table_name(std::string_view text);

// The same with '*' and '?' as wildcards in either part. A lone "*" means every table of every schema.
TableName parse_table_pattern(std::string_view text);

}  // namespace tributary
