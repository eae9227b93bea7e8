#include "monitor/check_report.h"

#include <string_view>
#include <vector>

namespace tributary {
namespace {

constexpr size_t kIndent = 11;   // of everything but the verdict
constexpr size_t kRoomMin = 30;  // of a text, however narrow the terminal

const char* title_of(check::Group group) {
  switch (group) {
    case check::SERVER: return "server";
    case check::SOURCE: return "source: what this node sends";
    case check::PARENT: return "parent side: what children write";
    case check::LINK: return "link to the parent";
    case check::FILES: return "files";
    case check::GROUP_UNSPECIFIED:
    case check::Group_INT_MIN_SENTINEL_DO_NOT_USE_:
    case check::Group_INT_MAX_SENTINEL_DO_NOT_USE_: break;
  }
  return "other";
}

const char* word_of(check::Verdict verdict) {
  switch (verdict) {
    case check::OK: return "ok";
    case check::WARNING: return "warning";
    case check::STOPS: return "stops";
    case check::VERDICT_UNSPECIFIED:
    case check::Verdict_INT_MIN_SENTINEL_DO_NOT_USE_:
    case check::Verdict_INT_MAX_SENTINEL_DO_NOT_USE_: break;
  }
  return "?";
}

std::string what_follows(check::Needs needs) {
  switch (needs) {
    case check::RELOAD: return "then reload PostgreSQL: SELECT pg_reload_conf()";
    case check::RESTART: return "then restart PostgreSQL: systemctl restart postgresql";
    case check::NOTHING:
    case check::Needs_INT_MIN_SENTINEL_DO_NOT_USE_:
    case check::Needs_INT_MAX_SENTINEL_DO_NOT_USE_: break;
  }
  return {};
}

// The words of a text, between which a line may end: never inside quotes, where a blank is part of what a person types.
std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  size_t begin = 0;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_at_word_begin = i == begin || text[i - 1] == '(' || text[i - 1] == '=';
    if (quote) {
      if (text[i] == quote) quote = 0;
    } else if ((text[i] == '\'' || text[i] == '"' || text[i] == '`') && is_at_word_begin) {
      if (text.find(text[i], i + 1) != std::string_view::npos) quote = text[i];
    } else if (text[i] == ' ') {
      words.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  words.push_back(text.substr(begin));
  return words;
}

size_t width_of(std::string_view text) {
  size_t width = 0;
  for (const char c : text)
    if ((c & 0xc0) != 0x80) ++width;
  return width;
}

// `text` behind `first`; the lines that follow begin below the text's first column.
void put(std::string& out, const std::string& first, std::string_view text, size_t indent, size_t width) {
  const size_t room = width > indent + kRoomMin ? width - indent : kRoomMin;
  out += first;
  size_t used = 0;
  for (const std::string_view word : words_of(text)) {
    const size_t size = width_of(word);
    if (width > 0 && used > 0 && used + 1 + size > room) {
      out += "\n" + std::string(indent, ' ');
      used = 0;
    }
    if (used > 0) out += ' ';
    out += word;
    used += size + (used > 0 ? 1 : 0);
  }
  out += '\n';
}

void put_fact(std::string& out, const check::Fact& fact, const CheckRenderOptions& options) {
  const std::string word = word_of(fact.verdict());
  const std::string rest(kIndent - 2 - word.size(), ' ');
  const char* colour = fact.verdict() == check::OK ? "32" : fact.verdict() == check::WARNING ? "33" : "31";
  put(out, "  " + (options.is_coloured ? "\x1b[" + std::string(colour) + "m" + word + "\x1b[0m" : word) + rest,
      fact.what(), kIndent, options.width);
  const std::string below(kIndent, ' ');
  if (!fact.why().empty()) put(out, below, fact.why(), kIndent, options.width);
  if (!fact.mend().empty()) put(out, below + "-> ", fact.mend(), kIndent + 3, options.width);
  if (const std::string next = what_follows(fact.needs()); !next.empty())
    put(out, below + "-> ", next, kIndent + 3, options.width);
}

}  // namespace

std::string render(const check::Report& report, const CheckRenderOptions& options) {
  std::string out;
  check::Group group = check::GROUP_UNSPECIFIED;
  for (const check::Fact& fact : report.facts()) {
    if (fact.group() != group) {
      group = fact.group();
      out += (out.empty() ? "" : "\n") + std::string(title_of(group)) + "\n";
    }
    put_fact(out, fact, options);
  }
  return out + "\n" + std::to_string(report.facts_size()) + (report.facts_size() == 1 ? " check: " : " checks: ") +
         std::to_string(report.stops()) + (report.stops() == 1 ? " stops, " : " stop, ") +
         std::to_string(report.warnings()) + (report.warnings() == 1 ? " warning\n" : " warnings\n");
}

}  // namespace tributary
