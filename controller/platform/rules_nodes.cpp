// What must be set on the nodes themselves: cgroups v2 and, for the annotation, CRI-O's settings.
// Any change drains and reboots every node of a pool, so it is wanted only where something is
// missing, and written only with consent. Sources: machine-config-operator
// docs/MachineConfigPool.md and pkg/controller/kubelet-config, openshift/api config/v1 CgroupMode.

#include <algorithm>

#include "platform/cgroups.hpp"
#include "platform/projections.hpp"
#include "platform/rules.hpp"

namespace swo::platform {
namespace {

constexpr Version kCgroupModeSince{4, 13, 0};
constexpr Version kNodeSettingsUntil{4, 19,
                                     0};  // cgroups v1 is gone; nothing is written from here on

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

struct Sum {
  std::vector<std::string> v1;
  std::vector<std::string> v2;
  std::vector<std::string> unknown;
  std::string source;  // of the first
  bool assumed = false;
};

Sum sum_up(const Context& context) {
  Sum sum;
  const auto add = [&](const NodeFacts& node) {
    const NodeCgroups cgroups = cgroups_of(node, context.facts);
    auto& names = cgroups.version == CgroupVersion::kV1   ? sum.v1
                  : cgroups.version == CgroupVersion::kV2 ? sum.v2
                                                          : sum.unknown;
    names.push_back(node.name);
    sum.assumed = sum.assumed || cgroups.assumed;
    if (sum.source.empty()) {
      sum.source = cgroups.source;
    }
  };
  for (const NodeFacts* node : context.nodes) {
    add(*node);
  }
  if (context.nodes.empty()) {  // none can be seen: judge by what is known of the pool
    NodeFacts unseen{.name = "the nodes"};
    if (context.pool != nullptr) {
      unseen.name = "the nodes of pool " + context.pool->name;
      const Json labels = context.pool->node_selector.value("matchLabels", Json::object());
      for (const auto& [key, value] : labels.items()) {
        unseen.labels[key] = value.is_string() ? value.get<std::string>() : "";
      }
    }
    add(unseen);
  }
  return sum;
}

bool settled(const PoolFacts& pool) {
  return pool.observed_generation == pool.generation &&
         pool.status_configuration == pool.spec_configuration && pool.updated == Tri::kYes;
}

// status.configuration moves only once all machines of the pool have it: what it holds is in force.
bool arguments_in_force(const PoolFacts& pool, std::string_view config) {
  return pool.kernel_arguments ? cgroups_of(*pool.kernel_arguments) == CgroupVersion::kV2
                               : rolled_out(pool, config);
}

// Some node that matters has a CRI-O that passes over the allowed_annotations of workload classes.
// During an upgrade of the cluster that is so until its last node is through.
bool needs_runtime_table(const Context& context) {
  return context.before(kOpenshiftWithWorkloadClasses) ||
         std::ranges::any_of(context.nodes, [](const NodeFacts* node) {
           return node->runtime == Runtime::kCrio && node->runtime_version &&
                  *node->runtime_version < kCrioWithWorkloadClasses;
         });
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

// The least that is true of all pools concerned; unknown where there are none.
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

// Someone else's MachineConfig says v1. On 4.13 and later the operator of the pools says so itself
// as long as cgroupMode is v1, and once more until a change of it is rolled out.
const PoolFacts* conflicting_pool(const Context& context) {
  const bool by_mode = context.strategy.cgroups == CgroupsBy::kCgroupMode;
  for (const PoolFacts* pool : context.pools) {
    const bool says_v1 =
        pool->kernel_arguments && cgroups_of(*pool->kernel_arguments) == CgroupVersion::kV1;
    if (says_v1 && (!by_mode || (context.facts.cgroup_mode == "v2" && settled(*pool)))) {
      return pool;
    }
  }
  return nullptr;
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
      text += need->crio_runtime_table ? kByHandRuntime : kByHandWorkload;
      text += kByHandRanges;
    }
    text += " (reboots the nodes of the pool; `systemd-workload-operator render` prints it)";
  }
  return text;
}

std::string missing_reason(const Context& context) {
  const auto& need = context.strategy.machine_config;
  const bool cgroups = context.strategy.cgroups != CgroupsBy::kNothing;
  return cgroups || (need && need->kernel_arguments) ? "CgroupsV1" : "CrioNotConfigured";
}

// Something has been read of how the nodes are set, rather than assumed.
bool nodes_are_seen(const Context& context) {
  return std::ranges::any_of(
             context.pools,
             [](const PoolFacts* pool) { return pool->kernel_arguments.has_value(); }) ||
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
            by_hand(context) + "."};
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

void explain_v2(Context& context, const Sum& sum) {
  std::string text = "v2 on " + counted(sum.v2.size(), "eligible node") + " (" + sum.source + ")";
  if (context.nodes.empty()) {
    text = "v2 (" + sum.source + "; no node can be seen)";
  } else if (!sum.unknown.empty()) {
    text = "unknown on " + counted(sum.unknown.size(), "node") + " of " +
           std::to_string(context.nodes.size()) +
           "; taken for v2, which every distribution has by default since 2022";
  }
  context.reason(
      "cgroups",
      text + (sum.assumed && sum.unknown.empty() ? "; assumed, nothing in the API tells" : ""));
}

}  // namespace

void choose_cgroups(Context& context) {
  const Sum sum = sum_up(context);
  if (sum.v1.empty()) {
    explain_v2(context, sum);
    return;
  }
  const std::string where = name_list(sum.v1) + " (" + sum.source + ")";
  const bool openshift_settable = context.before(kNodeSettingsUntil);
  if (openshift_settable) {
    const bool by_mode = *context.openshift >= kCgroupModeSince;
    context.strategy.cgroups = by_mode ? CgroupsBy::kCgroupMode : CgroupsBy::kKernelArguments;
    context.reason(
        "cgroups",
        "v1 on " + where +
            (by_mode ? ": nodes.config.openshift.io/cluster spec.cgroupMode: v2, for all "
                       "pools, as OpenShift 4.13 – 4.18 has it"
                     : ": kernel arguments by MachineConfig, as OpenShift before 4.13 "
                       "has no cgroupMode"));
  } else if (sum.v2.empty() && sum.unknown.empty()) {
    context.reason("cgroups", "v1 on " + where);
    context.block(
        {.reason = "CgroupsV1",
         .message = "Every node that the workload may land on is on cgroups v1: " + where +
                    ". Boot them with systemd.unified_cgroup_hierarchy=1; the operator "
                    "changes nothing on the nodes of this platform."});
  } else {
    context.reason("cgroups", "v1 on " + where + ", v2 elsewhere");
    context.warn("MixedCgroups", counted(sum.v1.size(), "node") + " of " +
                                     std::to_string(context.nodes.size()) +
                                     " on cgroups v1: " + where +
                                     ". An instance that lands there will not boot. Leave them out "
                                     "with spec.nodeSelector.");
  }
}

void gather_machine_config(Context& context) {
  if (!context.before(kNodeSettingsUntil)) {
    const bool configured = context.facts.proven_annotation || crio_in_force(context) == Tri::kYes;
    if (context.by_annotation() && context.openshift && !configured) {
      Blocker blocker{
          .reason = "CrioNotConfigured",
          .message =
              "CRI-O obeys the annotation only with settings on the node, and from OpenShift "
              "4.19 on the operator writes none. Upgrade to ≥ 4.20 with "
              "spec.platform.userNamespace: Auto, or apply a MachineConfig of role " +
              context.pool_name() + " with " + std::string(kByHandWorkload) +
              std::string(kByHandRanges) + "."};
      blocker.holds_pods = crio_in_force(context) == Tri::kNo;
      context.block(std::move(blocker));
    }
    context.reason("MachineConfig", "none: this platform needs no node settings of the operator");
    return;
  }
  MachineConfigNeed need{.pool = context.pool_name()};
  const PoolFacts* pool = context.pool;
  const bool written_files = pool != nullptr && pool->written_crio_files;
  need.kernel_arguments = context.strategy.cgroups == CgroupsBy::kKernelArguments ||
                          (pool != nullptr && pool->written_kernel_arguments);
  const bool has_files =
      !written_files && (context.facts.proven_annotation || crio_in_force(context) == Tri::kYes);
  need.crio_files = written_files || (context.by_annotation() && !has_files);
  need.crio_runtime_table =
      need.crio_files &&
      (needs_runtime_table(context) || (pool != nullptr && pool->written_crio_runtime_table));
  if (!need.kernel_arguments && !need.crio_files) {
    context.reason("MachineConfig", "none: the nodes have what is needed");
    return;
  }
  context.reason("MachineConfig",
                 machine_config_name(need.pool) + " with" +
                     (need.kernel_arguments ? " the kernel arguments of cgroups v2" : "") +
                     (need.kernel_arguments && need.crio_files ? " and" : "") +
                     (need.crio_files ? " CRI-O's settings for the annotation" : "") +
                     (need.crio_runtime_table ? ", allowed to the runtime as CRI-O before 1.23 "
                                                "knows no workload's allowed_annotations"
                                              : ""));
  context.strategy.machine_config = std::move(need);
}

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
  for (const auto check : {lacks_pool, lacks_consent, lacks_knowledge, conflicts}) {
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
  const Progress progress = progress_of(pools);
  // A rollout under way is let finish before another is caused; a paused pool takes the change when
  // it goes on, with whatever else it holds back.
  context.strategy.may_write_node_settings =
      written || (progress.degraded.empty() && !progress.updating);
  Blocker blocker = wait_for(
      context, written ? progress_of(context.pools, config_written ? machine_config_name(need->pool)
                                                                   : std::string())
                       : progress);
  if (!written && blocker.waiting && progress.updating) {
    blocker.message += " A rollout of something else is under way and is waited for first.";
  }
  context.block(std::move(blocker));
}

}  // namespace swo::platform
