#include "devcluster/quantity.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace devcluster {

std::int64_t milli_of(std::string_view quantity) {
  constexpr std::int64_t kMilli = 1000;
  constexpr std::int64_t kKi = 1024;
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 10> kSuffixes = {
      {{"", kMilli},
       {"m", 1},
       {"k", kMilli * 1000},
       {"M", kMilli * 1000 * 1000},
       {"G", kMilli * 1000 * 1000 * 1000},
       {"T", kMilli * 1000 * 1000 * 1000 * 1000},
       {"Ki", kMilli * kKi},
       {"Mi", kMilli * kKi * kKi},
       {"Gi", kMilli * kKi * kKi * kKi},
       {"Ti", kMilli * kKi * kKi * kKi * kKi}}};
  std::int64_t number = 0;
  const char* const end = quantity.data() + quantity.size();
  const auto [after, error] = std::from_chars(quantity.data(), end, number);
  if (error != std::errc()) return 0;
  const std::string_view suffix(after, static_cast<std::size_t>(end - after));
  for (const auto& [name, factor] : kSuffixes) {
    if (suffix == name) return number * factor;
  }
  return 0;
}

}  // namespace devcluster
