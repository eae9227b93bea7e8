// Readers at the region and the nation, who look all the time, never see a part of a transaction of the district.
#include "system/load.h"

namespace tributary::test {
namespace {

constexpr int kAccounts = 60;
constexpr int kMembers = 5;

class AtomicTest : public testing::Test {
 protected:
  AtomicTest() {
    const std::vector<SentTable> tables = {{.name = "public.account"}, {.name = "public.member", .where = "is_public"}};
    nation = &tree.add({.name = "nation"});
    region = &tree.add({.name = "region", .parent = "nation", .tables = tables});
    district = &tree.add({.name = "district", .parent = "region", .tables = tables});
    tree.exec_everywhere(R"(
      CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL);
      CREATE TABLE member (id bigserial PRIMARY KEY, team int NOT NULL, tag int NOT NULL, body text,
                           is_public boolean NOT NULL);
    )");
    tree.start();
  }

  // One transaction each.
  void open_accounts() {
    district->sql().exec("INSERT INTO account SELECT n, 100 FROM generate_series(1, $1::int) n",
                         {std::to_string(kAccounts)});
  }
  void transfer() {
    const std::string amount = std::to_string(1 + random() % 50);
    const int from = 1 + static_cast<int>(random() % kAccounts), to = 1 + (from + 7) % kAccounts;
    district->sql().exec("BEGIN; UPDATE account SET balance = balance - " + amount +
                         " WHERE id = " + std::to_string(from) + "; UPDATE account SET balance = balance + " + amount +
                         " WHERE id = " + std::to_string(to) + "; COMMIT");
  }
  void found_team(int team, int body_bytes) {
    district->sql().exec("INSERT INTO member (team, tag, body, is_public) SELECT " + std::to_string(team) +
                         ", 0, repeat(md5(random()::text), " + std::to_string(body_bytes / 32) +
                         "), true FROM generate_series(1, " + std::to_string(kMembers) + ")");
  }
  void change_team(int team) {
    const std::string where = " WHERE team = " + std::to_string(team);
    switch (random() % 4) {
      case 0: return district->sql().exec("UPDATE member SET is_public = NOT is_public, tag = tag + 1" + where);
      case 1: return district->sql().exec("UPDATE member SET id = nextval('member_id_seq')" + where);
      default: return district->sql().exec("UPDATE member SET tag = tag + 1, body = body || '.'" + where);
    }
  }

  // Looks until stopped; `wrong` is the first thing that must not be.
  class Reader {
   public:
    explicit Reader(Node& node) : conninfo_(node.cluster().conninfo("app")), thread_([this] { look(); }) {}
    ~Reader() { stop(); }
    void stop() {
      is_stopping_ = true;
      if (thread_.joinable()) thread_.join();
    }
    std::string wrong;
    int looks = 0;
    int states = 0;  // different ones seen

   private:
    void look() {
      Sql sql(conninfo_);
      std::string last;
      while (!is_stopping_ && wrong.empty()) {
        const auto row = sql.rows(
            "SELECT (SELECT coalesce(sum(balance), -1) FROM account), (SELECT count(*) FROM account), "
            "(SELECT count(*) FROM (SELECT FROM member GROUP BY team HAVING count(*) <> $1::int "
            "OR min(tag) <> max(tag) OR min(length(body)) <> max(length(body))) t), "
            "(SELECT coalesce(sum(tag), 0)::text || ' ' || coalesce(sum(id), 0) FROM member)",
            {std::to_string(kMembers)})[0];
        ++looks;
        const bool is_empty = row[1] == "0";
        if (!is_empty && (row[0] != std::to_string(kAccounts * 100) || row[1] != std::to_string(kAccounts)))
          wrong = "the balances of " + *row[1] + " accounts sum up to " + *row[0];
        if (row[2] != "0") wrong = *row[2] + " teams are not whole";
        if (row[3] != last) ++states;
        last = *row[3];
      }
    }
    const std::string conninfo_;
    std::atomic<bool> is_stopping_ = false;
    std::thread thread_;
  };

  Hierarchy tree;
  Node* nation;
  Node* region;
  Node* district;
  std::mt19937 random{7};
};

TEST_F(AtomicTest, no_reader_sees_a_part_of_a_transaction) {
  Reader at_region(*region), at_nation(*nation);
  open_accounts();
  for (int team = 1; team <= 4; ++team) found_team(team, 64);
  found_team(5, 3 << 20);  // larger than what travels at once
  const auto write_for = [&](std::chrono::seconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      transfer();
      change_team(1 + static_cast<int>(random() % 4));
      if (random() % 64 == 0) change_team(5);
    }
  };
  write_for(std::chrono::seconds(5));
  region->agent().kill();
  write_for(std::chrono::seconds(2));  // many transactions become one group
  region->agent().start();
  write_for(std::chrono::seconds(2));
  nation->agent().kill();
  nation->agent().start();
  district->link().cut_after_bytes(50'000);
  write_for(std::chrono::seconds(2));
  district->link().restore();
  write_for(std::chrono::seconds(2));
  tree.expect_equal(std::chrono::seconds(120));
  for (Reader* reader : {&at_region, &at_nation}) {
    reader->stop();
    EXPECT_EQ(reader->wrong, "");
    EXPECT_GT(reader->states, 20);
    EXPECT_GT(reader->looks, 100);
  }
}

}  // namespace
}  // namespace tributary::test
