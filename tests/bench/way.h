// One way to replicate the tables of a district to its region, and on to the nation: tributary or one of its peers.
//
//   way.set_up(tables);      once
//   way.empty();             for each run
//   way.resume();            everything flows
//   ... prepare ...
//   way.pass_mark(deadline); every tier has it
//   way.hold(backlog);       what the district writes from now on waits
//   ... write ...
//   way.write_mark();
//   way.settle(deadline);    it waits where this way keeps it
//   way.release(deadline);   returns the moment when the time begins
//   way.wait_for_mark(...);  the last tier has everything
//   way.rest();              nothing of it runs, so that it does not disturb the others
//
// or, where the district has rows before replication begins:
//
//   way.set_up_for_copy(tables);
//   ... write ...
//   way.begin_copy();        the time begins before it
//   way.is_copied();         from now on the order of commits is kept, and a mark says what it does above
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/link_bytes.h"
#include "bench/processor_time.h"
#include "bench/topology.h"
#include "support/sql.h"

namespace tributary::test {

using Clock = std::chrono::steady_clock;

// Where changes wait that are not delivered: in PostgreSQL's log, or in the queue of an agent whose link is down. The
// peers know only the log.
enum class Backlog { kLog, kQueue };

struct PublishedTable {
  std::string name;
  std::string columns;        // what stands in the parentheses of CREATE TABLE
  std::string where = {};     // the row filter; empty: every row
  std::string identity = {};  // where the filter needs one beyond the primary key, its columns: "id, status"
  std::string indexes = {};   // more statements at the tiers above the district
};

// Looks at `is_true` every few milliseconds; throws when `deadline` has passed, naming `what`.
void wait_until(const std::string& what, const std::function<bool()>& is_true, Clock::time_point deadline);

class Way {
 public:
  Way(Topology& topology, std::string name, std::string database);
  virtual ~Way() = default;
  Way(const Way&) = delete;
  Way& operator=(const Way&) = delete;

  const std::string& name() const { return name_; }
  Topology& topology() { return topology_; }
  Sql& sql(int tier) { return *sessions_[static_cast<size_t>(tier)]; }  // a superuser's, in this way's database
  std::string conninfo(int tier) { return topology_.cluster(tier).conninfo(database_); }
  const std::vector<PublishedTable>& tables() const { return tables_; }  // with the table of marks

  // Makes the tables everywhere and what carries them; rests afterwards.
  void set_up(std::vector<PublishedTable> tables);
  // The same, up to what would begin replication.
  void set_up_for_copy(std::vector<PublishedTable> tables);
  virtual void begin_copy() = 0;
  // As the way itself says.
  virtual bool is_copied() = 0;
  // TRUNCATE everywhere, while it rests.
  void empty();
  virtual void resume() = 0;
  // Everything has arrived. The district's slot keeps nothing from before either: else its next reader would begin with
  // that.
  virtual void hold(Backlog backlog, Clock::time_point deadline) = 0;
  virtual void settle(Clock::time_point) {}
  virtual Clock::time_point release(Clock::time_point deadline) = 0;
  virtual void rest() = 0;

  // A mark is a row of a table of its own. Every way keeps the order of commits, so where it is, everything is that
  // was committed before.
  void write_mark();
  bool has_mark(int tier);
  void wait_for_mark(Clock::time_point deadline);  // at the last tier
  void pass_mark(Clock::time_point deadline);      // the two together

  // The processes whose time counts, at all tiers.
  virtual std::vector<Part> parts() = 0;
  // The servers' first processes, whose children the others are, except the agents.
  std::vector<pid_t> postmasters();
  // The agents among them.
  virtual std::map<std::string, pid_t> agents() { return {}; }
  // The connection between `tier` and the one above it.
  virtual LinkEnd link_end(int tier) = 0;
  // What it runs through, in a topology that is relayed.
  virtual LinkProxy& relay(int tier) = 0;
  // The log that the district's PostgreSQL keeps for this way's slot.
  int64_t retained_wal_bytes(Sql& district);

  // What differs from the district's approved rows at any tier; "" when nothing does.
  std::string difference();
  // Throws when a process has ended that should run.
  virtual void expect_alive() {}
  // What a person may want to see after a failure.
  virtual std::string logs() { return {}; }

 protected:
  virtual void connect_tables() = 0;
  virtual void prepare_copy() = 0;
  // The backends of this way's database that meet a condition on pg_stat_activity.
  void add_backends(std::vector<Part>& parts, int tier, const std::string& role, const std::string& condition);

 private:
  void make_tables(std::vector<PublishedTable> tables);

  Topology& topology_;
  std::string name_;
  std::string database_;
  std::vector<std::unique_ptr<Sql>> sessions_;
  std::vector<PublishedTable> tables_;
  int mark_ = 0;
};

// `name`: "tributary", "native", "native-tls-sync", "pglogical", or a native one with "-full" behind it, whose tables
// have REPLICA IDENTITY FULL. Throws where it cannot be had here, saying why.
std::unique_ptr<Way> make_way(const std::string& name, Topology& topology);

}  // namespace tributary::test
