// pglogical 2.4, Debian's package postgresql-15-pglogical.
#pragma once

#include "bench/pulling_way.h"

namespace tributary::test {

class PglogicalWay : public PullingWay {
 public:
  explicit PglogicalWay(Topology& topology) : PullingWay(topology, "pglogical", "pglogical") {}

  void resume() override;
  void hold(Backlog, Clock::time_point) override;
  Clock::time_point release(Clock::time_point deadline) override;
  void rest() override;
  std::vector<Part> parts() override;

 private:
  void connect_tables() override;
  void publish(int tier);
  void subscribe(int tier);
  void enable(int tier);
  void disable(int tier);
};

}  // namespace tributary::test
