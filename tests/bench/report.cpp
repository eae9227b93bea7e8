#include "bench/report.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include "bench/chart.h"

namespace tributary::test {
namespace {

std::string json_string(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      json += {'\\', c};
    } else {
      json += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
  }
  return json + '"';
}

std::string json_number(std::optional<double> value) {
  return value && std::isfinite(*value) ? print("%.6g", *value) : "null";
}

std::string ratio(std::optional<double> value) {
  return value ? print("%.2f", *value) : "-";
}

const char* equality(const Result& result) {
  if (!result.is_correct) return "NO";
  return result.is_peer_correct ? "yes" : "peer: no";
}

// A figure as the table has it; "-" where there is none of this name.
std::string figure(const Result& result, const std::string& name) {
  for (const auto& [known, value] : result.figures) {
    if (known == name) return print("%.0f", value);
  }
  return "-";
}

constexpr const char* kTableFormat = "%-48s %10s %8s %8s  %10s %10s   %s%s%s\n";

std::string table_head() {
  return print(kTableFormat, "", "throughput", "wire", "CPU", "ours/s", "peer's/s", "equal", "", "");
}

std::string table_line(const Result& result) {
  return print(kTableFormat, result.label().c_str(), ratio(result.throughput_ratio).c_str(),
               ratio(result.wire_ratio).c_str(), ratio(result.cpu_ratio).c_str(),
               figure(result, "changes_per_second").c_str(), figure(result, "peer_changes_per_second").c_str(),
               equality(result), result.note.empty() ? "" : "   ", result.note.c_str());
}

}  // namespace

std::string print(const char* format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  std::string text(static_cast<size_t>(std::vsnprintf(nullptr, 0, format, arguments)), '\0');
  std::vsnprintf(text.data(), text.size() + 1, format, again);
  va_end(again);
  va_end(arguments);
  return text;
}

std::string Result::label() const {
  return workload + (backlog.empty() ? "" : " from the " + backlog) + ", " + std::to_string(tiers) + " tiers, " + peer;
}

std::string json_line(const Result& result) {
  std::string json = "{\"workload\":" + json_string(result.workload) + ",\"peer\":" + json_string(result.peer) +
                     ",\"tiers\":" + std::to_string(result.tiers);
  if (!result.backlog.empty()) json += ",\"backlog\":" + json_string(result.backlog);
  json += ",\"throughput_ratio\":" + json_number(result.throughput_ratio) +
          ",\"wire_ratio\":" + json_number(result.wire_ratio) + ",\"cpu_ratio\":" + json_number(result.cpu_ratio) +
          ",\"correct\":" + (result.is_correct ? "true" : "false") +
          ",\"peer_correct\":" + (result.is_peer_correct ? "true" : "false");
  for (const auto& [name, value] : result.figures) json += "," + json_string(name) + ":" + json_number(value);
  if (!result.note.empty()) json += ",\"note\":" + json_string(result.note);
  return json + "}";
}

void Report::progress(const std::string& line) const {
  std::fprintf(stderr, "%s\n", line.c_str());
}

void Report::add(Result result) {
  if (!files_.jsonl.empty()) {
    std::ofstream file(files_.jsonl, std::ios::app);
    file << json_line(result) << std::endl;
    if (!file) throw std::runtime_error("cannot write " + files_.jsonl.string());
  }
  results_.push_back(std::move(result));
}

void Report::print() const {
  std::printf("\nRatios are tributary / peer.\n%s", table_head().c_str());
  for (const Result& result : results_) std::printf("%s", table_line(result).c_str());
  std::printf("\n");
  for (const Result& result : results_) std::printf("%s\n", json_line(result).c_str());
  if (!files_.svg.empty()) write_chart(files_.svg, results_);
}

}  // namespace tributary::test
