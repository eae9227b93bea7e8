#include "bench/options.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace tributary::test {
namespace {

const std::vector<std::string> kPeers = {"native", "native-tls-sync", "pglogical"};

template <typename Number>
Number number(const std::string& option, const std::string& text, Number least, Number most) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end || !(value >= least && value <= most))
    throw std::invalid_argument(option + " " + text + ": a number from " + print("%g", static_cast<double>(least)) +
                                " to " + print("%g", static_cast<double>(most)) + " is expected");
  return value;
}

bool is_one_of(const std::string& word, const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<std::string> names_of(const Workloads& known) {
  std::vector<std::string> names;
  for (const auto& workload : known) names.push_back(workload->name());
  return names;
}

void set(Options& options, std::vector<std::string>& peers, const std::string& option, const std::string& value) {
  if (option == "--peer") {
    if (!is_one_of(value, kPeers))
      throw std::invalid_argument("--peer " + value + ": native, native-tls-sync or pglogical is expected");
    if (!is_one_of(value, peers)) peers.push_back(value);
  } else if (option == "--tiers") {
    options.request.tiers = number(option, value, 2, 3);
  } else if (option == "--rounds") {
    options.request.rounds = number(option, value, 1, 100);
  } else if (option == "--scale") {
    options.request.scale = number(option, value, 0.0001, 100.0);
  } else if (option == "--svg") {
    options.files.svg = value;
  } else if (option == "--jsonl") {
    options.files.jsonl = value;
  } else {
    throw std::invalid_argument("there is no option " + option + "; --help lists them");
  }
}

}  // namespace

Options parse_options(const std::vector<std::string>& words, const Workloads& known) {
  Options options;
  std::vector<std::string> peers;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--help" || word == "-h") {
      options.wants_help = true;
    } else if (word.rfind("-", 0) == 0) {
      if (i + 1 == words.size()) throw std::invalid_argument(word + ": a value is expected behind it");
      set(options, peers, word, words[++i]);
    } else if (is_one_of(word, names_of(known))) {
      options.workloads.push_back(word);
    } else {
      throw std::invalid_argument("there is no workload " + word + "; --help lists them");
    }
  }
  if (!peers.empty()) options.request.peers = peers;
  return options;
}

std::string help_text(const Workloads& known) {
  std::string text = R"(usage: tests/bench/run.sh [WORKLOAD...] [option...]

Measures tributary and its peers on this machine, in turn; without a WORKLOAD, all of them.

  --peer NAME     native, native-tls-sync or pglogical; may be repeated (default: native and native-tls-sync)
  --tiers 2|3     instead of the number of tiers that each workload is meant for
  --rounds N      medians are of so many rounds (default 3)
  --scale F       multiplies the number of rows (default 1)
  --svg FILE      where the picture goes
  --jsonl FILE    where the lines of JSON are appended, each as soon as it is known

Workloads:
)";
  for (const auto& workload : known)
    text += print("  %-15s %s\n", workload->name().c_str(), workload->summary().c_str());
  return text;
}

}  // namespace tributary::test
