// What a workload found, told to a person, to a program, and as a picture.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tributary::test {

// tributary against one peer. Ratios are tributary / peer: throughput is better when larger, wire and CPU when smaller.
struct Result {
  std::string workload;      // "W1"
  std::string backlog = {};  // where it waited, "log" or "queue"; empty where that is no question
  std::string peer = {};     // "native"
  int tiers = 2;
  std::optional<double> throughput_ratio = {};
  std::optional<double> wire_ratio = {};
  std::optional<double> cpu_ratio = {};
  bool is_correct = false;       // tributary's tables were equal at every tier, after every run
  bool is_peer_correct = false;  // and the peer's
  std::string note = {};         // why there is no figure, or what to know about it
  // More members of the line of JSON, with their units in their names: {"wire_bytes_per_change", 61.5}.
  std::vector<std::pair<std::string, double>> figures = {};

  std::string label() const;  // "W3 from the queue, 2 tiers, native"
};

class Report {
 public:
  struct Files {
    std::filesystem::path svg;    // empty: none
    std::filesystem::path jsonl;  // appended to, a line as soon as it is known; empty: none
  };
  explicit Report(Files files) : files_(std::move(files)) {}

  // A line for whoever waits, on stderr.
  void progress(const std::string& line) const;
  // Keeps the result and writes its line of JSON to the file at once.
  void add(Result result);
  // The table and the lines of JSON on stdout, and the picture.
  void print() const;
  const std::vector<Result>& results() const { return results_; }

 private:
  Files files_;
  std::vector<Result> results_;
};

// {"workload":"W1",...}
std::string json_line(const Result& result);

// As snprintf.
[[gnu::format(printf, 1, 2)]] std::string print(const char* format, ...);

}  // namespace tributary::test
