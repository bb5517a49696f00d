#include "reconcile/resize.hpp"

#include "api/json_read.hpp"
#include "reconcile/types.hpp"
#include "render/quantity.hpp"
#include "render/render.hpp"

namespace swo::reconcile {
namespace {

constexpr platform::Version kLessMemoryInPlace{1, 34, 0};

// The quantities of `wanted` that differ in `live`.
bool differs(const Json& wanted, const Json& live) {
  for (const char* kind : {"limits", "requests"}) {
    const Json& quantities = at(wanted, kind);
    if (!quantities.is_object()) {
      continue;
    }
    for (const auto& [name, quantity] : quantities.items()) {
      if (at(live, kind, name) != quantity) {
        return true;
      }
    }
  }
  return false;
}

bool lowers_memory(const Json& wanted, const Json& live) {
  return render::quantity_less(text(at(wanted, "limits", "memory")),
                               text(at(live, "limits", "memory")));
}

}  // namespace

ResourceChange resource_change(const PlanInput& input, const PodFacts& pod) {
  const Json& resources = input.workload.spec.resources;
  if (resources.empty() || pod.resources == resources.dump()) {
    return ResourceChange::kNone;
  }
  const Json wanted = render::canonical_resources(resources);
  const Digest asked = digest_of_text(wanted.dump());
  if (pod.asked_resources == asked) {
    return ResourceChange::kNone;  // what it was given may be another's decision
  }
  const Json live = Json::parse(pod.resources, nullptr, /*allow_exceptions=*/false);
  if (!differs(wanted, live)) {
    return ResourceChange::kNone;
  }
  const auto settled = input.memory.settled.find({std::string(types::kPod.plural), pod.key.name});
  if (settled != input.memory.settled.end() &&
      settled->second == Settled{digest_of_text(pod.resources), asked}) {
    return ResourceChange::kNone;
  }
  const bool in_place =
      input.strategy.in_place_resize &&
      (!lowers_memory(wanted, live) || input.facts.kubernetes >= kLessMemoryInPlace);
  return in_place ? ResourceChange::kInPlace : ResourceChange::kReplace;
}

std::optional<Settled> settled_resize(const Json& pod, const Json& patch) {
  const Json& wanted = at(patch, "spec", "containers")[0]["resources"];
  const std::string live = pod_facts(pod).resources;
  if (!differs(wanted, Json::parse(live, nullptr, /*allow_exceptions=*/false))) {
    return std::nullopt;
  }
  return Settled{digest_of_text(live), digest_of_text(wanted.dump())};
}

bool is_outdated(const PlanInput& input, const std::string& revision, const PodFacts& pod) {
  return pod.revision != revision || resource_change(input, pod) == ResourceChange::kReplace;
}

std::vector<Action> plan_resizes(const PlanInput& input, const std::string& revision) {
  std::vector<Action> actions;
  for (const auto& pod : input.observed.pods) {
    const bool ours = pod->ordinal >= input.workload.spec.update_strategy.partition &&
                      pod->owner_uid == input.workload.uid;
    if (!ours || pod->deleting || pod->revision != revision ||
        resource_change(input, *pod) != ResourceChange::kInPlace) {
      continue;
    }
    const Json container = {
        {"name", render::kContainerName},
        {"resources", render::canonical_resources(input.workload.spec.resources)}};
    actions.push_back({PatchAction{.type = &types::kPod,
                                   .key = pod->key,
                                   .patch = {{"spec", {{"containers", Json::array({container})}}}},
                                   .subresource = "resize",
                                   .kind = PatchKind::kStrategicMerge},
                       "spec.resources has changed"});
  }
  return actions;
}

}  // namespace swo::reconcile
