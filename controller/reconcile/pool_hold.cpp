#include "reconcile/pool_hold.hpp"

#include <algorithm>
#include <string>

#include "api/names.hpp"
#include "platform/pools.hpp"
#include "reconcile/types.hpp"

namespace swo::reconcile {
namespace {

using platform::PoolFacts;
using platform::Tri;

// Only if nobody has changed the pool since: a pause by someone else is theirs to end.
Action change(const PoolFacts& pool, Json annotation, Json spec, std::string why) {
  Json patch = {{"metadata",
                 {{"resourceVersion", pool.resource_version},
                  {"annotations", {{std::string(api::kAnnotationHeld), std::move(annotation)}}}}}};
  if (!spec.is_null()) {
    patch["spec"] = std::move(spec);
  }
  return {
      PatchAction{
          .type = &types::kMachineConfigPool, .key = {"", pool.name}, .patch = std::move(patch)},
      std::move(why)};
}

// Some need is of a MachineConfig that this pool takes, and the configuration that it would roll
// out lacks it, or cgroupMode's arguments.
bool awaits_rendering(const ReleaseInput& input, const PoolFacts& pool) {
  return std::any_of(input.needs.begin(), input.needs.end(), [&](const auto& entry) {
    const auto& [role, need] = entry;
    const bool lacks =
        !pool.spec_sources.contains(platform::machine_config_name(role)) ||
        (input.facts.cgroup_mode == "v2" && pool.target_cgroups != platform::CgroupVersion::kV2) ||
        (need.crio_files && pool.target_crio_user_namespaces == Tri::kNo);
    return platform::takes_role(pool, role) && lacks;
  });
}

// Empty: it stays held.
std::string reason_to_release(const ReleaseInput& input, const PoolFacts& pool) {
  if (!input.may_write) {
    return "it was held for node settings that are not to be written any more";
  }
  if (pool.degraded == Tri::kYes) {
    return "it is degraded, and does not recover while it is held";
  }
  if (!input.all_reported || input.outstanding || awaits_rendering(input, pool)) {
    return {};
  }
  return "all that its nodes need is in its next configuration";
}

}  // namespace

std::vector<Action> plan_holds(const TwoWrites& outstanding, const platform::Facts& facts) {
  std::vector<Action> actions;
  if (!outstanding.mode) {
    return actions;
  }
  for (const PoolFacts& pool : facts.pools) {
    const bool both =
        std::any_of(outstanding.configs.begin(), outstanding.configs.end(),
                    [&](const auto& role) { return platform::takes_role(pool, role); });
    if (both && !pool.held) {
      actions.push_back(change(pool, "true", {{"paused", true}},
                               "two changes are to reach its nodes in one rollout"));
    }
  }
  return actions;
}

std::vector<Action> plan_releases(const ReleaseInput& input) {
  std::vector<Action> actions;
  for (const PoolFacts& pool : input.facts.pools) {
    if (pool.held) {
      if (std::string why = reason_to_release(input, pool); !why.empty()) {
        actions.push_back(change(pool, nullptr, {{"paused", false}}, std::move(why)));
      }
    } else if (pool.hold_mark) {
      actions.push_back(change(pool, nullptr, nullptr, "someone else has let it go on"));
    }
  }
  return actions;
}

}  // namespace swo::reconcile
