// How long to wait after the n-th failure in a row of one key.
//
// Pure. The defaults are client-go's workqueue's (ItemExponentialFailureRateLimiter): 5 ms doubling
// to 1000 s. client-go's second limiter, 10 adds a second over all keys, is left out: it only
// delays keys that fail for the first time.
#pragma once

#include "runtime/clock.hpp"

namespace swo::runtime {

struct Backoff {
  Milliseconds first{5};
  Milliseconds max{1'000'000};
  // After `failures` failures in a row; 0 is none.
  Milliseconds delay(int failures) const;
};

}  // namespace swo::runtime
