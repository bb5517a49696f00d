#include "runtime/clock.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace swo::runtime {
namespace {

class SystemClock : public Clock {
 public:
  Instant now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override { return std::chrono::system_clock::now(); }
};

// "2026-01-01T00:00:00"
std::string seconds_of(WallTime time) {
  std::time_t seconds =
      std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  return text.data();
}

// Reads exactly `digits` digits at `at` and moves behind them; -1 when they are not there.
int digits_at(std::string_view text, std::size_t& at, std::size_t digits) {
  if (text.size() < at + digits) return -1;
  int value = 0;
  for (std::size_t end = at + digits; at < end; ++at) {
    if (text[at] < '0' || text[at] > '9') return -1;
    value = value * 10 + (text[at] - '0');
  }
  return value;
}

bool skip(std::string_view text, std::size_t& at, char wanted) {
  if (at >= text.size() || text[at] != wanted) return false;
  ++at;
  return true;
}

}  // namespace

const Clock& system_clock() {
  static const SystemClock kClock;
  return kClock;
}

Instant ManualClock::now() const {
  return Instant(std::chrono::hours(1)) + std::chrono::nanoseconds(passed_);
}

WallTime ManualClock::wall() const {
  constexpr WallTime kStart = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
  return kStart + std::chrono::nanoseconds(passed_);
}

std::string to_rfc3339(WallTime time) { return seconds_of(time) + "Z"; }

std::string to_rfc3339_micro(WallTime time) {
  auto within = time - std::chrono::floor<std::chrono::seconds>(time);
  auto micros = std::chrono::duration_cast<std::chrono::microseconds>(within).count();
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), ".%06dZ", static_cast<int>(micros));
  return seconds_of(time) + text.data();
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  std::size_t at = 0;
  int year = digits_at(text, at, 4);
  if (year < 0 || !skip(text, at, '-')) return std::nullopt;
  int month = digits_at(text, at, 2);
  if (month < 0 || !skip(text, at, '-')) return std::nullopt;
  int day = digits_at(text, at, 2);
  if (day < 0 || !skip(text, at, 'T')) return std::nullopt;
  int hour = digits_at(text, at, 2);
  if (hour < 0 || hour > 23 || !skip(text, at, ':')) return std::nullopt;
  int minute = digits_at(text, at, 2);
  if (minute < 0 || minute > 59 || !skip(text, at, ':')) return std::nullopt;
  int second = digits_at(text, at, 2);
  if (second < 0 || second > 60) return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(year),
                                   std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;

  std::chrono::nanoseconds fraction{0};
  if (skip(text, at, '.')) {
    std::int64_t unit = 100'000'000;
    std::size_t begin = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) {
      fraction += std::chrono::nanoseconds((text[at] - '0') * unit);
    }
    if (at == begin) return std::nullopt;
  }
  std::chrono::minutes offset{0};
  if (!skip(text, at, 'Z')) {
    int sign = skip(text, at, '+') ? 1 : skip(text, at, '-') ? -1 : 0;
    int hours = sign == 0 ? -1 : digits_at(text, at, 2);
    if (hours < 0 || !skip(text, at, ':')) return std::nullopt;
    int minutes = digits_at(text, at, 2);
    if (minutes < 0) return std::nullopt;
    offset = sign * (std::chrono::hours(hours) + std::chrono::minutes(minutes));
  }
  if (at != text.size()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + fraction - offset;
}

}  // namespace swo::runtime
