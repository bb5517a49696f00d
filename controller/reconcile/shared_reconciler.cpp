#include "reconcile/shared_reconciler.hpp"

#include <algorithm>

#include "api/json_read.hpp"
#include "api/names.hpp"

namespace swo::reconcile {
namespace {

// What the shared pieces' writes are remembered under: no workload can have this key.
const kube::ObjectKey kShared{"", "shared"};

// While a pool is not quiet, or a name was taken, there is no event of ours to wait for.
constexpr std::chrono::seconds kLookAgain{15};

bool is_ours(const Json& live) {
  return text(at(live, "metadata", "labels", api::kLabelManagedBy)) == api::kFieldManager;
}

template <class T>
std::map<std::string, std::shared_ptr<const T>> ours(const kube::Informer<T>* informer) {
  std::map<std::string, std::shared_ptr<const T>> result;
  if (informer != nullptr) {
    for (const auto& facts : informer->store().all()) {
      if (facts->shared) {
        result[facts->key.name] = facts;
      }
    }
  }
  return result;
}

}  // namespace

SharedReconciler::SharedReconciler(World& world, kube::Client& client,
                                   kube::Expectations& expectations, SharedNeeds& needs,
                                   SharedReconcilerOptions options)
    : world_(world),
      expectations_(expectations),
      needs_(needs),
      options_(std::move(options)),
      executor_(client, world, expectations) {}

Outcome SharedReconciler::reconcile() {
  const kube::Instant now = options_.steady_now();
  if (!expectations_.satisfied(kShared, now)) {
    const auto wait = expectations_.deadline(kShared, now) - now;
    return {std::nullopt, std::chrono::ceil<std::chrono::milliseconds>(wait)};
  }
  executor_.recheck_foreign("", is_ours, memory_);
  const auto facts = options_.facts();
  const auto sccs = ours(world_.sccs.get());
  const auto configs = ours(world_.machine_configs.get());
  // Each of them, not as many: one that is gone and not forgotten yet is not another.
  const auto workloads = world_.workloads.store().all();
  const bool all = std::ranges::all_of(
      workloads, [&](const auto& workload) { return needs_.has_reported(workload->key); });
  // After that: whoever has reported is in the sum.
  const SharedNeedsSum needs = needs_.sum();
  SharedPlan todo =
      plan_shared({.needs = needs,
                   .facts = *facts,
                   .sccs = sccs,
                   .machine_configs = configs,
                   .mode = options_.machine_config,
                   .everyone_reported = options_.whole_cluster && all && needs.unknown == 0,
                   .all_reported = all,
                   .cleanup_machine_configs = options_.cleanup_machine_configs,
                   .memory = memory_});
  const Executed executed = executor_.carry_out(
      kShared, todo.actions, is_ours, memory_, now,
      [&](const Action& action, const kube::Error* error) {
        options_.log(action.describe() + (error != nullptr ? " – " + error->message : ""),
                     error != nullptr);
      });
  const bool changed = *problems_.lock() != todo.problems;
  *problems_.lock() = std::move(todo.problems);
  if (changed) {
    options_.look_at_workloads();
  }
  const bool waiting =
      !needs.machine_configs.empty() || needs.cgroup_mode || !memory_.foreign.empty();
  return {executed.error,
          waiting ? std::optional<std::chrono::milliseconds>(kLookAgain) : std::nullopt};
}

}  // namespace swo::reconcile
