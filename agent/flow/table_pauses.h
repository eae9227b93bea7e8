// Tables whose changes a person keeps from the parent for a while, `tributary pause TABLE`: from one exact place of the
// stream to another.
//
//   Pauses ─▶ TablePauses ─▶ assembler: leave out          mark ─▶ PostgreSQL ══stream══▶ capture ─▶ message, commit
//
// A pause is in the queue before the first change is left out. At its end a mark is committed at the source; where it
// comes out of the stream, the table is in it again, behind a digest that no table has: the parent's walk through the
// table is taken back to its beginning there. So the refresh compares all of it, and single columns of a row that the
// walk has not come to are left out: what the row missed is in nobody's way. Only when that is in the queue, the pause
// is taken out of it; killed before, it all happens again, at a later place.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/signal.h"
#include "config/config.h"
#include "flow/pauses.h"
#include "flow/placer.h"
#include "monitor/status_board.h"
#include "queue/queue.h"
#include "source/assembler.h"

namespace tributary {

class TablePauses {
 public:
  // `pauses` are known.
  TablePauses(const Config& config, Queue& queue, StatusBoard& board, Pauses& pauses, Assembler& assembler,
              Placer& placer, const asio::any_io_executor& executor);

  // Never returns. A failure of its own is shown, and tried again; a table that is held at the source keeps no other
  // one waiting.
  Task<> run();

  // --- from capture, in the order of the stream, after the assembler was told ---
  void message(const LogicalMessage& message);
  void commit();

 private:
  struct Ending {
    std::string table;
    int64_t since = 0;  // of its pause
    Relation relation;
    std::string content;          // of its mark
    bool is_taken_in = false;     // its mark came
    std::optional<uint64_t> seq;  // of its place, when that is behind
  };
  Task<> follow();
  Task<> end_all();
  Task<> attempt();
  void leave_out();
  bool is_in_force(const Ending& ending) const;
  std::optional<std::string> next_to_end() const;
  Task<> end(std::string table, int64_t since);
  Task<> forget(std::string table, int64_t since, std::optional<StreamPlace> place);

  const Config& config_;
  Queue& queue_;
  StatusBoard& board_;
  Pauses& pauses_;
  Assembler& assembler_;
  Placer& placer_;
  const std::string nonce_ = Uuid::random().to_string();
  uint64_t last_number_ = 0;
  std::optional<Ending> ending_;
  std::map<std::string, Clock::time_point> unfit_;  // tables that cannot end yet, and when to look again
  Signal changed_;                                  // what is paused
  Signal placed_;
};

}  // namespace tributary
