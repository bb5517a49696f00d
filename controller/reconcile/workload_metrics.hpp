// What the workloads, their pools and the watches look like, as metrics: systemdworkload_*.
//
// Read from the stores when someone asks, so a reconcile pays nothing. A workload is parsed again
// only once it has changed; the series of one that is gone go with it.
//
// update() by one thread at a time (runtime::Metrics::before_text() sees to that). Everything that
// it is given must outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "kube/expectations.hpp"
#include "platform/facts.hpp"
#include "reconcile/world.hpp"
#include "runtime/clock.hpp"

namespace prometheus {
class Counter;
class Gauge;
class Registry;
template <typename T>
class Family;
}  // namespace prometheus

namespace swo::reconcile {

class WorkloadMetrics {
 public:
  using Facts = std::function<std::shared_ptr<const platform::Facts>()>;

  WorkloadMetrics(prometheus::Registry& registry, World& world,
                  const kube::Expectations& expectations, Facts facts, const runtime::Clock& clock);

  void update();

 private:
  using Gauge = prometheus::Gauge;
  using Counter = prometheus::Counter;
  template <class T>
  using Family = prometheus::Family<T>;

  struct WorkloadSeries {
    std::uint64_t resource_version = 0;
    std::uint64_t round = 0;  // of update(), when it was last there
    std::string phase;
    Gauge* info = nullptr;
    Gauge* replicas = nullptr;
    Gauge* ready_replicas = nullptr;
    Gauge* failed_units = nullptr;
    std::map<std::string, Gauge*> instances;  // by systemd's state
  };
  struct PoolSeries {
    std::uint64_t round = 0;
    Gauge* machines = nullptr;
    Gauge* updated = nullptr;
    Gauge* degraded = nullptr;
  };

  void update_workloads();
  void update_workload(const WorkloadFacts& facts, WorkloadSeries& series);
  void remove(const WorkloadSeries& series);
  void update_pools();
  void update_watches();

  World& world_;
  const kube::Expectations& expectations_;
  Facts facts_;
  const runtime::Clock& clock_;

  Family<Gauge>& info_;
  Family<Gauge>& replicas_;
  Family<Gauge>& ready_replicas_;
  Family<Gauge>& failed_units_;
  Family<Gauge>& instances_;
  Family<Gauge>& pool_machines_;
  Family<Gauge>& pool_updated_;
  Family<Gauge>& pool_degraded_;
  Family<Gauge>& watch_age_;
  Family<Counter>& watch_restarts_;
  Counter& timeouts_;
  Gauge& pending_;

  std::uint64_t round_ = 0;
  std::unordered_map<kube::ObjectKey, WorkloadSeries, kube::ObjectKeyHash> workloads_;
  std::map<std::string, PoolSeries> pools_;
};

}  // namespace swo::reconcile
