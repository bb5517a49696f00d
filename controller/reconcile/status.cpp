#include "reconcile/status.hpp"

#include <algorithm>

#include "reconcile/resize.hpp"
#include "reconcile/types.hpp"
#include "render/render.hpp"
#include "runtime/clock.hpp"

namespace swo::reconcile {
namespace {

// 128 + signal, as shells and the kubelet have it; the names a person looks for.
constexpr int kKilledExit = 137;

// All but Ready, which says what is wrong with a spec that cannot be used.
constexpr const char* kJudgedBesideReady[] = {"Progressing", "Degraded", "PlatformReady",
                                              "Admitted", "Exposed"};

std::string instance_phase(const PodFacts& pod) {
  if (pod.deleting) {
    return "Stopping";
  }
  if (pod.phase != "Running") {
    return pod.phase.empty() ? "Pending" : pod.phase;
  }
  return pod.ready ? "Running" : "Starting";
}

// Ready by the readiness probe means "running", except where a degraded system counts as ready or
// only some units are asked for: there the evidence has to tell.
std::string state_of(const View& view, const PodFacts& pod, const InstanceEvidence* evidence) {
  if (evidence != nullptr && !evidence->systemd.state.empty()) {
    return evidence->systemd.state;
  }
  const api::ReadinessSpec& readiness = view.input.workload.spec.readiness;
  if (pod.ready) {
    return readiness.accept_degraded || !readiness.units.empty() ? "" : "running";
  }
  return pod.phase == "Running" && !pod.started && pod.trouble == nullptr ? "starting" : "";
}

api::InstanceStatus instance_status(const View& view, const PodFacts& pod) {
  api::InstanceStatus status;
  const auto found = view.input.observed.evidence.find(pod.key.name);
  const InstanceEvidence* evidence =
      found == view.input.observed.evidence.end() ? nullptr : &found->second;
  status.name = pod.key.name;
  status.node = pod.node;
  status.phase = instance_phase(pod);
  status.ready = pod.ready && !pod.deleting;
  status.systemd_state = pod.deleting ? "stopping" : state_of(view, pod, evidence);
  if (evidence != nullptr) {
    status.failed_units = evidence->systemd.failed_units;
    if (evidence->diagnosis) {
      status.diagnosis = evidence->diagnosis->reason + ": " + evidence->diagnosis->message();
    }
  }
  status.restarts = pod.restarts;
  status.revision = pod.revision;
  if (pod.trouble != nullptr) {
    status.last_exit = last_exit(*pod.trouble);
  }
  return status;
}

// The SYSTEMD column: the worst of the instances, in the words of systemctl(1) is-system-running
// besides our own "starting".
std::string worst_state(const std::vector<api::InstanceStatus>& instances) {
  for (const char* state : {"maintenance", "degraded", "offline", "unknown", "initializing",
                            "starting", "stopping", "running"}) {
    if (std::any_of(instances.begin(), instances.end(),
                    [&](const auto& instance) { return instance.systemd_state == state; })) {
      return state;
    }
  }
  return "";
}

std::string user_namespaces(const platform::Strategy& strategy) {
  const bool none = std::any_of(
      strategy.blockers.begin(), strategy.blockers.end(),
      [](const auto& blocker) { return blocker.reason == platform::kUserNamespacesUnsupported; });
  if (none) {
    return "none";
  }
  return strategy.user_namespace == platform::UserNamespaceVia::kHostUsers
             ? platform::kHadByHostUsers
             : platform::kHadByAnnotation;
}

}  // namespace

std::string last_exit(const PodTrouble& trouble) {
  if (!trouble.exit_code) {
    return "";
  }
  std::string text = "exit " + std::to_string(*trouble.exit_code);
  if (trouble.terminated_reason == "OOMKilled") {
    text += " (OOMKilled)";
  } else if (*trouble.exit_code == kKilledExit) {
    text += " (SIGKILL)";
  }
  return text;
}

std::optional<Notice> farewell(const PodFacts& last_seen) {
  if (!last_seen.deleting || last_seen.trouble == nullptr || !last_seen.trouble->ended) {
    return std::nullopt;
  }
  const std::string& name = last_seen.key.name;
  const std::string how = last_exit(*last_seen.trouble);
  if (last_seen.trouble->exit_code == kKilledExit &&
      last_seen.trouble->terminated_reason != "OOMKilled") {
    return Notice{true, "InstanceKilled",
                  name + " did not stop within its grace period and was killed: " + how +
                      "; see which unit hangs at shutdown, or raise "
                      "spec.terminationGracePeriodSeconds"};
  }
  return Notice{false, "InstanceStopped", name + " has stopped: " + how};
}

void set_condition(std::vector<api::Condition>& conditions, std::string_view type,
                   const Verdict& verdict, std::int64_t generation, Time now) {
  auto found = std::find_if(conditions.begin(), conditions.end(),
                            [&](const api::Condition& one) { return one.type == type; });
  if (found == conditions.end()) {
    found = conditions.insert(conditions.end(), api::Condition{});
    found->type = type;
  }
  if (found->status != verdict.status) {
    found->last_transition_time = runtime::to_rfc3339(now);
  }
  found->status = verdict.status;
  found->reason = verdict.reason;
  found->message = verdict.message;
  found->observed_generation = generation;
}

View make_view(const PlanInput& input, const InstancePlan& instances, const Healing& healing,
               const std::string& revision) {
  View view{input, instances, healing, revision};
  for (const auto& pod : input.observed.pods) {
    if (pod->ordinal < 0 || pod->ordinal >= instances.wanted || pod->deleting) {
      continue;
    }
    view.ready += pod->ready ? 1 : 0;
    view.updated += is_outdated(input, revision, *pod) ? 0 : 1;
  }
  return view;
}

api::Status make_status(const View& view) {
  const PlanInput& input = view.input;
  const api::Workload& workload = input.workload;
  api::Status status;
  status.observed_generation = workload.generation;
  for (const auto& pod : input.observed.pods) {
    if (pod->ordinal >= 0) {
      status.instances.push_back(instance_status(view, *pod));
      status.replicas += pod->deleting ? 0 : 1;
    }
  }
  std::sort(status.instances.begin(), status.instances.end(), [](const auto& a, const auto& b) {
    return a.name.size() != b.name.size() ? a.name.size() < b.name.size() : a.name < b.name;
  });
  status.self_healing = view.healing.entries;
  status.ready_replicas = view.ready;
  status.updated_replicas = view.updated;
  status.ready = std::to_string(view.ready) + "/" + std::to_string(view.instances.wanted);
  status.systemd = worst_state(status.instances);
  status.selector = std::string(api::kLabelWorkload) + "=" + workload.name;
  status.update_revision = view.revision;
  const bool all_updated = view.updated >= workload.spec.replicas;
  status.current_revision = all_updated || workload.status.current_revision.empty()
                                ? view.revision
                                : workload.status.current_revision;
  status.platform.generation = input.facts.generation();
  status.platform.cgroups = input.strategy.cgroups_seen;
  status.platform.user_namespaces = user_namespaces(input.strategy);
  status.url = url(view);
  status.addresses = addresses(view);

  const Verdict top = headline(view);
  status.phase = top.detail.empty() ? top.reason : top.reason + " " + top.detail;
  status.conditions = workload.status.conditions;
  const std::int64_t generation = workload.generation;
  set_condition(status.conditions, "Ready", top, generation, input.now);
  set_condition(status.conditions, "Progressing", progressing(view), generation, input.now);
  set_condition(status.conditions, "Degraded", degraded(view), generation, input.now);
  set_condition(status.conditions, "PlatformReady", platform_ready(view), generation, input.now);
  set_condition(status.conditions, "Admitted", admitted(view), generation, input.now);
  set_condition(status.conditions, "Exposed", exposed(view), generation, input.now);
  return status;
}

api::Status invalid_status(const api::Workload& workload, const api::FieldError& fault, Time now) {
  api::Status status = workload.status;
  status.observed_generation = workload.generation;
  status.phase = "InvalidSpec";
  const Verdict verdict{"False", "InvalidSpec", fault.message(), "", true};
  set_condition(status.conditions, "Ready", verdict, workload.generation, now);
  // What they said was of another spec.
  const Verdict unjudged{"Unknown", "InvalidSpec",
                         "not looked at, because the spec cannot be used (see Ready); what runs "
                         "already is left as it is"};
  for (const char* type : kJudgedBesideReady) {
    set_condition(status.conditions, type, unjudged, workload.generation, now);
  }
  return status;
}

}  // namespace swo::reconcile
