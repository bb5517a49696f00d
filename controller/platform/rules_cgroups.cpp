// Which cgroups the nodes have, and by what they get v2 where they lack it.
// Sources: openshift/api config/v1 CgroupMode, machine-config-operator
// pkg/controller/kubelet-config.

#include "platform/cgroups.hpp"
#include "platform/node_settings.hpp"
#include "platform/rules.hpp"

namespace swo::platform {
namespace {

constexpr Version kCgroupModeSince{4, 13, 0};

struct Sum {
  std::vector<std::string> v1;
  std::vector<std::string> v2;
  std::vector<std::string> unknown;
  std::string source;    // of the first
  bool assumed = false;  // of some
  bool v1_seen = false;  // of some it is not an assumption
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
    sum.v1_seen = sum.v1_seen || (cgroups.version == CgroupVersion::kV1 && !cgroups.assumed);
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

const char* seen(const Sum& sum) {
  const bool v1 = !sum.v1.empty();
  const bool v2 = !sum.v2.empty();
  return v1 && v2 ? "mixed" : v1 ? "v1" : v2 ? "v2" : "unknown";
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
  if (!context.nodes.empty()) {
    context.strategy.cgroups_seen = seen(sum);
  }
  if (sum.v1.empty()) {
    explain_v2(context, sum);
    return;
  }
  // Proof of once outweighs an assumption, not what a pool's configuration says now.
  if (!sum.v1_seen && !configuration_is_read(context) &&
      (context.annotation_is_proven() || context.facts.proven_host_users)) {
    context.reason("cgroups", "v2: a workload has booted on this cluster, which v1 would not let");
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

}  // namespace swo::platform
