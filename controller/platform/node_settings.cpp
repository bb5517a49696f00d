#include "platform/node_settings.hpp"

#include <algorithm>

#include "platform/pools.hpp"
#include "platform/projections.hpp"

namespace swo::platform {
namespace {

constexpr Version kOpenshiftWithWorkloadClasses{4, 10, 0};
constexpr Version kCrioWithWorkloadClasses{1, 23, 0};  // whose allowed_annotations count

constexpr std::string_view kByHandArguments =
    "kernelArguments systemd.unified_cgroup_hierarchy=1, cgroup_no_v1=\"all\", psi=1";
constexpr std::string_view kByHandWorkload =
    "a file under /etc/crio/crio.conf.d that allows io.kubernetes.cri-o.userns-mode for the "
    "workload io.openshift.userns";
constexpr std::string_view kByHandRuntime =
    "a file under /etc/crio/crio.conf.d that lists io.kubernetes.cri-o.userns-mode in the "
    "allowed_annotations of [crio.runtime.runtimes.runc]";
constexpr std::string_view kByHandRanges =
    ", and /etc/subuid and /etc/subgid with ranges for \"containers\"";

// status.configuration moves only once all machines of the pool have it: what it holds is in force.
bool arguments_in_force(const PoolFacts& pool, std::string_view config) {
  return pool.kernel_arguments ? cgroups_of(*pool.kernel_arguments) == CgroupVersion::kV2
                               : rolled_out(pool, config);
}

Tri crio_in_force(const PoolFacts& pool, std::string_view config, bool by_runtime_table) {
  if (by_runtime_table && pool.crio_user_namespaces == Tri::kYes && !pool.crio_runtime_table) {
    return Tri::kNo;
  }
  if (pool.crio_user_namespaces == Tri::kUnknown && rolled_out(pool, config)) {
    return Tri::kYes;
  }
  return pool.crio_user_namespaces;
}

}  // namespace

bool needs_runtime_table(const Context& context) {
  return context.before(kOpenshiftWithWorkloadClasses) ||
         std::ranges::any_of(context.nodes, [](const NodeFacts* node) {
           return node->runtime == Runtime::kCrio && node->runtime_version &&
                  *node->runtime_version < kCrioWithWorkloadClasses;
         });
}

Tri crio_in_force(const Context& context) {
  const std::string config = machine_config_name(context.pool_name());
  const bool by_runtime_table = needs_runtime_table(context);
  Tri all = context.pools.empty() ? Tri::kUnknown : Tri::kYes;
  for (const PoolFacts* pool : context.pools) {
    const Tri one = crio_in_force(*pool, config, by_runtime_table);
    if (one == Tri::kNo || all == Tri::kNo) {
      all = Tri::kNo;
    } else if (one == Tri::kUnknown) {
      all = Tri::kUnknown;
    }
  }
  return all;
}

bool configuration_is_read(const Context& context) {
  return std::ranges::any_of(
      context.pools, [](const PoolFacts* pool) { return pool->kernel_arguments.has_value(); });
}

bool need_in_force(const Context& context, const MachineConfigNeed& need) {
  const std::string config = machine_config_name(need.pool);
  return !context.pools.empty() && std::ranges::all_of(context.pools, [&](const PoolFacts* pool) {
    return (!need.kernel_arguments || arguments_in_force(*pool, config)) &&
           (!need.crio_files || crio_in_force(*pool, config, need.crio_runtime_table) == Tri::kYes);
  });
}

bool is_written(const MachineConfigNeed& need, const PoolFacts& pool) {
  return (!need.kernel_arguments || pool.written_kernel_arguments) &&
         (!need.crio_files || pool.written_crio_files) &&
         (!need.crio_runtime_table || pool.written_crio_runtime_table);
}

std::string what_is_missing(const Context& context) {
  const auto& need = context.strategy.machine_config;
  if (context.strategy.cgroups == CgroupsBy::kCgroupMode && !(need && need->crio_files)) {
    return "cgroups v2 (spec.cgroupMode: v2 of nodes.config.openshift.io/cluster)";
  }
  if (context.strategy.cgroups == CgroupsBy::kCgroupMode) {
    return "cgroups v2 (spec.cgroupMode: v2 of nodes.config.openshift.io/cluster) and CRI-O's "
           "settings for user namespaces";
  }
  if (need && need->kernel_arguments && need->crio_files) {
    return "cgroups v2 and CRI-O's settings for user namespaces";
  }
  return need && need->crio_files ? "CRI-O's settings for user namespaces" : "cgroups v2";
}

std::string by_hand(const Context& context) {
  std::string text;
  const auto& need = context.strategy.machine_config;
  if (context.strategy.cgroups == CgroupsBy::kCgroupMode) {
    text = "set spec.cgroupMode: v2 in nodes.config.openshift.io/cluster (reboots all nodes)";
  }
  if (need && (need->kernel_arguments || need->crio_files)) {
    text += (text.empty() ? "" : "; and ") + std::string("apply a MachineConfig of role ") +
            need->pool + " with ";
    if (need->kernel_arguments) {
      text += kByHandArguments;
    }
    if (need->crio_files) {
      text += need->kernel_arguments ? " and " : "";
      text += crio_by_hand(need->crio_runtime_table);
    }
    text += " (reboots the nodes of the pool; `systemd-workload-operator render` prints it)";
  }
  return text;
}

std::string crio_by_hand(bool by_runtime_table) {
  return std::string(by_runtime_table ? kByHandRuntime : kByHandWorkload) +
         std::string(kByHandRanges);
}

}  // namespace swo::platform
