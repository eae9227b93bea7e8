// What a refresh remembers while the agent runs, over runs of capture and sessions with the parent: what the parent
// said, and what a person, or the clock, wants to be compared.
#pragma once

#include <status.pb.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "flow/parent_view.h"

namespace tributary {

// A comparison of tables with the parent's, row by row.
struct VerifyOrder {
  std::vector<std::string> tables;  // "schema.table"
  bool repairs = false;             // what differs is mended
  bool deletes_extra = false;       // also rows that only the parent has, however many they are
};

class RefreshState {
 public:
  ParentView& parent() { return parent_; }

  // Why it cannot be done now, or nothing. A new one replaces the results of the one before.
  std::string begin_verification(VerifyOrder order);
  // What has been compared so far stays in the results. False: there is none.
  bool cancel_verification();
  const std::optional<VerifyOrder>& order() const { return order_; }
  uint64_t order_number() const { return order_ ? number_ : 0; }  // 0: none
  void end_verification();

  const status::Verification& verification() const { return verification_; }
  // What has become of a table, if that order is still the one under way.
  void store(uint64_t order, const status::VerifiedTable& table);
  void add_difference(status::Difference difference);
  const std::vector<status::Difference>& differences() const { return differences_; }

  // Tables that are to be walked although they were (the value: extra rows may go), and such as are to be compared and
  // mended; both by themselves.
  std::map<std::string, bool> to_be_walked;
  std::set<std::string> to_be_compared;

 private:
  ParentView parent_;
  std::optional<VerifyOrder> order_;
  uint64_t number_ = 0;
  status::Verification verification_;
  std::vector<status::Difference> differences_;
};

}  // namespace tributary
