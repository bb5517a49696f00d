#include "devcluster/virtual_clock.hpp"

#include <algorithm>

namespace devcluster {

bool run_until(Cluster& cluster, VirtualClock& clock, const std::function<bool()>& done,
               std::chrono::system_clock::duration limit) {
  const auto end = clock.now() + limit;
  for (;;) {
    cluster.tick();
    if (done()) return true;
    if (clock.now() >= end) return false;
    clock.advance_to(std::min(end, cluster.next_due().value_or(end)));
  }
}

void run_for(Cluster& cluster, VirtualClock& clock, std::chrono::system_clock::duration time) {
  run_until(
      cluster, clock, [] { return false; }, time);
}

}  // namespace devcluster
