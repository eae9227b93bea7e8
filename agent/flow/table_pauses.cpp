#include "flow/table_pauses.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/failpoint.h"
#include "base/retry.h"
#include "change/digest.h"
#include "source/catalogue.h"

namespace tributary {
namespace {

constexpr auto kStoredPause = std::chrono::milliseconds(20);
constexpr char kSubject[] = "resume";

// Of one row with a hash that no row has: nothing is equal to it.
std::string digest_of_no_table() {
  DigestView digest;
  digest.ranges.emplace_back().sum.rows = 1;
  return encode_digest(digest);
}

}  // namespace

TablePauses::TablePauses(const Config& config, Queue& queue, Worker& queue_writer, StatusBoard& board, Pauses& pauses,
                         Assembler& assembler, Placer& placer, const asio::any_io_executor& executor)
    : config_(config),
      queue_(queue),
      queue_writer_(queue_writer),
      board_(board),
      pauses_(pauses),
      assembler_(assembler),
      placer_(placer),
      placed_(executor) {
  assembler_.leave_out(pauses_.tables());
}

Task<> TablePauses::run() {
  const RetryLoop loop{.what = kSubject, .report = [this](const Error& error) {
                         board_.set_notice(kSubject, status::ATTENTION, error.message(), error.hint());
                       }};
  co_await loop.run([this] { return attempt(); });
}

Task<> TablePauses::attempt() {
  ending_.reset();
  for (;;) {
    assembler_.leave_out(pauses_.tables());
    if (const auto table = next_to_end())
      co_await end(*table);
    else
      co_await pauses_.for_capture().wait();
    board_.clear_notice(kSubject);
  }
}

std::optional<std::string> TablePauses::next_to_end() const {
  for (const std::string& table : pauses_.tables())
    if (pauses_.is_ending(table)) return table;
  return std::nullopt;
}

Task<> TablePauses::end(std::string table) {
  const auto session = co_await Connection::open(config_.database.connection, Purpose::session,
                                                 "tributary " + config_.node.name + " " + kSubject);
  const std::vector<SourceTable> tables = co_await read_replication_set(*session, config_);
  const auto found = std::find_if(tables.begin(), tables.end(),
                                  [&](const SourceTable& sent) { return sent.relation.full_name() == table; });
  // One that is sent no longer: if it is again, a new stream begins with it.
  if (found == tables.end()) co_return co_await forget(table);
  require_fit(*found);
  ending_ = Ending{table, found->sent_relation(), nonce_ + " resume " + std::to_string(++last_number_), false, {}};
  failpoint("before_resume_mark");
  co_await session->query("SET synchronous_commit = local");
  co_await session->query("SELECT pg_logical_emit_message(true, " + quote_literal(kMarkPrefix) + ", " +
                          quote_literal(ending_->content) + ")");
  while (!ending_->seq && pauses_.is_ending(table)) co_await placed_.wait_for(kStoredPause);
  if (!ending_->seq) co_return;  // paused anew meanwhile
  const Position place = assembler_.head();
  while (queue_.head().stream != place.stream || queue_.head().seq < *ending_->seq) co_await sleep_for(kStoredPause);
  failpoint("after_resume_stored");
  co_await forget(table);
  spdlog::info("capture: {} is in the stream again", table);
}

Task<> TablePauses::forget(std::string table) {
  if (!pauses_.is_ending(table)) co_return;  // paused anew meanwhile
  const auto without = [&] {
    Pauses::All all = pauses_.all();
    all.tables.erase(table);
    return all;
  };
  const std::string memory = without().memory();
  co_await queue_writer_.run([&] { queue_.store_note(kPausesNote, memory); });
  if (pauses_.is_ending(table)) pauses_.set(without());
}

void TablePauses::message(const LogicalMessage& message) {
  if (!ending_ || ending_->seq || assembler_.is_skipping() || !message.is_transactional ||
      message.prefix != kMarkPrefix || message.content != ending_->content || !pauses_.is_ending(ending_->table))
    return;
  assembler_.take_in(ending_->table);
  // Of what was left out, the refresh knows nothing: it begins behind this place.
  placer_.stop();
  assembler_.refresh(ChangeKind::digest, ending_->relation, digest_of_no_table(), 0);
  ending_->is_at_hand = true;
}

void TablePauses::commit() {
  if (!ending_ || !ending_->is_at_hand) return;
  ending_->is_at_hand = false;
  ending_->seq = assembler_.head().seq;
  placed_.notify();
}

}  // namespace tributary
