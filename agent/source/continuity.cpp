#include "source/continuity.h"

#include <algorithm>

namespace tributary {

std::string reason_for_new_stream(const QueueFacts& queue, const SourceFacts& source) {
  if (queue.stream.is_nil())
    return source.stream_row ? "the queue was lost or is new: it knows no stream" : "first start";
  if (!queue.break_reason.empty()) return queue.break_reason;
  if (queue.system_identifier != source.system_identifier)
    return "the database is another PostgreSQL cluster than the queue's";
  if (!source.stream_row) return "the database does not know this stream: it was restored, or re-created";
  if (source.stream_row->stream != queue.stream)
    return "the database knows another stream: it or the queue was restored or cloned";
  if (std::find(queue.nonces.begin(), queue.nonces.end(), source.stream_row->nonce) == queue.nonces.end())
    return "the database and the queue are not of the same moment: one of them was restored or cloned";
  if (!source.slot) return "the replication slot is gone";
  if (source.slot->is_lost) return "PostgreSQL removed WAL that the slot still needed (max_slot_wal_keep_size)";
  if (source.timeline != queue.timeline) {
    if (!source.switch_point) return "the database follows a history that does not include the queue's";
    if (*source.switch_point < queue.last_end_lsn) return "a failover lost transactions that were already captured";
  }
  const Lsn history_end = source.switch_point ? std::min(source.flush_lsn, *source.switch_point) : source.flush_lsn;
  if (source.slot->confirmed_flush > history_end) return "the slot is ahead of the history that the queue knows";
  if (source.flush_lsn < queue.last_end_lsn) return "the database's WAL ends before the last captured transaction";
  if (source.slot->confirmed_flush > queue.confirm_lsn)
    return "the slot is ahead of the queue: the queue lost its last transactions";
  return {};
}

}  // namespace tributary
