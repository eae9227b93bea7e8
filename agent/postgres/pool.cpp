#include "postgres/pool.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/system/system_error.hpp>

namespace tributary {

ConnectionPool::ConnectionPool(std::string conninfo, std::string application_name, uint32_t connections_max)
    : conninfo_(std::move(conninfo)),
      application_name_(std::move(application_name)),
      connections_max_(connections_max),
      free_(connections_max) {}

void ConnectionPool::resize(uint32_t connections_max) {
  while (connections_max_ > connections_max) {
    --connections_max_;
    --free_;
    if (!idle_.empty()) idle_.pop_back();
  }
  for (; connections_max_ < connections_max; ++connections_max_) release();
}

ConnectionPool::Lease::Lease(ConnectionPool* pool, std::unique_ptr<Connection> connection)
    : pool_(pool), connection_(std::move(connection)) {}

// One that failed makes those that wait suspect: after a restart of the server all of them are dead, and each would
// cost its next user an attempt.
ConnectionPool::Lease::~Lease() {
  if (connection_) pool_->idle_.clear();
}

void ConnectionPool::Lease::give_back() {
  if (connection_ && !connection_->in_transaction() && pool_->free_ >= 0)
    pool_->idle_.push_back(std::move(connection_));
  connection_.reset();
  pool_.reset();
}

void ConnectionPool::release() {
  if (waiting_.empty() || free_ < 0) {
    ++free_;
    return;
  }
  waiting_.front()->is_granted = true;
  waiting_.front()->timer.cancel();
  waiting_.pop_front();
}

Task<ConnectionPool::Lease> ConnectionPool::acquire() {
  if (free_ > 0) {
    --free_;
  } else {
    Waiter waiter{asio::steady_timer(co_await asio::this_coro::executor, Clock::time_point::max())};
    waiting_.push_back(&waiter);
    co_await waiter.timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!waiter.is_granted) {
      std::erase(waiting_, &waiter);
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }
  // From here the place is ours: the lease gives it up on every way out.
  Lease lease(this, nullptr);
  if (!idle_.empty()) {
    lease.connection_ = std::move(idle_.back());
    idle_.pop_back();
  } else {
    lease.connection_ = co_await Connection::open(conninfo_, Purpose::apply, application_name_);
  }
  co_return lease;
}

}  // namespace tributary
