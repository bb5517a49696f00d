#include "reconcile/healing.hpp"

#include <algorithm>

#include "reconcile/types.hpp"
#include "render/render.hpp"
#include "runtime/clock.hpp"

namespace swo::reconcile {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Doubling ends here: an instance that is worth restarting at all is tried once an hour.
constexpr seconds kLongestWait = std::chrono::hours(1);

seconds wait_before(const api::SelfHealing& healing, int restarts) {
  seconds wait(healing.after_seconds);
  for (int i = 0; i < restarts && wait < kLongestWait; ++i) {
    wait *= 2;
  }
  return std::min(wait, std::max(kLongestWait, seconds(healing.after_seconds)));
}

class Healer {
 public:
  Healer(const PlanInput& input, bool may_act)
      : input_(input), rule_(input.workload.spec.readiness.self_healing), may_act_(may_act) {
    const auto& pods = input.observed.pods;
    may_act_ = may_act_ && std::none_of(pods.begin(), pods.end(),
                                        [](const auto& pod) { return pod->deleting; });
  }

  void look_at(const PodFacts& pod) {
    const std::vector<std::string>& failed = failed_units(pod);
    if (pod.ready && failed.empty()) {
      return;  // healthy: its restarts are forgotten
    }
    api::HealingStatus entry = remembered(pod.key.name);
    if (entry.replacing == pod.uid) {
      end(pod, failed);
    } else if (!failed.empty()) {
      count_time(pod, failed, entry);
    }
    keep(std::move(entry));
  }

  // No Pod of that instance just now: what is remembered of it stays.
  void look_at_absent(const std::string& instance) { keep(remembered(instance)); }

  Healing take() { return std::move(plan_); }

 private:
  const std::vector<std::string>& failed_units(const PodFacts& pod) const {
    static const std::vector<std::string> kNone;
    const auto found = input_.observed.evidence.find(pod.key.name);
    return found == input_.observed.evidence.end() ? kNone : found->second.systemd.failed_units;
  }

  api::HealingStatus remembered(const std::string& instance) const {
    const auto& entries = input_.workload.status.self_healing;
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [&](const auto& entry) { return entry.name == instance; });
    if (found != entries.end()) {
      return *found;
    }
    api::HealingStatus entry;
    entry.name = instance;
    return entry;
  }

  void keep(api::HealingStatus entry) {
    if (entry.restarts > 0 || !entry.failed_since.empty()) {
      plan_.entries.push_back(std::move(entry));
    }
  }

  void end(const PodFacts& pod, const std::vector<std::string>& failed) {
    if (may_act_) {
      plan_.actions.push_back(
          {DeleteAction{&types::kPod, pod.key, pod.uid},
           "self-healing" + (failed.empty() ? "" : ": " + failed.front() + " stays failed")});
      may_act_ = false;  // one at a time
    }
  }

  void count_time(const PodFacts& pod, const std::vector<std::string>& failed,
                  api::HealingStatus& entry) {
    const bool given_up = entry.restarts >= rule_.max_restarts;
    const auto since = runtime::parse_rfc3339(entry.failed_since);
    if (!since) {
      entry.failed_since = runtime::to_rfc3339(input_.now);
      if (given_up) {
        plan_.notices.push_back(
            {true, "SelfHealingExhausted",
             pod.key.name + ": " + failed.front() + " has failed again after " +
                 std::to_string(entry.restarts) +
                 " restarts (readiness.selfHealing.maxRestarts); it is not restarted again"});
      }
    }
    if (given_up) {
      return;
    }
    const Time due = since.value_or(input_.now) + wait_before(rule_, entry.restarts);
    if (due > input_.now) {
      look_again(std::chrono::ceil<milliseconds>(due - input_.now));
    } else if (may_act_) {
      ++entry.restarts;
      entry.replacing = pod.uid;
      entry.failed_since.clear();
      plan_.notices.push_back({true, "SelfHealing",
                               pod.key.name + " is restarted (" + std::to_string(entry.restarts) +
                                   " of at most " + std::to_string(rule_.max_restarts) +
                                   "): " + failed.front() + " stays failed"});
      look_again(milliseconds(1));
      may_act_ = false;
    }
  }

  void look_again(milliseconds in) { plan_.again = std::min(plan_.again.value_or(in), in); }

  const PlanInput& input_;
  const api::SelfHealing& rule_;
  bool may_act_;
  Healing plan_;
};

}  // namespace

Healing plan_healing(const PlanInput& input, int wanted, bool may_act) {
  if (input.workload.spec.readiness.self_healing.action != "Restart") {
    return {};
  }
  Healer healer(input, may_act);
  std::vector<const PodFacts*> by_ordinal(static_cast<std::size_t>(std::max(wanted, 0)));
  for (const auto& pod : input.observed.pods) {
    if (pod->ordinal >= 0 && pod->ordinal < wanted && pod->owner_uid == input.workload.uid) {
      by_ordinal[static_cast<std::size_t>(pod->ordinal)] = pod.get();
    }
  }
  for (int ordinal = 0; ordinal < wanted; ++ordinal) {
    const PodFacts* pod = by_ordinal[static_cast<std::size_t>(ordinal)];
    if (pod != nullptr && !pod->deleting) {
      healer.look_at(*pod);
    } else {
      healer.look_at_absent(render::instance_name(input.workload, ordinal));
    }
  }
  return healer.take();
}

}  // namespace swo::reconcile
