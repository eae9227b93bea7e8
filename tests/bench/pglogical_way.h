// pglogical 2.4, Debian's package postgresql-15-pglogical.
#pragma once

#include "bench/pulling_way.h"

namespace tributary::test {

class PglogicalWay : public PullingWay {
 public:
  explicit PglogicalWay(Topology& topology)
      : PullingWay(topology, "pglogical", "pglogical", "backend_type LIKE 'pglogical apply%'") {}

 private:
  void connect_tables() override;
  void publish(int tier);
  void subscribe(int tier);
  void enable(int tier) override;
  void disable(int tier) override;
};

}  // namespace tributary::test
