#include "platform/cgroups.hpp"

#include "platform/pools.hpp"
#include "platform/projections.hpp"
#include "platform/strategy.hpp"

namespace swo::platform {
namespace {

constexpr Version kOpenshiftWithoutV1{4, 19, 0};
constexpr Version kOpenshiftWithCgroupMode{4, 13, 0};
constexpr Version kOpenshiftOnV2ByDefault{4, 14, 0};
constexpr Version kKubeletWithoutV1{1, 35, 0};

CgroupVersion pool_arguments(const NodeFacts& node, const Facts& facts) {
  const PoolFacts* pool = pool_of(node, facts);
  if (pool == nullptr) {
    return CgroupVersion::kUnknown;
  }
  if (pool->kernel_arguments) {
    return cgroups_of(*pool->kernel_arguments);
  }
  // The rendered configuration cannot be read, but that the operator's own is part of it can.
  return pool->written_kernel_arguments && rolled_out(*pool, machine_config_name(pool->name))
             ? CgroupVersion::kV2
             : CgroupVersion::kUnknown;
}

NodeCgroups generation_default(const std::optional<Version>& openshift) {
  if (openshift) {
    const bool v2 = *openshift >= kOpenshiftOnV2ByDefault;
    return {.version = v2 ? CgroupVersion::kV2 : CgroupVersion::kV1,
            .source = "the default of OpenShift 4." + std::to_string(openshift->minor),
            .assumed = true,
            .may_be_contradicted = true};
  }
  return {.version = CgroupVersion::kUnknown,
          .source = "nothing tells",
          .assumed = true,
          .may_be_contradicted = true};
}

}  // namespace

NodeCgroups cgroups_of(const NodeFacts& node, const Facts& facts) {
  if (node.cgroups != CgroupVersion::kUnknown) {
    return {.version = node.cgroups, .source = node.cgroups_source};
  }
  if (node.ready && node.kubelet && *node.kubelet >= kKubeletWithoutV1) {
    return {.version = CgroupVersion::kV2, .source = "kubelet ≥ 1.35", .may_be_contradicted = true};
  }
  const auto openshift = facts.openshift_generation();
  if (openshift && *openshift >= kOpenshiftWithoutV1) {
    return {.version = CgroupVersion::kV2, .source = "OpenShift ≥ 4.19"};
  }
  if (const auto version = pool_arguments(node, facts); version != CgroupVersion::kUnknown) {
    return {.version = version, .source = "the pool's kernel arguments"};
  }
  if (openshift && *openshift >= kOpenshiftWithCgroupMode && !facts.cgroup_mode.empty()) {
    return {.version = facts.cgroup_mode == "v1" ? CgroupVersion::kV1 : CgroupVersion::kV2,
            .source = "nodes.config/cluster cgroupMode"};
  }
  return generation_default(openshift);
}

}  // namespace swo::platform
