#include "monitor/words.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace tributary {
namespace {

std::string formatted(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

std::string count_in_words(uint64_t count) {
  std::string text = std::to_string(count);
  for (size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string count_in_words(uint64_t count, const char* singular, const char* plural) {
  return count_in_words(count) + " " + (count == 1 ? singular : plural);
}

std::string age_in_words(double seconds) {
  if (!(seconds > 0)) return "0 s";
  if (seconds < 9.95) return formatted("%.1f s", seconds);
  if (seconds < 99.5) return formatted("%.0f s", seconds);
  const auto minutes = static_cast<uint64_t>(std::llround(std::min(seconds, 1e15) / 60));
  if (minutes < 100) return std::to_string(minutes) + " min";
  if (minutes < 48 * 60) return std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
  return count_in_words(minutes / (24 * 60)) + " days";
}

std::string time_in_words(int64_t moment, int64_t now) {
  const bool is_near = std::abs(now - moment) < 12 * 3600 * 1000LL;
  const auto seconds = static_cast<std::time_t>(moment / 1000);
  std::tm local{};
  if (!localtime_r(&seconds, &local)) return "?";
  char text[64];
  const size_t length = std::strftime(text, sizeof text, is_near ? "%H:%M" : "%Y-%m-%d %H:%M", &local);
  return {text, length};
}

std::string since_in_words(int64_t moment, int64_t now) {
  return time_in_words(moment, now) + " (" + age_in_words(static_cast<double>(now - moment) / 1000) + ")";
}

}  // namespace tributary
