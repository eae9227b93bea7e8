#include "flow/refresh_state.h"

#include "base/clock.h"

namespace tributary {
namespace {

constexpr size_t kDifferencesMax = 10'000;

}  // namespace

std::string RefreshState::begin_verification(VerifyOrder order) {
  if (order_) return "another comparison is under way: `tributary verify --cancel` ends it";
  verification_.Clear();
  differences_.clear();
  verification_.set_state(status::Verification::UNDER_WAY);
  verification_.set_started_at(unix_milliseconds_now());
  verification_.set_repairs(order.repairs);
  for (const std::string& table : order.tables) verification_.add_tables()->set_name(table);
  order_ = std::move(order);
  ++number_;
  parent_.wake();
  return {};
}

bool RefreshState::cancel_verification() {
  if (!order_) return false;
  order_.reset();
  verification_.set_state(status::Verification::CANCELLED);
  verification_.set_finished_at(unix_milliseconds_now());
  parent_.wake();
  return true;
}

void RefreshState::store(uint64_t order, const status::VerifiedTable& table) {
  if (order != order_number()) return;
  for (status::VerifiedTable& known : *verification_.mutable_tables())
    if (known.name() == table.name()) known = table;
}

void RefreshState::end_verification() {
  order_.reset();
  verification_.set_state(status::Verification::FINISHED);
  verification_.set_finished_at(unix_milliseconds_now());
}

void RefreshState::add_difference(status::Difference difference) {
  if (differences_.size() < kDifferencesMax) differences_.push_back(std::move(difference));
}

}  // namespace tributary
