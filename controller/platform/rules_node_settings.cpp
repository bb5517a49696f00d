// Whether the nodes' settings may be written now, and what is waited for until they are in force.
// Sources: machine-config-operator docs/MachineConfigPool.md and pkg/controller/node.

#include <algorithm>

#include "api/names.hpp"
#include "platform/cgroups.hpp"
#include "platform/node_settings.hpp"
#include "platform/pools.hpp"
#include "platform/projections.hpp"
#include "platform/rules.hpp"

namespace swo::platform {
namespace {

bool settled(const PoolFacts& pool) {
  return pool.observed_generation == pool.generation &&
         pool.status_configuration == pool.spec_configuration && pool.updated == Tri::kYes;
}

// Someone else's MachineConfig says v1. On 4.13 and later the operator of the pools says so itself
// as long as cgroupMode is v1, and once more until a change of it is rendered and rolled out. Its
// argument for v2, of no effect beside the other, tells that it has been rendered.
bool conflicts_with_mode(const PoolFacts& pool) {
  const bool next =
      pool.held && pool.target_cgroups == CgroupVersion::kV1 && pool.target_asks_for_v2;
  return next || (settled(pool) && pool.kernel_arguments && ask_for_v2(*pool.kernel_arguments) &&
                  cgroups_of(*pool.kernel_arguments) == CgroupVersion::kV1);
}

const PoolFacts* conflicting_pool(const Context& context) {
  const bool by_mode = context.strategy.cgroups == CgroupsBy::kCgroupMode;
  for (const PoolFacts* pool : context.pools) {
    const bool says_v1 =
        pool->kernel_arguments && cgroups_of(*pool->kernel_arguments) == CgroupVersion::kV1;
    if (by_mode ? context.facts.cgroup_mode == "v2" && conflicts_with_mode(*pool) : says_v1) {
      return pool;
    }
  }
  return nullptr;
}

std::string missing_reason(const Context& context) {
  const auto& need = context.strategy.machine_config;
  const bool cgroups = context.strategy.cgroups != CgroupsBy::kNothing;
  return cgroups || (need && need->kernel_arguments) ? "CgroupsV1" : "CrioNotConfigured";
}

// Something has been read of how the nodes are set, rather than assumed.
bool nodes_are_seen(const Context& context) {
  return configuration_is_read(context) ||
         std::ranges::any_of(context.nodes, [](const NodeFacts* node) {
           return node->cgroups != CgroupVersion::kUnknown;
         });
}

// nullopt: consent is given.
std::optional<Blocker> lacks_consent(const Context& context) {
  std::string who;
  if (context.workload.spec.platform.machine_config == "Unmanaged") {
    who =
        "The workload leaves the nodes to their administrator "
        "(spec.platform.cgroups.machineConfig: Unmanaged): ";
  } else if (context.mode == MachineConfigMode::kPreview) {
    who =
        "The operator only previews node settings (--machine-config=Preview): start it with "
        "--machine-config=Apply, or ";
  } else if (context.mode == MachineConfigMode::kOff) {
    who = "The operator does not write node settings (--machine-config=Off): ";
  } else {
    return std::nullopt;
  }
  return Blocker{
      .reason = missing_reason(context),
      .message = "The nodes of pool " + context.pool_name() + " lack " + what_is_missing(context) +
                 ". " + who + by_hand(context) + ".",
      // Where nothing can be read, an administrator who has done it all by hand is believed.
      .holds_pods = nodes_are_seen(context)};
}

std::optional<Blocker> lacks_pool(const Context& context) {
  if (!context.facts.has_machine_config) {
    return Blocker{
        .reason = "NoMachineConfigApi",
        .message =
            "The nodes lack " + what_is_missing(context) +
            ", and this cluster has no MachineConfig API. With hosted control planes put the "
            "MachineConfig into a ConfigMap that spec.config of the NodePool names; on "
            "MicroShift set it on the host. By hand: " +
            by_hand(context) +
            ". Nothing tells the operator when that is done: set "
            "spec.platform.cgroups.machineConfig: Unmanaged then.",
        // An administrator who has done it is believed; a workload that boots is proof.
        .holds_pods = context.workload.spec.platform.machine_config != "Unmanaged" &&
                      context.mode != MachineConfigMode::kOff};
  }
  if (context.facts.pools.empty()) {
    return Blocker{.reason = "PoolsUnreadable",
                   .message =
                       "MachineConfigPools cannot be read, so a rollout could not be followed. "
                       "Allow the operator get, list and watch of machineconfigpools."};
  }
  if (context.pool == nullptr) {
    std::vector<std::string> names;
    for (const PoolFacts& pool : context.facts.pools) {
      names.push_back(pool.name);
    }
    return Blocker{.reason = "PoolMissing",
                   .message = "spec.platform.cgroups.pool: there is no MachineConfigPool \"" +
                              context.pool_name() + "\"; there are " + name_list(names) + "."};
  }
  return std::nullopt;
}

// A rollout of that pool would reboot nodes on which the workload does not land, for nothing. (The
// cgroupMode is of all pools, whichever the workload names.)
std::optional<Blocker> names_other_pool(const Context& context) {
  std::vector<std::string> theirs;  // the pools of the nodes that it may land on
  for (const NodeFacts* node : context.nodes) {
    const PoolFacts* pool = pool_of(*node, context.facts);
    if (std::ranges::find(context.pools, pool) != context.pools.end()) {
      return std::nullopt;
    }
    if (pool != nullptr && std::ranges::find(theirs, pool->name) == theirs.end()) {
      theirs.push_back(pool->name);
    }
  }
  if (theirs.empty() || !context.strategy.machine_config) {
    return std::nullopt;
  }
  return Blocker{.reason = "PoolElsewhere",
                 .message =
                     "spec.platform.cgroups.pool: no node that the workload may land on is "
                     "of MachineConfigPool \"" +
                     context.pool_name() + "\", so nothing is changed there; they are of " +
                     name_list(theirs) + " and lack " + what_is_missing(context) +
                     ". Name their pool, or lead the instances to the nodes of this one "
                     "with spec.nodeSelector and spec.tolerations."};
}

// A workload that is not to run now is no ground either; what is under way goes on.
std::optional<Blocker> is_at_rest(const Context& context) {
  const api::Spec& spec = context.workload.spec;
  const char* until = spec.paused          ? "spec.paused is false"
                      : spec.hibernate     ? "spec.hibernate is false"
                      : spec.replicas == 0 ? "spec.replicas is above 0"
                                           : nullptr;
  if (until == nullptr && !context.workload.deleting) {
    return std::nullopt;
  }
  return Blocker{
      .reason = missing_reason(context),
      .message = "The nodes of pool " + context.pool_name() + " lack " + what_is_missing(context) +
                 (until == nullptr ? std::string(", and the workload is being deleted.")
                                   : std::string(", which the operator gives them once ") + until +
                                         ": until then no node is rebooted for it.")};
}

// An assumption is never ground enough to reboot nodes.
std::optional<Blocker> lacks_knowledge(const Context& context) {
  for (const PoolFacts* pool : context.pools) {
    if (!pool->kernel_arguments && !pool->written_kernel_arguments && !pool->written_crio_files) {
      return Blocker{
          .reason = "PoolsUnreadable",
          .message = "The rendered MachineConfig of pool " + pool->name + " (" +
                     pool->status_configuration +
                     ") has not been read, so nothing is changed on its nodes. Allow the "
                     "operator get of machineconfigs.",
          .waiting = true};
    }
  }
  return std::nullopt;
}

// Someone has set it back. Overruling that would reboot every node, and again, and again.
std::optional<Blocker> mode_reverted(const Context& context) {
  const Facts& facts = context.facts;
  if (context.strategy.cgroups != CgroupsBy::kCgroupMode || !facts.cgroup_mode_written ||
      facts.cgroup_mode == "v2") {
    return std::nullopt;
  }
  return Blocker{
      .reason = "CgroupModeReverted",
      .message = "spec.cgroupMode of nodes.config.openshift.io/cluster is \"" + facts.cgroup_mode +
                 "\" again after the operator had set v2. It is not overruled, as each change "
                 "reboots every node: set it to v2, or remove the annotation " +
                 std::string(api::kAnnotationCgroupMode) + " there to let the operator do so."};
}

std::optional<Blocker> conflicts(const Context& context) {
  const bool arguments =
      context.strategy.cgroups != CgroupsBy::kNothing ||
      (context.strategy.machine_config && context.strategy.machine_config->kernel_arguments);
  const PoolFacts* pool = arguments ? conflicting_pool(context) : nullptr;
  if (pool == nullptr) {
    return std::nullopt;
  }
  return Blocker{
      .reason = "KernelArgumentsConflict",
      .message = "Another MachineConfig of pool " + pool->name +
                 " sets systemd.unified_cgroup_hierarchy=0, which keeps the nodes on "
                 "cgroups v1. It is not overruled: find it with `oc get machineconfig -o "
                 "yaml` and remove the argument."};
}

// For kCgroupMode every pool is concerned, whichever the workload names.
Blocker wait_for(const Context& context, const Progress& progress) {
  Blocker blocker{.reason = "WaitingForNodes",
                  .detail = progress.updated_text(),
                  .message = "The nodes get " + what_is_missing(context) + ": " +
                             progress.updated_text() + ". Each is drained and rebooted in turn.",
                  .waiting = true};
  if (!progress.degraded.empty()) {
    blocker.reason = "PoolDegraded";
    blocker.detail = std::to_string(progress.degraded_machines) + "/" +
                     std::to_string(progress.machines) + " degraded";
    blocker.message = "MachineConfigPool " + progress.degraded + " is degraded (" + blocker.detail +
                      ", " + progress.updated_text() + "), so its rollout does not go on: " +
                      (progress.degraded_message.empty() ? std::string("no message")
                                                         : progress.degraded_message) +
                      ". Look at `oc describe machineconfigpool " + progress.degraded + "`.";
    blocker.waiting = false;
  } else if (!progress.paused.empty()) {
    blocker.reason = "PoolPaused";
    blocker.message = "MachineConfigPool " + progress.paused + " is paused (" +
                      progress.updated_text() +
                      "), so its rollout does not go on. Set spec.paused: false when its nodes may "
                      "reboot.";
    blocker.waiting = false;
  }
  return blocker;
}

}  // namespace

void settle_node_settings(Context& context) {
  const bool by_mode = context.strategy.cgroups == CgroupsBy::kCgroupMode;
  const auto& need = context.strategy.machine_config;
  if (!context.strategy.blockers.empty()) {
    if (by_mode || need) {
      context.reason("MachineConfig", "not written: the workload could not run all the same");
    }
    return;
  }
  const bool by_config = need && !need_in_force(context, *need);
  const bool nodes_lag = context.strategy.cgroups == CgroupsBy::kKernelArguments && !by_config;
  if (nodes_lag) {
    context.warn("CgroupsV1",
                 "The pool has the kernel arguments of cgroups v2, yet some node says "
                 "v1: look at /proc/cmdline of the node, or wait for its reboot.");
  }
  if (!by_mode && !by_config) {
    context.strategy.may_write_node_settings =
        need.has_value() && !lacks_consent(context) && !lacks_pool(context);
    return;
  }
  for (const auto check :
       {lacks_pool, names_other_pool, lacks_consent, lacks_knowledge, mode_reverted, conflicts}) {
    if (auto blocker = check(context)) {
      context.block(std::move(*blocker));
      return;
    }
  }
  std::vector<const PoolFacts*> pools = context.pools;
  if (by_mode) {
    pools.clear();
    for (const PoolFacts& pool : context.facts.pools) {
      pools.push_back(&pool);
    }
  }
  const PoolFacts& pool = *context.pool;
  const bool config_written = need && is_written(*need, pool);
  const bool written = (!by_mode || context.facts.cgroup_mode == "v2") && (!need || config_written);
  if (auto blocker = written ? std::nullopt : is_at_rest(context)) {
    context.block(*std::move(blocker));
    return;
  }
  const Progress progress = progress_of(pools);
  // A rollout under way is let finish before another is caused, unless it brings the first of our
  // two writes: nodes that it has not reached yet then reboot once for both. A paused pool takes
  // the change when it goes on, with whatever else it holds back.
  context.strategy.may_write_node_settings =
      written || (progress.degraded.empty() && !progress.of_others);
  Blocker blocker = wait_for(
      context, written ? progress_of(context.pools, config_written ? machine_config_name(need->pool)
                                                                   : std::string())
                       : progress);
  if (!written && blocker.waiting && progress.of_others) {
    blocker.message += " A rollout of something else is under way and is waited for first.";
  }
  context.block(std::move(blocker));
}

}  // namespace swo::platform
