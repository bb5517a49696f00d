// Time as a parameter: the steady time that delays are counted in, and the wall time that is
// written down.
//
// Clocks are thread-safe. Code asks a Clock (or is given `now`), so that tests run in virtual time.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "kube/watcher.hpp"

namespace swo::runtime {

using kube::Instant;
using kube::machine_random;
using kube::Milliseconds;
using kube::Random;  // uniform in [0, 1)
using WallTime = std::chrono::system_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;
};

// The machine's. Lives as long as the program.
const Clock& system_clock();

// Stands still until it is moved.
class ManualClock : public Clock {
 public:
  // Steady time starts at an hour, wall time at 2026-01-01T00:00:00Z.
  Instant now() const override;
  WallTime wall() const override;
  void advance(std::chrono::nanoseconds by) { passed_ += by.count(); }

 private:
  std::atomic<std::int64_t> passed_{0};  // nanoseconds
};

// "2026-01-01T00:00:00Z" as metav1.Time, "2026-01-01T00:00:00.000000Z" as metav1.MicroTime.
std::string to_rfc3339(WallTime time);
std::string to_rfc3339_micro(WallTime time);
// Either of them, or with an offset; empty for anything else.
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace swo::runtime
