#include "config/quantities.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/error.h"

namespace tributary {
namespace {

struct SizeUnit {
  std::string_view name;
  uint64_t bytes;
};
constexpr std::array<SizeUnit, 9> kSizeUnits{{
    {"TiB", 1ULL << 40},
    {"GiB", 1ULL << 30},
    {"MiB", 1ULL << 20},
    {"KiB", 1ULL << 10},
    {"TB", 1'000'000'000'000},
    {"GB", 1'000'000'000},
    {"MB", 1'000'000},
    {"kB", 1'000},
    {"B", 1},
}};

struct DurationUnit {
  std::string_view name;
  int64_t milliseconds;
};
constexpr std::array<DurationUnit, 5> kDurationUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

Error not_a_size(std::string_view text) {
  return Error(ErrorKind::config, "'" + std::string(text) + "' is not a size",
               R"(write for example "8 GiB", "512 MiB", "64 kB" or a number of bytes)");
}
Error not_a_duration(std::string_view text) {
  return Error(ErrorKind::config, "'" + std::string(text) + "' is not a duration",
               R"(write for example "500ms", "30s", "10m", "24h", "7d" or "1h30m")");
}

void skip_blanks(std::string_view& rest) {
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
}

// Digits, perhaps with a fraction, and then a word of letters. False: there is no number here, or it is no number.
bool take_quantity(std::string_view& rest, double& number, std::string_view& unit) {
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || std::signbit(number)) return false;
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  skip_blanks(rest);
  size_t letters = 0;
  while (letters < rest.size() && std::isalpha(static_cast<unsigned char>(rest[letters]))) ++letters;
  unit = rest.substr(0, letters);
  rest.remove_prefix(letters);
  skip_blanks(rest);
  return true;
}

// At most one decimal, and none where it would be a zero.
std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  std::string out(text);
  if (out.ends_with(".0")) out.resize(out.size() - 2);
  return out;
}

}  // namespace

uint64_t parse_size(std::string_view text) {
  std::string_view rest = text;
  skip_blanks(rest);
  double number = 0;
  std::string_view name;
  if (!take_quantity(rest, number, name) || !rest.empty()) throw not_a_size(text);
  uint64_t unit = 1;
  if (!name.empty()) {
    const auto* known = kSizeUnits.begin();
    while (known != kSizeUnits.end() && known->name != name) ++known;
    if (known == kSizeUnits.end()) throw not_a_size(text);
    unit = known->bytes;
  }
  const double bytes = number * static_cast<double>(unit);
  if (bytes >= 9e18 || std::floor(bytes) != bytes) throw not_a_size(text);
  return static_cast<uint64_t>(bytes);
}

std::chrono::milliseconds parse_duration(std::string_view text) {
  std::string_view rest = text;
  skip_blanks(rest);
  double total = 0;
  if (rest.empty()) throw not_a_duration(text);
  while (!rest.empty()) {
    double number = 0;
    std::string_view name;
    if (!take_quantity(rest, number, name)) throw not_a_duration(text);
    const auto* known = kDurationUnits.begin();
    while (known != kDurationUnits.end() && known->name != name) ++known;
    if (known == kDurationUnits.end()) throw not_a_duration(text);
    total += number * static_cast<double>(known->milliseconds);
  }
  // A hundred years: beyond that clocks overflow when a duration is added to them.
  if (total > 100.0 * 366 * 86'400'000) throw not_a_duration(text);
  return std::chrono::milliseconds(std::llround(total));
}

std::string format_size(uint64_t bytes) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (unit.name.size() == 3 && bytes >= unit.bytes)
      return short_number(static_cast<double>(bytes) / static_cast<double>(unit.bytes)) + " " + std::string(unit.name);
  }
  return std::to_string(bytes) + " B";
}

std::string format_duration(std::chrono::milliseconds duration) {
  int64_t rest = duration.count();
  if (rest < 0) return "-" + format_duration(-duration);
  if (rest < 1'000) return std::to_string(rest) + "ms";
  if (rest < 60'000) return short_number(static_cast<double>(rest) / 1'000.0) + "s";
  // The largest unit and the next one are enough for people.
  std::string out;
  int parts = 0;
  for (const DurationUnit& unit : kDurationUnits) {
    if (unit.milliseconds < 1'000 || (parts == 0 && rest < unit.milliseconds)) continue;
    if (parts++ == 2) break;
    if (const int64_t count = rest / unit.milliseconds; count > 0)
      out += std::to_string(count) + std::string(unit.name);
    rest %= unit.milliseconds;
  }
  return out;
}

}  // namespace tributary
