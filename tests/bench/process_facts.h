// What a process uses, and whose it is, from /proc. 0, or none, where there is no such process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace tributary::test {

// User and system time of all its threads, to the nanosecond: for what uses next to nothing.
double processor_seconds_of(pid_t process);
// Of all its children that have ended, and that it has taken notice of; in ticks of the kernel's clock.
double ended_children_seconds_of(pid_t process);
std::vector<pid_t> children_of(pid_t process);
pid_t parent_of(pid_t process);

uint64_t resident_bytes_of(pid_t process);
uint64_t peak_resident_bytes_of(pid_t process);
// Bytes it has caused to be written to disk.
uint64_t written_bytes_of(pid_t process);

}  // namespace tributary::test
