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
constexpr auto kLookPause = std::chrono::seconds(5);
constexpr char kSubject[] = "resume";

// Of one row with a hash that no row has: nothing is equal to it.
std::string digest_of_no_table() {
  DigestView digest;
  digest.ranges.emplace_back().sum.rows = 1;
  return encode_digest(digest);
}

}  // namespace

TablePauses::TablePauses(const Config& config, Queue& queue, StatusBoard& board, Pauses& pauses, Assembler& assembler,
                         Placer& placer, const asio::any_io_executor& executor)
    : config_(config),
      queue_(queue),
      board_(board),
      pauses_(pauses),
      assembler_(assembler),
      placer_(placer),
      changed_(executor),
      placed_(executor) {
  leave_out();
}

Task<> TablePauses::run() {
  co_await until_one_ends(follow(), end_all());
}

Task<> TablePauses::follow() {
  for (;;) {
    co_await pauses_.for_capture().wait();
    leave_out();
    changed_.notify();
    placed_.notify();
  }
}

Task<> TablePauses::end_all() {
  const RetryLoop loop{.what = kSubject, .report = [this](const Error& error) {
                         board_.set_notice(kSubject, status::ATTENTION, error.message(), error.hint());
                       }};
  co_await loop.run([this] { return attempt(); });
}

Task<> TablePauses::attempt() {
  ending_.reset();
  leave_out();
  for (;;) {
    if (const auto table = next_to_end()) {
      co_await end(*table, pauses_.all().tables.at(*table).since);
      ending_.reset();
    } else {
      co_await changed_.wait_for(unfit_.empty() ? Clock::duration::max() / 4 : kLookPause);
    }
    std::erase_if(unfit_, [&](const auto& unfit) { return !pauses_.is_ending(unfit.first); });
    if (unfit_.empty()) board_.clear_notice(kSubject);
  }
}

// The one that is about to end is in the stream from its mark on, and stands in the pauses until that is stored.
void TablePauses::leave_out() {
  std::set<std::string> tables = pauses_.tables();
  if (ending_ && ending_->is_taken_in && is_in_force(*ending_)) tables.erase(ending_->table);
  assembler_.leave_out(std::move(tables));
}

// Otherwise the table was paused anew meanwhile.
bool TablePauses::is_in_force(const Ending& ending) const {
  return pauses_.all().is_ending(ending.table, ending.since);
}

std::optional<std::string> TablePauses::next_to_end() const {
  for (const std::string& table : pauses_.tables()) {
    const auto unfit = unfit_.find(table);
    if (pauses_.is_ending(table) && (unfit == unfit_.end() || unfit->second <= Clock::now())) return table;
  }
  return std::nullopt;
}

Task<> TablePauses::end(std::string table, int64_t since) {
  const auto session = co_await Connection::open(config_.database.connection, Purpose::session,
                                                 "tributary " + config_.node.name + " " + kSubject);
  const std::vector<SourceTable> tables = co_await read_replication_set(*session, config_);
  const auto found = std::find_if(tables.begin(), tables.end(),
                                  [&](const SourceTable& sent) { return sent.relation.full_name() == table; });
  // One that is sent no longer: if it is again, a new stream begins with it.
  if (found == tables.end()) co_return co_await forget(table, since, std::nullopt);
  if (const auto& trouble = found->trouble; !trouble.message.empty()) {
    unfit_[table] = Clock::now() + kLookPause;
    board_.set_notice(kSubject, status::ATTENTION, trouble.message, trouble.hint);
    co_return;
  }
  unfit_.erase(table);
  ending_ = Ending{table, since, found->sent_relation(), nonce_ + " resume " + std::to_string(++last_number_), {}, {}};
  failpoint("before_resume_mark");
  co_await session->query("SET synchronous_commit = local");
  co_await session->query("SELECT pg_logical_emit_message(true, " + quote_literal(kMarkPrefix) + ", " +
                          quote_literal(ending_->content) + ")");
  while (!ending_->seq && is_in_force(*ending_)) co_await placed_.wait_for(kStoredPause);
  if (!ending_->seq) co_return;
  const StreamPlace place{assembler_.head().stream, *ending_->seq};
  while (queue_.head().stream != place.stream || queue_.head().seq < place.seq) co_await sleep_for(kStoredPause);
  failpoint("after_resume_stored");
  co_await forget(table, since, place);
  spdlog::info("capture: {} is in the stream again", table);
}

Task<> TablePauses::forget(std::string table, int64_t since, std::optional<StreamPlace> place) {
  const auto change = [&](Pauses::All& all) { all.end(table, since, place); };
  co_await pauses_.change(change);
}

void TablePauses::message(const LogicalMessage& message) {
  if (!ending_ || ending_->is_taken_in || assembler_.is_skipping() || !message.is_transactional ||
      message.prefix != kMarkPrefix || message.content != ending_->content || !is_in_force(*ending_))
    return;
  assembler_.take_in(ending_->table);
  // Of what was left out, the refresh knows nothing: it begins behind this place.
  placer_.stop();
  assembler_.refresh(ChangeKind::digest, ending_->relation, digest_of_no_table(), 0);
  ending_->is_taken_in = true;
}

void TablePauses::commit() {
  if (!ending_ || !ending_->is_taken_in || ending_->seq) return;
  ending_->seq = assembler_.head().seq;
  placed_.notify();
}

}  // namespace tributary
