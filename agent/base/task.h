// Coroutines on one io_context: the vocabulary that the corridors are written in.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <optional>

#include "base/error.h"

namespace tributary {

namespace asio = boost::asio;

template <typename T = void>
using Task = asio::awaitable<T>;

using Clock = std::chrono::steady_clock;

inline Task<> sleep_for(Clock::duration duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(asio::use_awaitable);
}

// Runs all tasks until one of them ends, by return or by exception; cancels the others, waits for them to end, and
// rethrows the failure of the one that ended first. (Asio's `a || b` waits for the first *success* instead.)
template <typename... Tasks>
Task<> until_one_ends(Tasks... tasks) {
  auto executor = co_await asio::this_coro::executor;
  constexpr size_t kCount = sizeof...(Tasks);
  auto group = asio::experimental::make_parallel_group(asio::co_spawn(executor, std::move(tasks), asio::deferred)...);
  auto results = co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  const auto& order = std::get<0>(results);
  std::exception_ptr failures[kCount];
  [&]<size_t... Is>(std::index_sequence<Is...>) {
    ((failures[Is] = std::get<Is + 1>(results)), ...);
  }
  (std::make_index_sequence<kCount>{});
  if (failures[order[0]]) std::rethrow_exception(failures[order[0]]);
}

namespace detail {
template <typename T>
Task<> store_result(Task<T> task, std::optional<T>& out) {
  out.emplace(co_await std::move(task));
}
inline Task<> run_and_mark(Task<> task, bool& done) {
  co_await std::move(task);
  done = true;
}
}  // namespace detail

// Awaits `task`; when it takes longer than `limit`, it is cancelled and Error(connection, what + " took too long")
// thrown.
template <typename T>
Task<T> with_deadline(Clock::duration limit, std::string what, Task<T> task) {
  if constexpr (std::is_void_v<T>) {
    bool done = false;
    co_await until_one_ends(detail::run_and_mark(std::move(task), done), sleep_for(limit));
    if (!done) throw Error(ErrorKind::connection, what + " took too long");
  } else {
    std::optional<T> result;
    co_await until_one_ends(detail::store_result(std::move(task), result), sleep_for(limit));
    if (!result) throw Error(ErrorKind::connection, what + " took too long");
    co_return std::move(*result);
  }
}

}  // namespace tributary
