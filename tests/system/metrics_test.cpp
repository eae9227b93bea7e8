// What the last comparison of a district showed is known at every tier above it, for people and for Prometheus.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "support/three_tiers.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;

std::string get(uint16_t port, const std::string& path) {
  boost::asio::io_context context;
  boost::asio::ip::tcp::socket socket(context);
  socket.connect({boost::asio::ip::address_v4::loopback(), port});
  boost::asio::write(socket, boost::asio::buffer("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  std::string answer;
  boost::system::error_code end;
  boost::asio::read(socket, boost::asio::dynamic_buffer(answer), end);
  return answer;
}

TEST(MetricsOfTheTree, the_last_comparison_of_a_district_is_known_at_every_tier) {
  ThreeTiers tiers;
  tiers.start();
  tiers.write_documents(30);
  tiers.expect_equal();
  tiers.region().sql().exec(
      "UPDATE document SET title = 'edited' WHERE title LIKE 'Document 7%'; "
      "DELETE FROM measurement WHERE ctid = (SELECT min(ctid) FROM measurement)");
  EXPECT_EQ(tiers.district().agent().command({"verify"}).exit_code, 1);
  const std::vector<std::string> expected = {
      "tributary_verification_different_rows{node=\"district\",table=\"public.document\"} 1\n",
      "tributary_verification_missing_rows{node=\"district\",table=\"public.measurement\"} 1\n",
      "tributary_verification_compared{node=\"district\",table=\"public.photo\"} 1\n",
      "tributary_verification_finished_timestamp_seconds{node=\"district\",table=\"public.photo\"} 1",
      "tributary_queue_batches{node=\"district\"} ",
      "tributary_capture_transactions_total{node=\"district\"} "};
  for (Node* node : {&tiers.district(), &tiers.region(), &tiers.nation()}) {
    std::string answer;
    wait_until(
        node->name() + " shows it",
        [&] {
          answer = get(node->status_port(), "/metrics");
          return answer.find(expected.front()) != std::string::npos;
        },
        std::chrono::seconds(60));
    EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200 OK"));
    EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4"));
    for (const std::string& line : expected) EXPECT_THAT(answer, HasSubstr(line)) << "at " << node->name();
  }
  const status::NodeStatus nation = tiers.nation().agent().status();
  const status::Capture& district = nation.children(0).status().children(0).status().capture();
  EXPECT_EQ(district.verification().state(), status::Verification::FINISHED);
  EXPECT_EQ(district.tables(0).verified().different(), 1u);
}

}  // namespace
}  // namespace tributary::test
