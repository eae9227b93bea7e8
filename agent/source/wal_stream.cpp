#include "source/wal_stream.h"

#include <charconv>
#include <sstream>

#include "base/bytes.h"

namespace tributary {

Task<std::unique_ptr<WalStream>> WalStream::connect(std::string conninfo, std::string application_name) {
  auto connection = co_await Connection::open(std::move(conninfo), Purpose::replication, std::move(application_name));
  co_return std::unique_ptr<WalStream>(new WalStream(std::move(connection)));
}

Task<SystemIdentity> WalStream::identify() {
  const Result row = co_await connection_->query("IDENTIFY_SYSTEM");
  SystemIdentity identity;
  identity.system_identifier = row.text(0, 0);
  identity.timeline = static_cast<uint32_t>(row.integer(0, 1));
  identity.flush_lsn = Lsn::parse(row.value(0, 2));
  co_return identity;
}

Task<std::optional<Lsn>> WalStream::switch_point(uint32_t timeline, uint32_t ancestor) {
  const Result row = co_await connection_->query("TIMELINE_HISTORY " + std::to_string(timeline));
  // Lines "ancestor <tab> switch point <tab> reason"; comments begin with #.
  std::istringstream lines(row.text(0, 1));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    uint32_t number = 0;
    std::string lsn;
    if (fields >> number >> lsn && number == ancestor) co_return Lsn::parse(lsn);
  }
  co_return std::nullopt;
}

Task<Lsn> WalStream::create_slot(std::string slot) {
  const Result row = co_await connection_->query("CREATE_REPLICATION_SLOT " + quote_name(slot) +
                                                 " LOGICAL pgoutput (SNAPSHOT 'nothing')");
  co_return Lsn::parse(row.value(0, 1));
}

Task<> WalStream::drop_slot(std::string slot) {
  co_await connection_->query("DROP_REPLICATION_SLOT " + quote_name(slot) + " WAIT");
}

Task<> WalStream::start(std::string slot, std::string publication) {
  // 0/0: at the slot's own position. A lower one would be forwarded silently, a higher one would skip silently.
  co_await connection_->start_copy_both("START_REPLICATION SLOT " + quote_name(slot) +
                                        " LOGICAL 0/0 (proto_version '1', messages 'true', publication_names " +
                                        quote_literal(quote_name(publication)) + ")");
}

Task<> WalStream::confirm(std::string slot, std::string publication, Lsn durable) {
  co_await start(std::move(slot), std::move(publication));
  co_await send_status(durable, durable);
  co_await connection_->end_copy_both();
}

std::optional<WalMessage> WalStream::next() {
  bool ended = false;
  const auto bytes = connection_->next_copy_data(ended);
  if (ended) throw Error(ErrorKind::connection, "PostgreSQL ended the replication stream");
  if (!bytes) return std::nullopt;
  ByteReader in(*bytes);
  WalMessage message;
  switch (in.u8()) {
    case 'w':
      in.skip(8);
      message.end = {in.u64()};
      in.skip(8);
      message.content = in.bytes(in.remaining());
      return message;
    case 'k':
      message.is_keepalive = true;
      message.end = {in.u64()};
      in.skip(8);
      message.is_reply_requested = in.u8() != 0;
      return message;
    default: throw Error(ErrorKind::protocol, "unknown message in the replication stream");
  }
}

Task<> WalStream::send_status(Lsn received, Lsn durable) {
  std::string status = "r";
  put_u64(status, received.value);
  put_u64(status, durable.value);
  put_u64(status, durable.value);
  const auto since_2000 = std::chrono::system_clock::now().time_since_epoch() - std::chrono::seconds(946'684'800);
  put_u64(status, static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since_2000).count()));
  put_u8(status, 0);
  co_await connection_->send_copy_data(status);
}

}  // namespace tributary
