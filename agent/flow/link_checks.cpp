#include "flow/link_checks.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "config/quantities.h"
#include "monitor/control.h"
#include "wire/protocol.h"
#include "wire/tls.h"

namespace tributary {
namespace {

constexpr auto kPatience = std::chrono::seconds(8);         // per endpoint
constexpr auto kVerdictPatience = std::chrono::seconds(1);  // at least; twice the time that the handshake took
constexpr double kClockDifferenceMs = 5'000;

// With TLS 1.3 the parent judges our certificate when the handshake is over for us: it says no, or it waits for us to
// begin.
Task<> hear_verdict(Link& link, Clock::duration patience) {
  std::optional<Error> said;
  const auto hear = [](Link& from, std::optional<Error>& out) -> Task<> {
    try {
      co_await from.receive(kControlFrameBytesMax);
    } catch (const Error& error) {
      out = error;
    }
  };
  co_await until_one_ends(hear(link, said), sleep_for(patience));
  if (said) throw *said;
}

Task<std::optional<Error>> knock(std::string endpoint, TlsContext context, std::string parent) {
  try {
    const auto begin = Clock::now();
    const auto link = co_await Link::connect(endpoint, context, parent, kPatience);
    const Clock::duration patience = std::max<Clock::duration>(kVerdictPatience, 2 * (Clock::now() - begin));
    co_await hear_verdict(*link, patience);
  } catch (const Error& error) {
    co_return error;
  }
  co_return std::nullopt;
}

Finding not_answering(const Error& failure, Verdict verdict) {
  Finding finding{verdict, failure.message(), failure.hint()};
  if (failure.kind() != ErrorKind::connection) return finding;
  if (finding.mend.empty())
    finding.mend = "nothing, if the parent does not run yet; else [parent] endpoints, and the firewalls between";
  finding.why = "changes wait in the queue; the agent tries again for ever";
  return finding;
}

std::string seconds_of(double milliseconds) {
  return format_duration(std::chrono::seconds(std::llround(std::abs(milliseconds) / 1000)));
}

}  // namespace

Task<> check_link(const Config& config, Findings& findings) {
  const ParentConfig& parent = *config.parent;
  std::optional<TlsContext> context;
  try {
    context.emplace(config.tls, config.node.name);
  } catch (const Error& error) {
    findings.push_back({Verdict::stops, error.message(), error.hint(), "no link can be opened"});
    co_return;
  }
  std::vector<std::pair<std::string, Error>> failures;
  for (const std::string& endpoint : parent.endpoints) {
    if (const std::optional<Error> failure = co_await knock(endpoint, *context, parent.name))
      failures.emplace_back(endpoint, *failure);
    else
      findings.push_back(
          {Verdict::ok, parent.name + " answers at " + endpoint + ", and both sides believe the other's certificate"});
  }
  // One endpoint is enough to work. Where none is right, a wrong answer needs a person; no answer may be for now.
  const bool is_any_right = failures.size() < parent.endpoints.size();
  for (const auto& [endpoint, failure] : failures) {
    const bool is_for_now = failure.kind() == ErrorKind::connection || failure.kind() == ErrorKind::resource;
    findings.push_back(not_answering(failure, is_any_right || is_for_now ? Verdict::warning : Verdict::stops));
  }
}

void check_running_agent(const Config& config, Findings& findings) {
  std::optional<status::NodeStatus> agent;
  try {
    agent = fetch_status(config.control_socket());
  } catch (const Error&) {
    return;  // none runs, or it is none of this user's business
  }
  check_session(*agent, config.parent->name, findings);
}

void check_session(const status::NodeStatus& agent, const std::string& parent, Findings& findings) {
  const status::Uplink& uplink = agent.uplink();
  if (uplink.connected_since() == 0) {
    Finding finding{Verdict::warning, "the running agent is not connected to " + parent +
                                          (uplink.message().empty() ? "" : ": " + uplink.message())};
    finding.mend = "tributary status";
    for (const status::Notice& notice : agent.notices())
      if (notice.message() == uplink.message() && !notice.hint().empty()) finding.mend = notice.hint();
    if (uplink.health() == status::HELD) finding.verdict = Verdict::stops;
    findings.push_back(std::move(finding));
    return;
  }
  findings.push_back({Verdict::ok, "the running agent is connected to " + parent + " at " + uplink.endpoint()});
  const double offset = uplink.clock_offset_ms();
  if (std::abs(offset) < kClockDifferenceMs)
    findings.push_back({Verdict::ok, "this machine's clock and that of " + parent + " agree"});
  else
    findings.push_back({Verdict::warning,
                        "this machine's clock is " + seconds_of(offset) + (offset > 0 ? " behind" : " ahead of") +
                            " that of " + parent,
                        "timedatectl set-ntp true, on the machine whose clock is wrong",
                        "order does not depend on clocks, but the times and lags that are shown do, and whether "
                        "certificates are valid"});
}

}  // namespace tributary
