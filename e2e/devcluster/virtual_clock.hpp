// Time that moves when told to: for tests that live hours of a cluster in milliseconds.
// The clock is thread-safe; run_for() and run_until() are for one thread.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

#include "devcluster/cluster.hpp"

namespace devcluster {

class VirtualClock {
 public:
  // Starts at 2025-03-01T12:00:00Z.
  Time now() const { return Time(Time::duration(ticks_.load())); }
  void advance_to(Time time) {
    if (time > now()) ticks_ = time.time_since_epoch().count();
  }
  void advance(std::chrono::system_clock::duration by) { advance_to(now() + by); }
  // The clock must outlive what it is given to.
  Clock clock() {
    return [this] { return now(); };
  }

 private:
  static constexpr std::chrono::seconds kStart{1'740'830'400};
  std::atomic<Time::rep> ticks_{std::chrono::duration_cast<Time::duration>(kStart).count()};
};

// Lets the cluster live for that long, stopping at each moment when something is due.
void run_for(Cluster& cluster, VirtualClock& clock, std::chrono::system_clock::duration time);

// The same until `done` holds; false when `limit` is over first.
bool run_until(Cluster& cluster, VirtualClock& clock, const std::function<bool()>& done,
               std::chrono::system_clock::duration limit = std::chrono::minutes(10));

}  // namespace devcluster
