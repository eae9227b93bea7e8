// How counts, ages and times read to people (sizes: config/quantities.h). Pure.
#pragma once

#include <cstdint>
#include <string>

namespace tributary {

std::string count_in_words(uint64_t count);                                            // "12,345"
std::string count_in_words(uint64_t count, const char* singular, const char* plural);  // "1 batch", "12,345 batches"
std::string age_in_words(double seconds);  // "0.4 s", "12 s", "4 min", "3 h 5 min", "12 days"; below zero: "0 s"

// The local time of a moment: "12:03" within twelve hours of `now`, else "2026-02-03 12:03". Unix time in milliseconds.
std::string time_in_words(int64_t moment, int64_t now);
// "12:03 (4 min)"
std::string since_in_words(int64_t moment, int64_t now);

}  // namespace tributary
