#include "platform/pools.hpp"

#include <algorithm>

#include "platform/selectors.hpp"
#include "platform/strategy.hpp"

namespace swo::platform {
namespace {

// An empty node selector selects no node here, unlike elsewhere in Kubernetes (getPoolsForNode
// skips it).
bool holds(const PoolFacts& pool, const NodeFacts& node) {
  return !pool.node_selector.empty() && selects(pool.node_selector, node.labels);
}

// Until the change that is waited for has reached the pool's spec, and that spec the status, all
// machines count as updated, but to what they had before.
bool begun(const PoolFacts& pool, std::string_view config) {
  const bool taken_up = config.empty() || pool.spec_sources.empty() ||
                        pool.spec_sources.contains(std::string(config));
  return taken_up && pool.spec_configuration != pool.status_configuration &&
         pool.observed_generation == pool.generation;
}

void append_name(std::string& names, const std::string& name) {
  names += (names.empty() ? "" : ", ") + name;
}

}  // namespace

const PoolFacts* find_pool(std::string_view name, const Facts& facts) {
  const auto found = std::ranges::find(facts.pools, name, &PoolFacts::name);
  return found == facts.pools.end() ? nullptr : &*found;
}

const PoolFacts* pool_of(const NodeFacts& node, const Facts& facts) {
  const PoolFacts* master = nullptr;
  const PoolFacts* worker = nullptr;
  const PoolFacts* custom = nullptr;
  for (const PoolFacts& pool : facts.pools) {
    if (holds(pool, node)) {
      (pool.name == "master" ? master : pool.name == "worker" ? worker : custom) = &pool;
    }
  }
  if (master != nullptr) {
    return master;
  }
  return custom != nullptr ? custom : worker;
}

bool takes_role(const PoolFacts& pool, std::string_view role) {
  const Labels labels = {{"machineconfiguration.openshift.io/role", std::string(role)}};
  return pool.machine_config_selector.empty() ? pool.name == role
                                              : selects(pool.machine_config_selector, labels);
}

std::vector<const PoolFacts*> pools_of_role(std::string_view role, const Facts& facts) {
  std::vector<const PoolFacts*> pools;
  for (const PoolFacts& pool : facts.pools) {
    if (takes_role(pool, role)) {
      pools.push_back(&pool);
    }
  }
  return pools;
}

bool brings_ours(const PoolFacts& pool) {
  const std::string ours = machine_config_name(pool.name);
  return pool.updating == Tri::kYes && pool.degraded != Tri::kYes && !pool.paused &&
         pool.spec_sources.contains(ours) && !pool.sources.contains(ours);
}

std::string Progress::updated_text() const {
  return std::to_string(updated) + "/" + std::to_string(machines) + " updated";
}

Progress progress_of(const std::vector<const PoolFacts*>& pools, std::string_view config) {
  Progress progress;
  for (const PoolFacts* pool : pools) {
    progress.machines += pool->machine_count;
    progress.updated += begun(*pool, config) ? pool->updated_count : 0;
    progress.degraded_machines += pool->degraded_count;
    progress.of_others = progress.of_others || (pool->updating == Tri::kYes && !brings_ours(*pool));
    if (pool->paused) {
      append_name(progress.paused, pool->name);
    }
    if (pool->degraded == Tri::kYes) {
      append_name(progress.degraded, pool->name);
      if (progress.degraded_message.empty()) {
        progress.degraded_message = pool->degraded_message;
      }
    }
  }
  return progress;
}

std::string machine_config_name(std::string_view pool) {
  return "99-" + std::string(pool) + "-systemd-workload";
}

bool rolled_out(const PoolFacts& pool, std::string_view config) {
  return pool.observed_generation == pool.generation &&
         pool.sources.contains(std::string(config)) && !pool.status_configuration.empty() &&
         pool.status_configuration == pool.spec_configuration && pool.updated == Tri::kYes &&
         pool.degraded != Tri::kYes;
}

}  // namespace swo::platform
