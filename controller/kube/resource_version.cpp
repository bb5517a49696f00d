#include "kube/resource_version.hpp"

#include <charconv>

namespace swo::kube {

std::optional<std::uint64_t> parse_resource_version(std::string_view text) {
  if (text.empty() || text.front() == '0') return std::nullopt;
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  auto [stop, fault] = std::from_chars(text.data(), end, value);
  if (fault != std::errc{} || stop != end) return std::nullopt;
  return value;
}

}  // namespace swo::kube
