// Several equal tasks at once: how the status servers bound their connections. Each task accepts a connection, serves
// it, and accepts the next one; further clients wait in the kernel's backlog. Nothing is spawned that could be left
// over.
#pragma once

#include <utility>
#include <vector>

#include "base/task.h"

namespace tributary {

// Runs `count` tasks made by `make()` until one ends, as until_one_ends does.
template <typename MakeTask>
Task<> side_by_side(size_t count, MakeTask make) {
  auto executor = co_await asio::this_coro::executor;
  using Operation = decltype(asio::co_spawn(executor, make(), asio::deferred));
  std::vector<Operation> operations;
  operations.reserve(count);
  for (size_t i = 0; i < count; ++i) operations.push_back(asio::co_spawn(executor, make(), asio::deferred));
  auto [order, failures] = co_await asio::experimental::make_parallel_group(std::move(operations))
                               .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (failures[order[0]]) std::rethrow_exception(failures[order[0]]);
}

}  // namespace tributary
