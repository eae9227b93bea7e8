// What a running process uses, from /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace tributary::test {

// User and system time of all its threads, to the nanosecond: for what uses next to nothing.
double processor_seconds_of(pid_t process);
uint64_t resident_bytes_of(pid_t process);
// Bytes it has caused to be written to disk.
uint64_t written_bytes_of(pid_t process);

}  // namespace tributary::test
