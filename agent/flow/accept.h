// The accept corridor: children to PostgreSQL.
//
//   child ══TLS══▶ intake session ─▶ lane ─▶ PostgreSQL       and back: what is committed is acknowledged
//
// Every child has a session and a lane of its own; a slow, held or lying child keeps nobody else waiting. A session
// goes on with the configuration that it began with; where a new one concerns its child, it is ended and the child told
// why.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/signal.h"
#include "base/task.h"
#include "config/config.h"
#include "flow/tier_watch.h"
#include "monitor/status_board.h"

namespace tributary {

// The lanes of the children that are connected, as far as others need them.
class ChildWalks {
 public:
  // Has the child walk a table from its beginning; false: it is not connected.
  bool begin(const std::string& child, const std::string& table, bool may_delete_extra) const {
    return begin_ && begin_(child, table, may_delete_extra);
  }

  // Names a child of which rows of the table may be missing here that it has, and that were here or elsewhere before;
  // "": all that children send of it is here. A child that has not been here since the agent began counts as one.
  std::string awaited_child(const std::string& table) const {
    return awaited_child_ ? awaited_child_(table) : "every child, since the intake does not run";
  }

  using Begin = std::function<bool(const std::string&, const std::string&, bool)>;
  using AwaitedChild = std::function<std::string(const std::string&)>;
  void set(Begin begin, AwaitedChild awaited_child) {
    begin_ = std::move(begin);
    awaited_child_ = std::move(awaited_child);
  }

 private:
  Begin begin_;
  AwaitedChild awaited_child_;
};

// What is said to the person who asked.
struct ResyncAnswer {
  bool is_begun = false;
  std::string words;
};
// Has a child refresh a table here from its beginning, now or when it connects; at the end, what the child does not
// have is deleted, if `may_delete_extra`, however many rows that are. It is written down in the database first: a
// restart of the agent forgets nothing.
Task<ResyncAnswer> resync_child(const Config& config, const ChildWalks& walks, std::string child, std::string table,
                                bool may_delete_extra);

// What a person pauses and resumes of them: a child's stream, which is not applied meanwhile.
class ChildPauses {
 public:
  // Since when the child is paused, Unix time in milliseconds; 0: it is not. Throws where the database cannot be asked.
  Task<int64_t> since(std::string child) { return of(since_, std::move(child)); }
  // Return when it is in the database, and true for the lanes; they do nothing where there is nothing to do.
  Task<int64_t> pause(std::string child) { return of(pause_, std::move(child)); }
  Task<int64_t> resume(std::string child) { return of(resume_, std::move(child)); }

  using Function = std::function<Task<int64_t>(std::string)>;
  void set(Function since, Function pause, Function resume) {
    since_ = std::move(since);
    pause_ = std::move(pause);
    resume_ = std::move(resume);
  }

 private:
  static Task<int64_t> of(const Function& function, std::string child) {
    if (!function) throw Error(ErrorKind::resource, "the intake does not run", "`tributary status` says why");
    return function(std::move(child));
  }
  Function since_, pause_, resume_;
};

// What the sessions have in common with the rest of the agent.
struct IntakeState {
  ChildWalks& walks;
  ChildPauses& pauses;
  TierState& tiers;  // gets what is applied
};

// Listens and serves until cancelled or until listening fails (Error(setup) when the address is taken).
// `walks` and `pauses` answer meanwhile. `reloaded` says that `in_force` is another one now.
Task<> accept_children(const std::shared_ptr<const Config>& in_force, Signal& reloaded, StatusBoard& board,
                       IntakeState state);

}  // namespace tributary
