// Runs coroutines to their end in a test.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/redirect_error.hpp>

#include "base/task.h"

namespace tributary {

// Fails the test when the story lasts longer than a minute: then something waits for ever. What the story leaves behind
// must not outlive `context`.
inline void run_on(asio::io_context& context, Task<> story) {
  std::exception_ptr failure;
  bool is_done = false;
  asio::co_spawn(context, std::move(story), [&](std::exception_ptr error) {
    failure = error;
    is_done = true;
    context.stop();
  });
  context.restart();
  context.run_for(std::chrono::minutes(1));
  if (failure) std::rethrow_exception(failure);
  EXPECT_TRUE(is_done) << "the story does not end";
}
inline void run(Task<> story) {
  asio::io_context context;
  run_on(context, std::move(story));
}

// The message of the Error that ends it; "" for none.
inline std::string failure_of(Task<> story) {
  try {
    run(std::move(story));
  } catch (const Error& error) {
    return error.message();
  }
  return {};
}

}  // namespace tributary
