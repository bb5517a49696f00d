#include "reconcile/instances.hpp"

#include <algorithm>
#include <map>

#include "reconcile/resize.hpp"
#include "reconcile/types.hpp"
#include "render/render.hpp"

namespace swo::reconcile {
namespace {

using Pod = std::shared_ptr<const PodFacts>;

class InstancePlanner {
 public:
  InstancePlanner(const PlanInput& input, std::string revision, bool may_create)
      : input_(input),
        spec_(input.workload.spec),
        revision_(std::move(revision)),
        may_create_(may_create) {
    plan_.wanted = spec_.hibernate ? 0 : spec_.replicas;
    for (const Pod& pod : input.observed.pods) {
      if (pod->ordinal >= 0 && pod->owner_uid == input.workload.uid) {
        by_ordinal_[pod->ordinal] = pod;
      }
    }
  }

  InstancePlan run() {
    const bool replaced = replace_ended();
    const bool removed = scale_down();
    const bool created = scale_up();
    if (!replaced && !removed && !created) {
      update();
    } else {
      plan_.updating = any_outdated();
    }
    return std::move(plan_);
  }

 private:
  void remove(const Pod& pod, std::string why) {
    plan_.actions.push_back({DeleteAction{&types::kPod, pod->key, pod->uid}, std::move(why)});
  }
  // The first of an update is not given up for a Pod that the API server refuses.
  void replace(const Pod& pod, std::string why) {
    remove(pod, std::move(why));
    if (std::none_of(by_ordinal_.begin(), by_ordinal_.end(), [&](const auto& entry) {
          return entry.first >= spec_.update_strategy.partition && !outdated(entry.second);
        })) {
      std::get<DeleteAction>(plan_.actions.back().what).successor =
          render::pod(input_.workload, input_.strategy, pod->ordinal);
    }
  }
  // It has had its time, or what it lacks does not come by itself.
  bool does_not_come_up(const Pod& pod) const {
    const auto found = input_.observed.evidence.find(pod->key.name);
    const bool diagnosed = found != input_.observed.evidence.end() && found->second.diagnosis &&
                           !found->second.diagnosis->transient;
    return diagnosed || input_.now - pod->created >=
                            std::chrono::seconds(spec_.readiness.startup_timeout_seconds);
  }

  bool outdated(const Pod& pod) const {
    return pod->ordinal >= spec_.update_strategy.partition && is_outdated(input_, revision_, *pod);
  }

  bool any_outdated() const {
    return std::any_of(by_ordinal_.begin(), by_ordinal_.end(), [&](const auto& entry) {
      return entry.first < plan_.wanted && outdated(entry.second);
    });
  }

  // A Pod that ended for good (evicted, node shut down) stays as a record only; its name is needed
  // for the next one. With restartPolicy Always no other Pod reaches these phases.
  bool replace_ended() {
    bool any = false;
    for (const auto& [ordinal, pod] : by_ordinal_) {
      if ((pod->phase == "Failed" || pod->phase == "Succeeded") && !pod->deleting) {
        const std::string reason = pod->trouble != nullptr && !pod->trouble->reason.empty()
                                       ? pod->trouble->reason
                                       : pod->phase;
        remove(pod, "it has ended (" + reason + ")");
        any = true;
      }
    }
    return any;
  }

  // From the top, one at a time unless all are to go: a machine may still hand its work down.
  bool scale_down() {
    bool any = false;
    for (auto entry = by_ordinal_.rbegin(); entry != by_ordinal_.rend(); ++entry) {
      const auto& [ordinal, pod] = *entry;
      if (ordinal < plan_.wanted) {
        break;
      }
      plan_.scaling = any = true;
      if (!pod->deleting) {
        remove(pod, spec_.hibernate ? "the workload hibernates" : "scaled down");
      }
      if (!spec_.hibernate) {
        break;
      }
    }
    return any;
  }

  // In order, each after the one below is ready.
  bool scale_up() {
    for (int ordinal = 0; ordinal < plan_.wanted; ++ordinal) {
      const auto found = by_ordinal_.find(ordinal);
      if (found == by_ordinal_.end()) {
        plan_.scaling = true;
        const ChildKey key{std::string(types::kPod.plural),
                           render::instance_name(input_.workload, ordinal)};
        if (may_create_ && !input_.memory.foreign.contains(key)) {
          create(ordinal);
        }
        return true;
      }
      if (!found->second->ready && !exists_above(ordinal)) {
        plan_.scaling = ordinal + 1 < plan_.wanted;
        return false;
      }
    }
    return false;
  }

  // Below the partition it comes back as it was.
  void create(int ordinal) {
    const bool former = ordinal < spec_.update_strategy.partition;
    if (former && input_.observed.former_unread) {
      return;
    }
    const bool as_it_was = former && input_.observed.former;
    plan_.actions.push_back(
        {CreateAction{&types::kPod,
                      render::pod(as_it_was ? *input_.observed.former : input_.workload,
                                  input_.strategy, ordinal),
                      input_.strategy.host_users_doubtful || lost_host_users_before()},
         as_it_was ? "the instance is not there, and below the partition"
                   : "the instance is not there"});
  }

  bool lost_host_users_before() const {
    return std::any_of(
        input_.memory.failures.begin(), input_.memory.failures.end(),
        [](const auto& entry) { return entry.second.reason == diagnose::kUserNamespaceDropped; });
  }

  bool exists_above(int ordinal) const {
    return by_ordinal_.upper_bound(ordinal) != by_ordinal_.end();
  }

  void update() {
    plan_.updating = any_outdated();
    if (!plan_.updating || spec_.update_strategy.type == "OnDelete" || !may_create_) {
      return;
    }
    int unavailable = 0;
    bool replaced_not_ready = false;
    bool failing = false;  // one of those
    Time failed{};         // when the youngest of them was made
    for (const auto& [ordinal, pod] : by_ordinal_) {
      if (!pod->ready || pod->deleting) {
        ++unavailable;
        const bool replaced = !outdated(pod) && !pod->deleting;
        replaced_not_ready = replaced_not_ready || replaced;
        if (replaced && does_not_come_up(pod)) {
          failing = true;
          failed = std::max(failed, pod->created);
        }
      }
    }
    // An outdated instance that is not ready costs nothing to replace, and may be what the change
    // mends; unless the change has failed already on one made after it: it may but be late to
    // answer a probe.
    for (auto entry = by_ordinal_.rbegin(); entry != by_ordinal_.rend(); ++entry) {
      const auto& [ordinal, pod] = *entry;
      if (outdated(pod) && !pod->ready && !pod->deleting && pod->created >= failed) {
        replace(pod, "made from an older revision, and not ready");
        return;
      }
    }
    if (replaced_not_ready) {
      plan_.stalled = failing;
      return;
    }
    for (auto entry = by_ordinal_.rbegin(); entry != by_ordinal_.rend(); ++entry) {
      const auto& [ordinal, pod] = *entry;
      if (unavailable >= spec_.update_strategy.max_unavailable) {
        return;
      }
      if (outdated(pod) && !pod->deleting) {
        replace(pod, "made from an older revision");
        ++unavailable;
      }
    }
  }

  const PlanInput& input_;
  const api::Spec& spec_;
  const std::string revision_;
  const bool may_create_;
  std::map<int, Pod> by_ordinal_;
  InstancePlan plan_;
};

}  // namespace

InstancePlan plan_instances(const PlanInput& input, const std::string& revision, bool may_create) {
  return InstancePlanner(input, revision, may_create).run();
}

}  // namespace swo::reconcile
