#include "bench/process_facts.h"

#include <unistd.h>

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

// The fields `first` and the next one of /proc/PID/stat, which are counted from 1; the second one is the program's name
// in parentheses.
std::pair<int64_t, int64_t> two_fields_of_stat(pid_t process, int first) {
  const std::string stat = read_file(directory_of(process) + "/stat");
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return {0, 0};
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < first; ++field) fields >> skipped;
  std::pair<int64_t, int64_t> values;
  fields >> values.first >> values.second;
  return values;
}

}  // namespace

double processor_seconds_of(pid_t process) {
  double nanoseconds = 0;
  std::error_code gone;
  std::filesystem::directory_iterator thread(directory_of(process) + "/task", gone);
  for (; !gone && thread != std::filesystem::directory_iterator(); thread.increment(gone)) {
    double ran = 0;
    std::istringstream(read_file(thread->path() / "schedstat")) >> ran;
    nanoseconds += ran;
  }
  return nanoseconds / 1e9;
}

double ended_children_seconds_of(pid_t process) {
  const auto [user, system] = two_fields_of_stat(process, 16);
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::vector<pid_t> children_of(pid_t process) {
  const std::string id = std::to_string(process);
  std::istringstream list(read_file(directory_of(process) + "/task/" + id + "/children"));
  std::vector<pid_t> children;
  for (pid_t child = 0; list >> child;) children.push_back(child);
  return children;
}

pid_t parent_of(pid_t process) {
  return static_cast<pid_t>(two_fields_of_stat(process, 4).first);
}

uint64_t resident_bytes_of(pid_t process) {
  return labelled(read_file(directory_of(process) + "/status"), "VmRSS:") << 10;
}

uint64_t peak_resident_bytes_of(pid_t process) {
  return labelled(read_file(directory_of(process) + "/status"), "VmHWM:") << 10;
}

uint64_t written_bytes_of(pid_t process) {
  return labelled(read_file(directory_of(process) + "/io"), "\nwrite_bytes:");
}

}  // namespace tributary::test
