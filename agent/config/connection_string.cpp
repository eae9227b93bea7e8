#include "config/connection_string.h"

#include <algorithm>
#include <cctype>

namespace tributary {
namespace {

constexpr std::string_view kHidden = "***";

bool is_blank(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

bool is_secret(std::string_view key) {
  std::string lower(key);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return lower.find("password") != std::string::npos;
}

std::string hide_in_uri(std::string_view uri) {
  const size_t authority = uri.find("://") + 3;
  const size_t query = std::min(uri.find('?', authority), uri.size());
  const std::string_view before_query = uri.substr(0, query);
  // A password may hold an unquoted '/' or '@' by mistake: everything up to the last '@' is taken for it.
  const size_t at = before_query.rfind('@');
  const size_t colon = before_query.find(':', authority);
  std::string out;
  if (at != std::string_view::npos && at >= authority && colon < at) {
    out.append(uri.substr(0, colon + 1)).append(kHidden).append(uri.substr(at, query - at));
  } else {
    out.append(before_query);
  }
  for (size_t start = query; start < uri.size();) {
    const size_t end = std::min(uri.find('&', start + 1), uri.size());
    const std::string_view parameter = uri.substr(start, end - start);
    const size_t equals = parameter.find('=');
    // A name with %-escapes could spell "password" too.
    const std::string_view name = parameter.substr(0, equals);
    const bool hide = equals != std::string_view::npos && (is_secret(name) || name.find('%') != std::string_view::npos);
    out.append(hide ? parameter.substr(0, equals + 1) : parameter);
    if (hide) out.append(kHidden);
    start = end;
  }
  return out;
}

std::string hide_in_keywords(std::string_view text) {
  std::string out;
  size_t at = 0;
  const auto skip_blanks = [&] {
    while (at < text.size() && is_blank(text[at])) ++at;
  };
  for (;;) {
    skip_blanks();
    if (at == text.size()) return out;
    const size_t key_start = at;
    while (at < text.size() && text[at] != '=' && !is_blank(text[at])) ++at;
    const std::string_view key = text.substr(key_start, at - key_start);
    skip_blanks();
    if (!out.empty()) out.push_back(' ');
    if (at == text.size() || text[at] != '=') return out.append(kHidden);
    ++at;
    skip_blanks();
    const size_t value_start = at;
    const bool quoted = at < text.size() && text[at] == '\'';
    if (quoted) ++at;
    while (at < text.size() && (quoted ? text[at] != '\'' : !is_blank(text[at]))) {
      at += text[at] == '\\' && at + 1 < text.size() ? 2 : 1;
    }
    const bool complete = !quoted || at < text.size();
    if (quoted && complete) ++at;
    out.append(key).append("=");
    out.append(is_secret(key) || !complete ? kHidden : text.substr(value_start, at - value_start));
  }
}

}  // namespace

std::string without_password(std::string_view conninfo) {
  const bool is_uri = conninfo.starts_with("postgresql://") || conninfo.starts_with("postgres://");
  return is_uri ? hide_in_uri(conninfo) : hide_in_keywords(conninfo);
}

}  // namespace tributary
