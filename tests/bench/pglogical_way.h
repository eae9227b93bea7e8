// pglogical 2.4, Debian's package postgresql-15-pglogical.
#pragma once

#include "bench/pulling_way.h"

namespace tributary::test {

class PglogicalWay : public PullingWay {
 public:
  explicit PglogicalWay(Topology& topology)
      : PullingWay(topology, "pglogical", "pglogical",
                   "backend_type LIKE 'pglogical apply%' OR backend_type LIKE 'pglogical sync%' OR " + copy(),
                   "backend_type = 'walsender' OR " + copy()) {}

  void begin_copy() override;
  bool is_copied() override;

 private:
  // Its first copy runs through ordinary sessions.
  static std::string copy() { return R"(application_name LIKE '%\_copy')"; }
  void connect_tables() override;
  void prepare_copy() override;
  void publish(int tier);
  void subscribe(int tier, bool copies);
  void enable(int tier) override;
  void disable(int tier) override;
};

}  // namespace tributary::test
