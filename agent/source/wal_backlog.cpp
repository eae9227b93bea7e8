#include "source/wal_backlog.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace tributary {
namespace {

constexpr uint64_t kWorthwhileBytes = 4 << 20;  // less is streamed
// While a stretch is decoded nothing comes: 0.03 s for 8 MiB, 0.7 s for the longest, and a fifth of that for what is
// read again. Decoding takes less than a third of the time of delivery, so a stretch comes before the one before it is
// delivered.
constexpr uint64_t kFirstStretchBytes = 8 << 20;
constexpr uint64_t kStretchBytesMax = 216 << 20;
constexpr uint64_t kStretchGrowth = 3;
constexpr uint64_t kFarBehindBytes = 32 << 20;
// PostgreSQL reads again what lies between restart_lsn and the stretch, and so does a stream that begins there; that
// costs a fifth of decoding it. Where a stretch has more than so many times its size before it, the stream is cheaper.
constexpr uint64_t kReadAgainMax = 10;
constexpr uint64_t kDecodedBytesMax = 512 << 20;  // of the log, from where PostgreSQL begins to read
constexpr size_t kSignatureBytes = 11;
constexpr uint16_t kNoMoreRows = 0xffff;

uint64_t read_again(const SlotPlace& place) {
  return place.confirmed.value - std::min(place.restart, place.confirmed).value;
}

}  // namespace

Task<SlotPlace> read_slot_place(Connection& session, std::string slot) {
  const Result row = co_await session.execute(
      "SELECT active, restart_lsn, confirmed_flush_lsn, pg_catalog.pg_current_wal_flush_lsn()"
      " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND restart_lsn IS NOT NULL",
      {slot});
  if (row.rows() != 1) throw Error(ErrorKind::connection, "the replication slot " + slot + " is gone");
  co_return SlotPlace{row.boolean(0, 0), Lsn::parse(row.value(0, 1)), Lsn::parse(row.value(0, 2)),
                      Lsn::parse(row.value(0, 3))};
}

std::optional<Lsn> end_of_next_stretch(const SlotPlace& place, int stretches) {
  const uint64_t least = std::max(kWorthwhileBytes, read_again(place) / kReadAgainMax);
  uint64_t stretch = kFirstStretchBytes;
  for (; stretches > 0 && stretch < kStretchBytesMax; --stretches) stretch *= kStretchGrowth;
  stretch = std::min(std::max(stretch, least), kStretchBytesMax);
  const uint64_t end_max = std::min(place.log_end.value, place.restart.value + kDecodedBytesMax);
  const uint64_t end = std::min(place.confirmed.value + stretch, end_max);
  if (end < place.confirmed.value + least) return std::nullopt;
  return Lsn{end};
}

bool is_far_behind(const SlotPlace& place) {
  return place.log_end.value > place.confirmed.value + std::max(kFarBehindBytes, read_again(place));
}

Task<std::unique_ptr<WalBacklog>> WalBacklog::connect(std::string conninfo, std::string application_name,
                                                      std::string slot, std::string publication) {
  auto connection = co_await Connection::open(std::move(conninfo), Purpose::session, std::move(application_name));
  co_return std::unique_ptr<WalBacklog>(new WalBacklog(std::move(connection), std::move(slot), std::move(publication)));
}

Task<> WalBacklog::begin_stretch(Lsn end) {
  is_header_read_ = has_ended_ = false;
  co_await connection_->start_copy_out("COPY (SELECT data FROM pg_catalog.pg_logical_slot_peek_binary_changes(" +
                                       quote_literal(slot_) + ", " + quote_literal(end.to_string()) +
                                       ", NULL, 'proto_version', '1', 'messages', 'true', 'publication_names', " +
                                       quote_literal(quote_name(publication_)) + ")) TO STDOUT (FORMAT binary)");
  while (!received_ && !has_ended_) {
    received_ = connection_->next_copy_data(has_ended_);
    if (!received_ && !has_ended_) co_await connection_->wait_for_input();
  }
}

std::optional<std::string_view> WalBacklog::next() {
  while (!has_ended_) {
    const auto row = received_ ? std::exchange(received_, std::nullopt) : connection_->next_copy_data(has_ended_);
    if (!row) break;
    if (const auto message = message_in(*row)) return message;
  }
  return std::nullopt;
}

std::optional<std::string_view> WalBacklog::message_in(std::string_view row) {
  ByteReader in(row);
  if (!is_header_read_) {
    in.skip(kSignatureBytes + 4);
    in.skip(in.u32());
    is_header_read_ = true;
  }
  const uint16_t columns = in.u16();
  if (columns == kNoMoreRows) return std::nullopt;
  if (columns != 1) throw Error(ErrorKind::protocol, "a row of the backlog does not have one column");
  return in.bytes(in.u32());
}

}  // namespace tributary
