#include "bench/report.h"

#include <algorithm>
#include <cstdio>

namespace tributary::test {
namespace {

template <typename... Values>
std::string print(const char* format, Values... values) {
  char line[512];
  std::snprintf(line, sizeof(line), format, values...);
  return line;
}

template <typename Value>
double median(const std::vector<Run>& runs, Value value) {
  std::vector<double> values;
  for (const Run& run : runs) values.push_back(value(run));
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double processor_seconds(const Run& run) {
  double sum = 0;
  for (const auto& [part, seconds] : run.processor_seconds) sum += seconds;
  return sum;
}

struct Summary {
  double rows_per_second;
  double wire_bytes_per_row;
  double processor_microseconds_per_row;
  bool is_correct;

  Summary(const std::vector<Run>& runs, int rows)
      : rows_per_second(rows / median(runs, [](const Run& run) { return run.seconds; })),
        wire_bytes_per_row(median(runs, [](const Run& run) { return static_cast<double>(run.wire_bytes); }) / rows),
        processor_microseconds_per_row(median(runs, processor_seconds) * 1e6 / rows),
        is_correct(std::all_of(runs.begin(), runs.end(), [](const Run& run) { return run.is_correct; })) {}
};

std::string table_line(const std::string& way, const Summary& summary) {
  return print("%-28s %10.0f %12.1f %14.2f   %s\n", way.c_str(), summary.rows_per_second, summary.wire_bytes_per_row,
               summary.processor_microseconds_per_row, summary.is_correct ? "equal" : "DIFFERENT");
}

}  // namespace

std::string line_of(const std::string& way, const Run& run, int rows) {
  std::string text = table_line(way, Summary({run}, rows));
  for (const auto& [part, seconds] : run.processor_seconds)
    text += print("    %-33s %28.2f\n", part.c_str(), seconds * 1e6 / rows);
  return text;
}

std::string report(const Measured& native, const std::map<std::string, Measured>& workloads, int rows, int row_bytes) {
  const Summary peer(native.runs, rows);
  std::string text = print("\n%d documents of %d bytes, 1,000 a transaction; medians of %zu runs\n", rows, row_bytes,
                           native.runs.size()) +
                     print("%-28s %10s %12s %14s   %s\n", "", "rows/s", "wire B/row", "CPU us/row", "tables");
  text += table_line(native.way, peer);
  for (const auto& [name, measured] : workloads) text += table_line(measured.way, Summary(measured.runs, rows));
  text += "\n";
  for (const auto& [name, measured] : workloads) {
    const Summary ours(measured.runs, rows);
    text += print(
        "{\"workload\":\"%s\",\"peer\":\"native\",\"tiers\":2,\"rows\":%d,\"rounds\":%zu,\"throughput_ratio\":%.3f,"
        "\"wire_ratio\":%.3f,\"cpu_ratio\":%.3f,\"correct\":%s,",
        name.c_str(), rows, measured.runs.size(), ours.rows_per_second / peer.rows_per_second,
        ours.wire_bytes_per_row / peer.wire_bytes_per_row,
        ours.processor_microseconds_per_row / peer.processor_microseconds_per_row,
        ours.is_correct && peer.is_correct ? "true" : "false");
    text += print(
        "\"rows_per_second\":%.0f,\"peer_rows_per_second\":%.0f,\"wire_bytes_per_row\":%.1f,"
        "\"peer_wire_bytes_per_row\":%.1f,\"cpu_us_per_row\":%.2f,\"peer_cpu_us_per_row\":%.2f}\n",
        ours.rows_per_second, peer.rows_per_second, ours.wire_bytes_per_row, peer.wire_bytes_per_row,
        ours.processor_microseconds_per_row, peer.processor_microseconds_per_row);
  }
  return text;
}

}  // namespace tributary::test
