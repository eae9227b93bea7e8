// What the stream has brought and a snapshot may not see yet: a commit can be decoded long before it is visible (a
// synchronous standby that does not answer), and a later one be visible before it. The exclusion rule of a chunk needs
// it (exact-rules.md 7).
//
//   capture ─begin, change, commit─▶ Pending ─window─▶ the chunk's place
//
// Pure. It works only while something is refreshed. After `start` a snapshot A is taken, then an xid X: of all that was
// decoded before, or committed before the stream began, whatever a later snapshot does not see had an xid below X and
// is not seen by A. Those are waited for, unless they are decoded after `start`. (So nothing has to be remembered over
// a restart, or while there is no refresh.) Memory is bounded: of transactions too large only the xid is kept, and a
// chunk that does not see them is read again.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "change/payload.h"
#include "refresh/snapshot.h"

namespace tributary {

// What the transactions that a snapshot does not see did last to a key.
struct WindowKey {
  enum class Last : uint8_t {
    settled,  // a delete, or a whole row: the stream has said everything
    whole,    // a whole row, then single columns: `tuple` is the row
    part,     // single columns of the row that the snapshot shows: `tuple` has the others "unchanged"
  };
  Last last = Last::settled;
  std::string tuple;
};
using Window = std::unordered_map<std::string, WindowKey>;  // by key (change/chunk.h)

// `changes` over `row`, whose columns stay where `changes` says "unchanged". Throws Error(protocol) when the two have
// not the same number of columns.
std::string merged_tuple(std::string_view row, std::string_view changes);

class Pending {
 public:
  struct Limits {
    size_t bytes = 32 << 20;
    size_t keys_per_table = 10'000;  // of one transaction, and of a window
  };
  Pending() : Pending(Limits{}) {}
  explicit Pending(Limits limits) : limits_(limits) {}

  // Begins to remember. A transaction that is open at this moment has to be named with begin(xid, false).
  void start();
  // A and X, both asked for after `start`; before this there is no window. Throws Error(resource) when too many
  // transactions lie between them.
  void set_earlier(const Snapshot& snapshot, uint64_t own_xid);
  void stop();

  // --- from the stream, in its order ---
  // `are_keys_known`: every change of the transaction will be told.
  void begin(uint32_t xid, bool are_keys_known);
  // `key`: places of the key's columns in the tuple.
  void change(uint32_t table, ChangeKind kind, std::string_view tuple, const std::vector<size_t>& key);
  void commit();

  // Forgets what `snapshot` sees: no older one may be asked about any more.
  void prune(const Snapshot& snapshot);

  // Whether a transaction from before `start` may be missing in the stream and in the snapshot.
  bool waits_for_earlier(const Snapshot& snapshot) const;
  // What the decoded transactions that `snapshot` does not see did to the table. nullopt: that is not known, or too
  // much; a chunk with this snapshot has to be read again.
  std::optional<Window> window(uint32_t table, const Snapshot& snapshot) const;

 private:
  struct KeyChange {
    std::string key;
    ChangeKind kind;
    std::string tuple;  // of whole rows and parts
  };
  struct TableChanges {
    std::vector<KeyChange> keys;
    bool is_unknown = false;  // cleared, or too many keys
  };
  struct Transaction {
    uint32_t xid = 0;
    bool are_keys_known = true;
    size_t bytes = 0;
    std::map<uint32_t, TableChanges> tables;
  };
  void forget_keys(Transaction& transaction);

  Limits limits_;
  bool is_on_ = false;
  std::optional<std::vector<uint64_t>> earlier_;
  std::optional<Transaction> open_;
  std::deque<Transaction> committed_;
  size_t bytes_ = 0;
};

}  // namespace tributary
