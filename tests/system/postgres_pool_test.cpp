// The pool of connections that the lanes of a parent share.
#include <set>

#include "postgres_fixture.h"

namespace tributary {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

class PoolTest : public PostgresTest {
 protected:
  Task<> use(std::string who, Clock::duration how_long) {
    auto lease = co_await pool_.acquire();
    story_.push_back(who);
    co_await sleep_for(how_long);
    lease.give_back();
  }

  void run(Task<> story) { run_on(context_, std::move(story)); }

  asio::io_context context_;  // outlives the connections of the pool
  ConnectionPool pool_{cluster_->conninfo(), "lane", 2};
  Strings story_;
};

TEST_F(PoolTest, a_connection_given_back_is_used_again) {
  auto story = [&]() -> Task<> {
    std::set<int64_t> backends;
    for (int i = 0; i < 3; ++i) {
      auto lease = co_await pool_.acquire();
      const int64_t pid = co_await number(*lease, "SELECT pg_backend_pid()");
      backends.insert(pid);
      lease.give_back();
    }
    EXPECT_EQ(backends.size(), 1U);
  };
  run(story());
}

TEST_F(PoolTest, never_opens_more_than_it_may_and_serves_in_turn) {
  auto story = [&]() -> Task<> {
    auto first = co_await pool_.acquire();
    auto second = co_await pool_.acquire();
    auto wait_in_turn = [&]() -> Task<> {
      co_await sleep_for(20ms);
      EXPECT_TRUE(story_.empty());
      EXPECT_EQ(sessions(), 2);
      first.give_back();
      while (story_.size() < 3) co_await sleep_for(1ms);
      EXPECT_EQ(sessions(), 2);
    };
    auto customers = [&]() -> Task<> {
      auto stay = [&](std::string who) -> Task<> {
        co_await use(who, 5ms);
        co_await sleep_for(1h);
      };
      co_await until_one_ends(stay("a"), stay("b"), stay("c"));
    };
    co_await until_one_ends(customers(), wait_in_turn());
    EXPECT_EQ(story_, (Strings{"a", "b", "c"}));
    second.give_back();
  };
  run(story());
}

TEST_F(PoolTest, one_who_stops_waiting_leaves_no_gap_in_the_line) {
  auto story = [&]() -> Task<> {
    auto first = co_await pool_.acquire();
    auto second = co_await pool_.acquire();
    co_await until_one_ends(use("gone", 1ms), sleep_for(5ms));
    auto give_back = [&]() -> Task<> {
      co_await sleep_for(5ms);
      first.give_back();
      second.give_back();
      co_await sleep_for(1h);
    };
    co_await until_one_ends(use("next", 1ms), give_back());
    EXPECT_EQ(story_, Strings{"next"});
    auto third = co_await pool_.acquire();
    auto fourth = co_await pool_.acquire();
    third.give_back();
    fourth.give_back();
  };
  run(story());
}

TEST_F(PoolTest, a_cancelled_user_gives_its_place_back_and_its_connection_is_closed) {
  auto story = [&]() -> Task<> {
    for (int i = 0; i < 5; ++i) co_await until_one_ends(use("user", 1h), sleep_for(50ms));
    auto lease = co_await pool_.acquire();
    const int64_t one = co_await number(*lease, "SELECT 1");
    EXPECT_EQ(one, 1);
    lease.give_back();
  };
  run(story());
  wait_for_sessions(1);
}

TEST_F(PoolTest, a_connection_within_a_transaction_is_not_used_again) {
  auto story = [&]() -> Task<> {
    auto lease = co_await pool_.acquire();
    co_await lease->query("BEGIN");
    lease.give_back();
    auto next = co_await pool_.acquire();
    EXPECT_FALSE(next->in_transaction());
    next.give_back();
  };
  run(story());
  wait_for_sessions(1);
}

TEST_F(PoolTest, another_size_is_in_force_at_once) {
  auto story = [&]() -> Task<> {
    auto first = co_await pool_.acquire();
    auto second = co_await pool_.acquire();
    pool_.resize(1);
    first.give_back();
    EXPECT_FALSE(pool_.has_free()) << "one is on loan, and there may be one";
    auto give_way = [&]() -> Task<> {
      co_await sleep_for(5ms);
      EXPECT_TRUE(story_.empty());
      pool_.resize(2);
      while (story_.empty()) co_await sleep_for(1ms);
      second.give_back();
    };
    auto customer = [&]() -> Task<> {
      co_await use("waited", 1ms);
      co_await sleep_for(1h);
    };
    co_await until_one_ends(customer(), give_way());
    EXPECT_EQ(story_, Strings{"waited"});
  };
  run(story());
}

TEST_F(PoolTest, a_server_that_is_down_costs_no_place) {
  ConnectionPool pool("host=127.0.0.1 port=" + std::to_string(test::free_port()), "lane", 1);
  auto story = [&]() -> Task<> {
    for (int i = 0; i < 3; ++i) {
      std::string message;
      try {
        auto lease = co_await pool.acquire();
      } catch (const Error& error) {
        message = error.message();
      }
      EXPECT_NE(message, "");
    }
  };
  run(story());
}

}  // namespace
}  // namespace tributary
