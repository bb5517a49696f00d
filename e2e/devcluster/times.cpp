#include "devcluster/times.hpp"

#include <array>
#include <ctime>
#include <iomanip>
#include <sstream>

namespace devcluster {

std::string rfc3339(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {text.data(), length};
}

std::optional<std::chrono::system_clock::time_point> parse_rfc3339(const std::string& text) {
  std::tm utc{};
  std::istringstream in(text);
  in >> std::get_time(&utc, "%Y-%m-%dT%H:%M:%S");
  if (in.fail()) return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&utc));
}

std::string human_duration(std::chrono::seconds age) {
  const long long s = age.count();
  if (s < 0) return "0s";
  const auto two = [](long long big, const char* big_unit, long long small,
                      const char* small_unit) {
    return std::to_string(big) + big_unit + (small == 0 ? "" : std::to_string(small) + small_unit);
  };
  const long long m = s / 60, h = s / 3600, d = h / 24, y = d / 365;
  if (s < 120) return std::to_string(s) + "s";
  if (m < 10) return two(m, "m", s % 60, "s");
  if (m < 180) return std::to_string(m) + "m";
  if (h < 8) return two(h, "h", m % 60, "m");
  if (h < 48) return std::to_string(h) + "h";
  if (h < 192) return two(d, "d", h % 24, "h");
  if (d < 730) return std::to_string(d) + "d";
  if (y < 8) return two(y, "y", d % 365, "d");
  return std::to_string(y) + "y";
}

}  // namespace devcluster
