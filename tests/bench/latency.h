// How long a committed row takes until a query at a higher tier sees it.
//
// Four sessions commit single rows in turn, at a steady pace together, and note when each COMMIT returned. One thread
// per tier asks for the largest key of each session there, which the primary key's index answers, and only while a
// row is under way: no trigger, no further index, no second reader of the log. Each session's keys ascend, and a tier
// shows its transactions in their order, so that everything up to the largest key has arrived.
//
// A tier is asked every 0.2 ms, or, when a row is older than 3.2 ms, every sixteenth of its age: the figures are upper
// bounds, too large by no more than that and the time of one query.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/percentiles.h"

namespace tributary::test {

struct LatencyTier {
  std::string name;  // "region"
  std::string conninfo;
};

struct LatencyOptions {
  int transactions_per_second = 200;
  double seconds = 10;
};

struct LatencyFigures {
  std::map<std::string, Percentiles> milliseconds;  // by tier, from the return of COMMIT until visible
  Percentiles commit_milliseconds;                  // how long COMMIT took
  double transactions_per_second = 0;               // as reached
};

// Writes into `document` at `source`, beside what is there. Throws when a row is not visible everywhere after a minute.
LatencyFigures measure_latency(const std::string& source, const std::vector<LatencyTier>& tiers,
                               const LatencyOptions& options);

}  // namespace tributary::test
