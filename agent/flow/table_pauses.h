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

#include <optional>
#include <string>

#include "base/signal.h"
#include "base/worker.h"
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
  TablePauses(const Config& config, Queue& queue, Worker& queue_writer, StatusBoard& board, Pauses& pauses,
              Assembler& assembler, Placer& placer, const asio::any_io_executor& executor);

  // Never returns. A failure of its own is shown, and tried again.
  Task<> run();

  // --- from capture, in the order of the stream, after the assembler was told ---
  void message(const LogicalMessage& message);
  void commit();

 private:
  struct Ending {
    std::string table;
    Relation relation;
    std::string content;  // of its mark
    bool is_at_hand = false;
    std::optional<uint64_t> seq;  // of its place
  };
  Task<> attempt();
  std::optional<std::string> next_to_end() const;
  Task<> end(std::string table);
  Task<> forget(std::string table);

  const Config& config_;
  Queue& queue_;
  Worker& queue_writer_;
  StatusBoard& board_;
  Pauses& pauses_;
  Assembler& assembler_;
  Placer& placer_;
  const std::string nonce_ = Uuid::random().to_string();
  uint64_t last_number_ = 0;
  std::optional<Ending> ending_;
  Signal placed_;
};

}  // namespace tributary
