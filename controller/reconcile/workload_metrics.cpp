#include "reconcile/workload_metrics.hpp"

#include <chrono>
#include <limits>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "api/json_read.hpp"
#include "kube/projection.hpp"

namespace swo::reconcile {
namespace {

using prometheus::Labels;

prometheus::Family<prometheus::Gauge>& gauge(prometheus::Registry& registry, const char* name,
                                             const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Counter>& counter(prometheus::Registry& registry, const char* name,
                                                 const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

// A counter that is kept elsewhere.
void raise_to(prometheus::Counter& counter, std::uint64_t value) {
  counter.Increment(static_cast<double>(value) - counter.Value());
}

const kube::FieldMask& mask() {
  static const kube::FieldMask kMask{"spec.replicas",
                                     "spec.hibernate",
                                     "status.phase",
                                     "status.readyReplicas",
                                     "status.instances.systemdState",
                                     "status.instances.failedUnits"};
  return kMask;
}

std::string or_unknown(std::string value) { return value.empty() ? "unknown" : std::move(value); }

// "WaitingForNodes 2/5 updated" is WaitingForNodes: counts in a label would make a series of each.
std::string phase_of(const Json& status) {
  const std::string phase = text(at(status, "phase"));
  return or_unknown(phase.substr(0, phase.find(' ')));
}

// kubectl's name of it: "pods", "routes.route.openshift.io".
std::string name_of(const kube::ResourceType& type) {
  std::string name(type.plural);
  return type.group.empty() ? name : name + "." + std::string(type.group);
}

}  // namespace

WorkloadMetrics::WorkloadMetrics(prometheus::Registry& registry, World& world,
                                 const kube::Expectations& expectations, Facts facts,
                                 const runtime::Clock& clock)
    : world_(world),
      expectations_(expectations),
      facts_(std::move(facts)),
      clock_(clock),
      info_(gauge(registry, "systemdworkload_info",
                  "1 for each SystemdWorkload, with the first word of its STATUS column")),
      replicas_(gauge(registry, "systemdworkload_replicas",
                      "Instances that the workload is to have; 0 while it hibernates")),
      ready_replicas_(
          gauge(registry, "systemdworkload_ready_replicas", "Instances that are ready")),
      failed_units_(gauge(registry, "systemdworkload_failed_units",
                          "systemd units known to have failed, over all instances")),
      instances_(gauge(registry, "systemdworkload_instances",
                       "Instances by what systemd says of itself (systemctl is-system-running)")),
      pool_machines_(
          gauge(registry, "systemdworkload_pool_machines", "Nodes of the MachineConfigPool")),
      pool_updated_(gauge(registry, "systemdworkload_pool_updated_machines",
                          "Nodes of the MachineConfigPool that have its present configuration")),
      pool_degraded_(gauge(registry, "systemdworkload_pool_degraded_machines",
                           "Nodes of the MachineConfigPool that cannot take its configuration")),
      watch_age_(gauge(registry, "systemdworkload_watch_age_seconds",
                       "How long ago the API server was last heard of by the watch of that "
                       "resource; +Inf before the first list")),
      watch_restarts_(counter(registry, "systemdworkload_watch_restarts_total",
                              "Lists and reconnections of the watch of that resource after the "
                              "first")),
      timeouts_(counter(registry, "systemdworkload_expectation_timeouts_total",
                        "Waits for a watch to show a write of the operator's that ended without")
                    .Add({})),
      pending_(gauge(registry, "systemdworkload_expectations_pending",
                     "Writes of the operator's that its watches have not shown yet")
                   .Add({})) {}

void WorkloadMetrics::update() {
  ++round_;
  update_workloads();
  update_pools();
  update_watches();
  raise_to(timeouts_, expectations_.timed_out());
  pending_.Set(static_cast<double>(expectations_.pending()));
}

void WorkloadMetrics::update_workloads() {
  world_.workloads.store().for_each([this](const WorkloadFacts& facts) {
    WorkloadSeries& series = workloads_[facts.key];
    series.round = round_;
    if (series.resource_version != facts.resource_version) {
      update_workload(facts, series);
    }
  });
  for (auto entry = workloads_.begin(); entry != workloads_.end();) {
    if (entry->second.round == round_) {
      ++entry;
    } else {
      remove(entry->second);
      entry = workloads_.erase(entry);
    }
  }
}

void WorkloadMetrics::update_workload(const WorkloadFacts& facts, WorkloadSeries& series) {
  const auto document = kube::project(facts.text, mask());
  if (!document) {
    return;  // the store holds only what has been parsed
  }
  const Labels labels{{"namespace", facts.key.ns}, {"workload", facts.key.name}};
  const auto with = [&labels](const char* name, const std::string& value) {
    Labels more = labels;
    more.emplace(name, value);
    return more;
  };
  if (series.replicas == nullptr) {
    series.replicas = &replicas_.Add(labels);
    series.ready_replicas = &ready_replicas_.Add(labels);
    series.failed_units = &failed_units_.Add(labels);
  }
  const Json& spec = at(*document, "spec");
  const Json& status = at(*document, "status");
  const bool hibernates = at(spec, "hibernate") == true;
  series.replicas->Set(hibernates ? 0 : static_cast<double>(number(at(spec, "replicas"), 1)));
  series.ready_replicas->Set(static_cast<double>(number(at(status, "readyReplicas"))));

  std::string phase = phase_of(status);
  if (series.info == nullptr || series.phase != phase) {
    if (series.info != nullptr) {
      info_.Remove(series.info);
    }
    series.info = &info_.Add(with("phase", phase));
    series.info->Set(1);
    series.phase = std::move(phase);
  }

  std::size_t failed = 0;
  std::map<std::string, int> states;
  for (const Json& instance : at(status, "instances")) {
    failed += at(instance, "failedUnits").size();
    ++states[or_unknown(text(at(instance, "systemdState")))];
  }
  series.failed_units->Set(static_cast<double>(failed));
  for (auto held = series.instances.begin(); held != series.instances.end();) {
    if (states.contains(held->first)) {
      ++held;
    } else {
      instances_.Remove(held->second);
      held = series.instances.erase(held);
    }
  }
  for (const auto& [state, count] : states) {
    Gauge*& held = series.instances[state];
    if (held == nullptr) {
      held = &instances_.Add(with("systemd_state", state));
    }
    held->Set(count);
  }
  series.resource_version = facts.resource_version;
}

void WorkloadMetrics::remove(const WorkloadSeries& series) {
  info_.Remove(series.info);
  replicas_.Remove(series.replicas);
  ready_replicas_.Remove(series.ready_replicas);
  failed_units_.Remove(series.failed_units);
  for (const auto& [state, held] : series.instances) {
    instances_.Remove(held);
  }
}

void WorkloadMetrics::update_pools() {
  const auto facts = facts_();
  for (const platform::PoolFacts& pool : facts->pools) {
    PoolSeries& series = pools_[pool.name];
    series.round = round_;
    if (series.machines == nullptr) {
      const Labels labels{{"pool", pool.name}};
      series.machines = &pool_machines_.Add(labels);
      series.updated = &pool_updated_.Add(labels);
      series.degraded = &pool_degraded_.Add(labels);
    }
    series.machines->Set(pool.machine_count);
    series.updated->Set(pool.updated_count);
    series.degraded->Set(pool.degraded_count);
  }
  for (auto entry = pools_.begin(); entry != pools_.end();) {
    const PoolSeries& series = entry->second;
    if (series.round == round_) {
      ++entry;
    } else {
      pool_machines_.Remove(series.machines);
      pool_updated_.Remove(series.updated);
      pool_degraded_.Remove(series.degraded);
      entry = pools_.erase(entry);
    }
  }
}

void WorkloadMetrics::update_watches() {
  const kube::Instant now = clock_.now();
  for (const kube::InformerBase* informer : world_.informers()) {
    const Labels labels{{"resource", name_of(informer->type())}};
    const auto heard = informer->last_event_at();
    watch_age_.Add(labels).Set(heard ? std::chrono::duration<double>(now - *heard).count()
                                     : std::numeric_limits<double>::infinity());
    raise_to(watch_restarts_.Add(labels), informer->restarts());
  }
}

}  // namespace swo::reconcile
