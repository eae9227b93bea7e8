#include "flow/refresh_state.h"

#include <memory.pb.h>

#include <algorithm>

namespace tributary {
namespace {

constexpr size_t kDifferencesMax = 10'000;

}  // namespace

std::string RefreshState::begin_verification(VerifyOrder order) {
  if (!is_recalled_) return "the queue is not open yet: `tributary status` says why, if it stays so";
  if (order_) return "another comparison is under way: `tributary verify --cancel` ends it";
  verification_.Clear();
  differences_.clear();
  place_.reset();
  ordered_walks_.clear();
  verification_.set_state(status::Verification::UNDER_WAY);
  verification_.set_started_at(now_());
  verification_.set_repairs(order.repairs);
  for (const std::string& table : order.tables) {
    verification_.add_tables()->set_name(table);
    if (order.repairs) cancelled_walks_.erase(table);
  }
  order_ = std::move(order);
  ++number_;
  note_wish();
  parent_.wake();
  return {};
}

bool RefreshState::cancel_verification() {
  if (!order_) return false;
  for (const std::string& table : ordered_walks_) {
    to_be_walked_.erase(table);
    cancelled_walks_[table] = {parent_.at().stream, std::nullopt};
  }
  ordered_walks_.clear();
  if (order_->is_of_all) regular_since_ = now_();
  order_.reset();
  place_.reset();
  verification_.set_state(status::Verification::CANCELLED);
  verification_.set_finished_at(now_());
  note_wish();
  parent_.wake();
  return true;
}

void RefreshState::store(uint64_t order, const status::VerifiedTable& table, std::optional<ComparedPlace> place) {
  if (order == 0 || order != order_number()) return;
  for (status::VerifiedTable& known : *verification_.mutable_tables())
    if (known.name() == table.name()) known = table;
  place_ = std::move(place);
  ++version_;
  if (table.is_finished()) verified_[table.name()] = table;
}

void RefreshState::end_verification() {
  if (order_->is_of_all) regular_since_ = now_();
  order_.reset();
  place_.reset();
  ordered_walks_.clear();
  verification_.set_state(status::Verification::FINISHED);
  verification_.set_finished_at(now_());
  note_wish();
}

void RefreshState::add_difference(status::Difference difference) {
  if (differences_.size() < kDifferencesMax) differences_.push_back(std::move(difference));
}

void RefreshState::set_columns(const status::Difference& difference,
                               const std::vector<status::DifferentColumn>& columns) {
  for (status::Difference& known : differences_) {
    const bool is_it =
        known.table() == difference.table() &&
        std::equal(known.key().begin(), known.key().end(), difference.key().begin(), difference.key().end());
    if (!is_it) continue;
    known.clear_columns();
    for (const status::DifferentColumn& column : columns) *known.add_columns() = column;
  }
}

void RefreshState::forget_differences(const std::string& table) {
  std::erase_if(differences_, [&](const status::Difference& difference) { return difference.table() == table; });
}

void RefreshState::want_walk(const std::string& table, bool may_delete_extra, bool by_order) {
  to_be_walked_[table] |= may_delete_extra;
  if (by_order) ordered_walks_.insert(table);
  note_wish();
}

std::optional<bool> RefreshState::wanted_walk(const std::string& table) const {
  const auto found = to_be_walked_.find(table);
  return found == to_be_walked_.end() ? std::nullopt : std::optional(found->second);
}

void RefreshState::forget_walk(const std::string& table) {
  if (to_be_walked_.erase(table) > 0) note_wish();
}

void RefreshState::want_comparison(const std::string& table) {
  if (to_be_compared_.insert(table).second) note_wish();
}

void RefreshState::forget_comparison(const std::string& table) {
  if (to_be_compared_.erase(table) > 0) note_wish();
}

bool RefreshState::is_walk_cancelled(const std::string& table) const {
  const auto found = cancelled_walks_.find(table);
  if (found == cancelled_walks_.end() || found->second.stream != parent_.at().stream) return false;
  return !found->second.walked_to || *found->second.walked_to == parent_.table(table).walked_to;
}

bool RefreshState::has_unsettled_walks() const {
  return std::any_of(cancelled_walks_.begin(), cancelled_walks_.end(),
                     [](const auto& walk) { return !walk.second.walked_to; });
}

void RefreshState::settle_cancelled_walks() {
  if (!has_unsettled_walks()) return;
  for (auto& [table, walk] : cancelled_walks_)
    if (!walk.walked_to) walk.walked_to = parent_.table(table).walked_to;
  std::erase_if(cancelled_walks_, [&](const auto& walk) {
    return walk.second.stream != parent_.at().stream || parent_.table(walk.first).is_complete;
  });
  note_wish();
}

void RefreshState::recall(const std::string& bytes) {
  is_recalled_ = true;
  memory::Refresh memory;
  if (!memory.ParseFromString(bytes)) memory.Clear();
  verification_ = memory.verification();
  for (const status::VerifiedTable& table : memory.verified()) verified_[table.name()] = table;
  if (memory.has_order()) {
    VerifyOrder order;
    order.tables.assign(memory.order().tables().begin(), memory.order().tables().end());
    order.repairs = memory.order().repairs();
    order.deletes_extra = memory.order().deletes_extra();
    order.is_of_all = memory.order().is_of_all();
    order_ = std::move(order);
    ++number_;
  }
  if (memory.has_place())
    place_ = ComparedPlace{memory.place().table(), memory.place().shape_id(), memory.place().after()};
  differences_.assign(memory.differences().begin(), memory.differences().end());
  for (const auto& [table, may_delete_extra] : memory.to_be_walked()) to_be_walked_[table] |= may_delete_extra;
  to_be_compared_.insert(memory.to_be_compared().begin(), memory.to_be_compared().end());
  ordered_walks_.insert(memory.ordered_walks().begin(), memory.ordered_walks().end());
  for (const auto& [table, walk] : memory.cancelled_walks()) {
    if (walk.stream().size() != 16) continue;
    CancelledWalk& cancelled = cancelled_walks_[table];
    cancelled.stream = Uuid::from_bytes(walk.stream());
    if (walk.is_settled()) cancelled.walked_to = walk.walked_to();
  }
  regular_since_ = memory.regular_since();
  if (regular_since_ == 0 || regular_since_ > now_()) {  // the first start; or the clock was set back
    regular_since_ = now_();
    note_wish();
  }
  parent_.wake();
}

std::string RefreshState::memory() const {
  memory::Refresh memory;
  if (order_) {
    for (const std::string& table : order_->tables) memory.mutable_order()->add_tables(table);
    memory.mutable_order()->set_repairs(order_->repairs);
    memory.mutable_order()->set_deletes_extra(order_->deletes_extra);
    memory.mutable_order()->set_is_of_all(order_->is_of_all);
  }
  *memory.mutable_verification() = verification_;
  for (const auto& [name, table] : verified_) *memory.add_verified() = table;
  if (place_) {
    memory.mutable_place()->set_table(place_->table);
    memory.mutable_place()->set_shape_id(place_->shape_id);
    memory.mutable_place()->set_after(place_->after);
  }
  for (const status::Difference& difference : differences_) {
    *memory.add_differences() = difference;
    memory.mutable_differences()->rbegin()->clear_columns();
  }
  memory.mutable_to_be_walked()->insert(to_be_walked_.begin(), to_be_walked_.end());
  for (const std::string& table : ordered_walks_) memory.add_ordered_walks(table);
  for (const std::string& table : to_be_compared_) memory.add_to_be_compared(table);
  for (const auto& [table, walk] : cancelled_walks_) {
    memory::CancelledWalk& cancelled = (*memory.mutable_cancelled_walks())[table];
    cancelled.set_stream(walk.stream.to_bytes());
    cancelled.set_walked_to(walk.walked_to.value_or(""));
    cancelled.set_is_settled(walk.walked_to.has_value());
  }
  memory.set_regular_since(regular_since_);
  return memory.SerializeAsString();
}

}  // namespace tributary
