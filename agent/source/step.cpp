#include "source/step.h"

#include "base/hash.h"
#include "postgres/connection.h"

namespace tributary {

Step in_one_transaction(const std::vector<Step>& steps) {
  Step all{"BEGIN", steps.front().why};
  for (const Step& step : steps) all.statement += ";\n" + step.statement;
  all.statement += ";\nCOMMIT";
  return all;
}

std::string name_list(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + quote_name(name);
  return list;
}

std::string bounded_name(const std::string& name) {
  constexpr size_t kNameBytesMax = 63;
  if (name.size() <= kNameBytesMax) return name;
  size_t end = kNameBytesMax - 9;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;  // not inside a UTF-8 character
  return name.substr(0, end) + "_" + short_hash(name);
}

}  // namespace tributary
