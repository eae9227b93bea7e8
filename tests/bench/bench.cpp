// The benchmark: tributary and its peers between the same servers, in turn. README.md says what is measured.
#include <algorithm>
#include <cstdio>
#include <exception>

#include "bench/options.h"

namespace tributary::test {
namespace {

bool is_wanted(const Options& options, const std::string& name) {
  return options.workloads.empty() ||
         std::find(options.workloads.begin(), options.workloads.end(), name) != options.workloads.end();
}

// What keeps a workload from its figures is said in the report; the others go on.
bool run_workloads(const Workloads& workloads, const Options& options) {
  Report report(options.files);
  bool is_correct = true;
  for (const auto& workload : workloads) {
    if (!is_wanted(options, workload->name())) continue;
    try {
      workload->run(options.request, report);
    } catch (const std::exception& error) {
      report.add({.workload = workload->name(), .note = error.what()});
    }
  }
  report.print();
  for (const Result& result : report.results()) is_correct = is_correct && result.is_correct;
  return is_correct;
}

int run(const std::vector<std::string>& words) {
  const Workloads workloads = all_workloads();
  const Options options = parse_options(words, workloads);
  if (options.wants_help) {
    std::printf("%s", help_text(workloads).c_str());
    return 0;
  }
  return run_workloads(workloads, options) ? 0 : 1;
}

}  // namespace
}  // namespace tributary::test

int main(int argc, char** argv) {
  try {
    return tributary::test::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
