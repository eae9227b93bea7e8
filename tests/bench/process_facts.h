// What a running process uses, from /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bench/processor_time.h"

namespace tributary::test {

// User and system time of all its threads, to the nanosecond: for what uses next to nothing.
double processor_seconds_of(pid_t process);
// The same for the processes of each name together.
std::map<std::string, double> processor_seconds_of(const std::vector<Part>& parts);
uint64_t resident_bytes_of(pid_t process);
// Bytes it has caused to be written to disk.
uint64_t written_bytes_of(pid_t process);

}  // namespace tributary::test
