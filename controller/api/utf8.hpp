// The start of a text as UTF-8. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace swo::api {

// At most `bytes` of it, cut before a sequence rather than inside it, and "…" where anything is
// left out.
inline std::string shortened(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) {
    return std::string(text);
  }
  constexpr unsigned kTopTwoBits = 0xC0;
  constexpr unsigned kContinuation = 0x80;
  std::size_t end = bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & kTopTwoBits) == kContinuation) {
    --end;
  }
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace swo::api
