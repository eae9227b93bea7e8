#include "bench/process_facts.h"

#include <filesystem>
#include <sstream>
#include <string>

#include "support/run_directory.h"

namespace tributary::test {
namespace {

std::string directory_of(pid_t process) {
  return "/proc/" + std::to_string(process);
}

// The number after `label` in a file of lines "label: number".
uint64_t labelled(const std::string& text, const std::string& label) {
  const size_t at = text.find(label);
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + label.size()));
}

}  // namespace

double processor_seconds_of(pid_t process) {
  double nanoseconds = 0;
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator(directory_of(process) + "/task", gone)) {
    double ran = 0;
    std::istringstream(read_file(thread.path() / "schedstat")) >> ran;
    nanoseconds += ran;
  }
  return nanoseconds / 1e9;
}

std::map<std::string, double> processor_seconds_of(const std::vector<Part>& parts) {
  std::map<std::string, double> seconds;
  for (const Part& part : parts) seconds[part.name] += processor_seconds_of(part.process);
  return seconds;
}

uint64_t resident_bytes_of(pid_t process) {
  return labelled(read_file(directory_of(process) + "/status"), "VmRSS:") << 10;
}

uint64_t written_bytes_of(pid_t process) {
  return labelled(read_file(directory_of(process) + "/io"), "\nwrite_bytes:");
}

}  // namespace tributary::test
