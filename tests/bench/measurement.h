// One run of one way, and what several together say.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bench/report.h"
#include "bench/way.h"

namespace tributary::test {

struct Run {
  double seconds = 0;
  std::map<std::string, double> processor_seconds;     // under the name of each part
  double wire_bytes = 0;                               // mean of the links
  int64_t retained_wal_bytes = 0;                      // by the district's slot, when the backlog has settled
  int64_t retained_wal_bytes_most = 0;                 // and the most until then
  std::map<std::string, uint64_t> agent_memory_bytes;  // the most that was resident
  std::string fault;                                   // why it has no figure: not equal, or what went wrong
};

struct Spread {
  double least = 0, median = 0, most = 0;
};

// The runs of one way. Each figure is per published change, and the median of its own.
class Runs {
 public:
  explicit Runs(int64_t changes) : changes_(static_cast<double>(changes)) {}

  void add(Run run) { runs_.push_back(std::move(run)); }
  bool empty() const { return runs_.empty(); }
  size_t size() const { return runs_.size(); }
  std::string fault() const;  // the first one's; "" where every run was equal

  Spread changes_per_second() const;
  double wire_bytes() const;
  double processor_microseconds() const;
  std::map<std::string, double> processor_microseconds_by_part() const;
  double retained_wal_bytes() const;
  double retained_wal_bytes_most() const;
  double agent_memory_bytes() const;  // of the largest agent

 private:
  double changes_;
  std::vector<Run> runs_;
};

void add_ratios(Result& result, const Runs& our, const Runs& peer);
// Speed, bytes and processor time; `whose`: "" or "peer_".
void add_figures(Result& result, const std::string& whose, const Runs& runs);

// Watches a way from its release on.
class Measurement {
 public:
  explicit Measurement(Way& way);
  void look();
  std::map<std::string, double> processor_seconds() const { return processor_.seconds(); }
  double wire_bytes() const;

 private:
  Way& way_;
  ProcessorTime processor_;
  std::vector<LinkBytes> links_;
};

}  // namespace tributary::test
