#include "reconcile/plan.hpp"

#include <algorithm>
#include <utility>

#include "reconcile/children.hpp"
#include "reconcile/healing.hpp"
#include "reconcile/history.hpp"
#include "reconcile/instances.hpp"
#include "reconcile/resize.hpp"
#include "reconcile/shrinking.hpp"
#include "reconcile/status.hpp"
#include "render/render.hpp"

namespace swo::reconcile {
namespace {

// While an instance is not ready its log and Events are looked at again, at first about as often as
// the kubelet's probes report (10 s by default), in time less: a crowd of instances that boot, or
// never will, is not to weigh on the API server.
constexpr std::chrono::seconds kFirstLook{15};
constexpr std::chrono::seconds kLastLook{60};
// A host that is another namespace's Route's comes free without an event that reaches us.
constexpr std::chrono::seconds kAskForHost{30};

bool holds_pods(const platform::Strategy& strategy) {
  return std::any_of(strategy.blockers.begin(), strategy.blockers.end(),
                     [](const platform::Blocker& blocker) { return blocker.holds_pods; });
}

void append(std::vector<Action> more, std::vector<Action>& actions) {
  std::move(more.begin(), more.end(), std::back_inserter(actions));
}

// Whether Pods may be made, as far as the children go.
bool bring_children_in_line(const PlanInput& input, Plan& plan) {
  const std::optional<Digest> standing = standing_of_children(input);
  if (standing && standing == input.memory.in_line) {
    plan.in_line = standing;
    return true;
  }
  const std::vector<Desired> desired = desired_children(input);
  plan.actions = plan_children(input, desired);
  const bool ready = ready_for_pods(input, desired);
  if (plan.actions.empty() && ready) {
    plan.in_line = standing;
  }
  return ready;
}

std::chrono::milliseconds look_again(const PlanInput& input) {
  std::chrono::system_clock::duration youngest = 2 * kLastLook;
  for (const auto& pod : input.observed.pods) {
    if (!pod->ready && !pod->deleting) {
      youngest = std::min(youngest, input.now - pod->created);
    }
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::clamp<std::chrono::system_clock::duration>(youngest / 2, kFirstLook, kLastLook));
}

std::string first_word(const std::string& text) { return text.substr(0, text.find(' ')); }

// One Event for each change of the headline: what a person would want to know of.
void notice_change(const View& view, const Verdict& top, std::vector<Notice>& notices) {
  if (first_word(view.input.workload.status.phase) != top.reason) {
    notices.push_back({top.bad, top.reason, top.message});
  }
}

}  // namespace

const kube::ResourceType& Action::type() const {
  return std::visit([](const auto& action) -> const kube::ResourceType& { return *action.type; },
                    what);
}

kube::ObjectKey Action::key() const {
  const auto of_document = [](const Json& document) {
    const Json& metadata = document.at("metadata");
    return kube::ObjectKey{metadata.value("namespace", ""), metadata.value("name", "")};
  };
  if (const auto* create = std::get_if<CreateAction>(&what)) {
    return of_document(create->document);
  }
  if (const auto* apply = std::get_if<ApplyAction>(&what)) {
    return of_document(apply->document);
  }
  if (const auto* remove = std::get_if<DeleteAction>(&what)) {
    return remove->key;
  }
  return std::get<PatchAction>(what).key;
}

std::string Action::describe() const {
  static constexpr const char* kVerbs[] = {"create", "apply", "delete", "patch"};
  return std::string(kVerbs[what.index()]) + " " + std::string(type().kind) + " " +
         key().to_string() + ": " + why;
}

Plan plan(const PlanInput& input) {
  Plan result;
  const std::string revision = render::revision(input.workload, input.strategy);
  InstancePlan instances;
  Healing healing;
  bool owes_changes = false;
  if (input.workload.deleting) {
    // Nothing is written but the status: the garbage collector has the word.
    instances.wanted = input.workload.spec.hibernate ? 0 : input.workload.spec.replicas;
    healing = plan_healing(input, instances.wanted, /*may_act=*/false);
  } else {
    const bool may_act = !input.workload.spec.paused;
    const bool children_ready = bring_children_in_line(input, result);
    const bool may_create = !holds_pods(input.strategy) && children_ready;
    instances = plan_instances(input, revision, may_create);
    healing =
        plan_healing(input, instances.wanted, may_act && instances.actions.empty() && may_create);
    std::vector<Action> of_children = std::exchange(result.actions, {});
    std::vector<Action> of_instances = plan_resizes(input, revision);
    append(std::move(instances.actions), of_instances);
    if (may_act) {
      append(std::move(of_children), result.actions);
      append(plan_history(input, revision), result.actions);
      append(std::move(of_instances), result.actions);
      append(std::move(healing.actions), result.actions);
    } else {
      // Whoever paused it has the word.
      owes_changes = !of_children.empty() || !of_instances.empty();
    }
  }
  View view = make_view(input, instances, healing, revision);
  view.owes_changes = owes_changes;
  result.status = make_status(view);
  result.notices = std::move(healing.notices);
  notice_change(view, headline(view), result.notices);
  if (input.workload.deleting) {
    return result;
  }
  Unshrunk unshrunk = find_unshrunk(input);
  std::ranges::move(unshrunk.notices, std::back_inserter(result.notices));
  result.unshrunk = std::move(unshrunk.sizes);
  const auto& holder = input.observed.host_holder;
  if (view.ready < instances.wanted) {
    result.requeue_after = look_again(input);
  } else if (!holder || !holder->empty()) {
    result.requeue_after = kAskForHost;
  }
  if (healing.again) {
    result.requeue_after = std::min(result.requeue_after.value_or(*healing.again), *healing.again);
  }
  return result;
}

}  // namespace swo::reconcile
