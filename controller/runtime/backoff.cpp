#include "runtime/backoff.hpp"

#include <algorithm>

namespace swo::runtime {

Milliseconds Backoff::delay(int failures) const {
  if (failures <= 0) return Milliseconds{0};
  Milliseconds delay = first;
  for (int i = 1; i < failures && delay < max; ++i) delay *= 2;
  return std::min(delay, max);
}

}  // namespace swo::runtime
