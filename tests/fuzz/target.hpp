// What every fuzz target has: the entry that libFuzzer calls (llvm.org/docs/LibFuzzer.html) and
// replay.cpp too, and a way to say that something is not as it must be.
//
// A target takes any bytes. It may do nothing with them; it must neither throw, hang nor break a
// promise of the header that it tries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace swo::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline void require(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
  }
}

}  // namespace swo::fuzz
