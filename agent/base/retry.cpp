#include "base/retry.h"

#include <spdlog/spdlog.h>

#include <boost/system/system_error.hpp>

namespace tributary {
namespace {

constexpr int kPersonFactor = 4;  // what a person has to mend is looked at less often

}  // namespace

Clock::duration Backoff::next() {
  const auto ceiling = std::min<Clock::duration>(max_, first_ * (1LL << std::min<uint32_t>(attempts_, 20)));
  ++attempts_;
  std::uniform_int_distribution<Clock::rep> anywhere(ceiling.count() / 10, ceiling.count());
  return Clock::duration(anywhere(random_));
}

Task<> RetryLoop::run(std::function<Task<>()> attempt) const {
  Backoff backoff(first, max, std::random_device{}());
  std::string last_message;
  Clock::time_point last_logged{};
  for (;;) {
    const auto began = Clock::now();
    std::optional<Error> failure;
    try {
      co_await attempt();
    } catch (const Error& error) {
      if (what_now(error.kind()) == WhatNow::exit) throw;
      failure = error;
    } catch (const boost::system::system_error& error) {
      failure = Error(ErrorKind::connection, error.code().message());
    }
    // Cancellation is not a failure: the wait below would throw, but nothing must be reported before.
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
      throw boost::system::system_error(asio::error::operation_aborted);
    const auto now = Clock::now();
    if (now - began > max || (has_progressed && has_progressed())) backoff.reset();
    auto pause = backoff.next();
    if (failure) {
      if (what_now(failure->kind()) == WhatNow::wait_for_person) pause *= kPersonFactor;
      if (report) report(*failure);
      const std::string message = failure->message() + (failure->hint().empty() ? "" : " (" + failure->hint() + ")");
      if (message != last_message || now - last_logged > std::chrono::minutes(10)) {
        spdlog::warn("{}: {}; trying again", what, message);
        last_message = message;
        last_logged = now;
      }
    }
    co_await sleep_for(pause);
  }
}

}  // namespace tributary
