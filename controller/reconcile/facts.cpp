#include "reconcile/facts.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

#include "api/json_read.hpp"
#include "api/names.hpp"
#include "kube/projection.hpp"
#include "render/render.hpp"
#include "runtime/clock.hpp"

namespace swo::reconcile {
namespace {

std::uint64_t parse_number(const std::string& digits) {
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

// -1 where the label is not what the name ends in: somebody has changed it, and what is deleted for
// being one too many must be that by its name, too.
int ordinal_of(const Json& metadata) {
  const std::string label = text(at(metadata, "labels", api::kLabelOrdinal));
  int value = -1;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), value);
  const bool well = error == std::errc{} && end == label.data() + label.size() &&
                    text(at(metadata, "name")).ends_with("-" + label);
  return well ? value : -1;
}

void read_metadata(const Json& object, ObjectFacts& facts) {
  const Json& metadata = at(object, "metadata");
  facts.key = {text(at(metadata, "namespace")), text(at(metadata, "name"))};
  facts.uid = text(at(metadata, "uid"));
  facts.resource_version = parse_number(text(at(metadata, "resourceVersion")));
  facts.deleting = at(metadata, "deletionTimestamp").is_string();
  facts.workload = text(at(at(metadata, "labels"), api::kLabelWorkload));
  if (const Json* controller = controller_of(object)) {
    facts.owner_uid = text(at(*controller, "uid"));
  }
}

const Json& condition(const Json& conditions, std::string_view type) {
  static const Json kNull;
  for (const Json& entry : conditions) {
    if (at(entry, "type") == type) {
      return entry;
    }
  }
  return kNull;
}

void read_terminated(const Json& terminated, PodTrouble& trouble) {
  if (!terminated.is_object()) {
    return;
  }
  trouble.terminated_reason = text(at(terminated, "reason"));
  trouble.terminated_message = text(at(terminated, "message"));
  trouble.finished_at = text(at(terminated, "finishedAt"));
  if (at(terminated, "exitCode").is_number_integer()) {
    trouble.exit_code = static_cast<int>(number(at(terminated, "exitCode")));
  }
  if (at(terminated, "signal").is_number_integer()) {
    trouble.exit_signal = static_cast<int>(number(at(terminated, "signal")));
  }
}

// The entry of that name: a mesh's sidecar may be put before or behind it, and the kubelet sorts
// statuses by name (kubernetes pkg/kubelet/types/types.go, SortedContainerStatuses).
const Json& named(const Json& list, std::string_view name) {
  static const Json kNone;
  if (!list.is_array()) {
    return kNone;
  }
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const Json& entry) { return at(entry, "name") == name; });
  return found == list.end() ? kNone : *found;
}

// While the seed's init container is not done, the machine's own waits with PodInitializing: why is
// told of the other (an image that cannot be pulled, say).
void read_seed(const Json& status, PodTrouble& trouble) {
  const Json& container = named(at(status, "initContainerStatuses"), render::kSeedContainerName);
  const Json& state = at(container, "state");
  trouble.seeding = at(state, "running").is_object();
  if (const std::string reason = text(at(state, "waiting", "reason")); !reason.empty()) {
    trouble.waiting_reason = reason;
    trouble.waiting_message = text(at(state, "waiting", "message"));
  }
  const Json& ended = at(state, "terminated");
  const Json& last = ended.is_object() ? ended : at(container, "lastState", "terminated");
  if (last.is_object() && at(last, "exitCode") != 0) {
    const std::string message = text(at(last, "message"));
    trouble.seed_failure = message.empty() ? text(at(last, "reason")) : message;
  }
}

PodTrouble read_trouble(const Json& status, const Json& container) {
  PodTrouble trouble;
  trouble.reason = text(at(status, "reason"));
  trouble.message = text(at(status, "message"));
  const Json& scheduled = condition(at(status, "conditions"), "PodScheduled");
  if (at(scheduled, "status") == "False") {
    trouble.scheduled_message = text(at(scheduled, "message"));
  }
  const Json& state = at(container, "state");
  const Json& waiting = at(state, "waiting");
  trouble.waiting_reason = text(at(waiting, "reason"));
  trouble.waiting_message = text(at(waiting, "message"));
  if (trouble.waiting_reason == "PodInitializing") {
    read_seed(status, trouble);
  }
  read_terminated(at(at(container, "lastState"), "terminated"), trouble);
  read_terminated(at(state, "terminated"), trouble);
  trouble.ended = at(state, "terminated").is_object();
  return trouble;
}

// KEP-1287: True while the kubelet could not do it, with the reason Deferred or Infeasible; or
// while it does, with the reason Error once that failed.
std::string read_resize(const Json& conditions) {
  for (const char* type : {"PodResizePending", "PodResizeInProgress"}) {
    const Json& found = condition(conditions, type);
    if (at(found, "status") == "True") {
      const std::string reason = text(at(found, "reason"));
      return (reason.empty() ? "InProgress" : reason) + ": " + text(at(found, "message"));
    }
  }
  return "";
}

// Route: status.ingress[].conditions[Admitted] (openshift/api route/v1).
void read_route_admission(const Json& status, RouteFacts& facts) {
  for (const Json& ingress : at(status, "ingress")) {
    const Json& admitted = condition(at(ingress, "conditions"), "Admitted");
    if (at(admitted, "status") == "True") {
      facts.admitted = true;
      if (facts.host.empty()) {
        facts.host = text(at(ingress, "host"));
      }
    } else if (at(admitted, "status") == "False") {
      facts.refusal = text(at(admitted, "reason")) + ": " + text(at(admitted, "message"));
    }
  }
}

// HTTPRoute: status.parents[].conditions[Accepted] (gateway-api apis/v1).
void read_parents(const Json& status, RouteFacts& facts) {
  for (const Json& parent : at(status, "parents")) {
    const Json& accepted = condition(at(parent, "conditions"), "Accepted");
    if (at(accepted, "status") == "True") {
      facts.admitted = true;
    } else if (at(accepted, "status") == "False") {
      facts.refusal = text(at(accepted, "reason")) + ": " + text(at(accepted, "message"));
    }
  }
}

}  // namespace

std::vector<std::string> workload_fields() {
  return {"metadata.name",
          "metadata.namespace",
          "metadata.uid",
          "metadata.generation",
          "metadata.resourceVersion",
          "metadata.creationTimestamp",
          "metadata.labels",
          "metadata.deletionTimestamp",
          "metadata.annotations",
          "spec",
          "status"};
}

std::vector<std::string> pod_fields() {
  return {"metadata.name",
          "metadata.namespace",
          "metadata.uid",
          "metadata.resourceVersion",
          "metadata.labels",
          "metadata.annotations",
          "metadata.creationTimestamp",
          "metadata.deletionTimestamp",
          "metadata.ownerReferences",
          "spec.nodeName",
          "spec.hostUsers",
          "spec.securityContext.runAsUser",
          "spec.containers.name",
          "spec.containers.image",
          "spec.containers.resources",
          "spec.containers.tty",
          "spec.containers.securityContext.runAsUser",
          "status.phase",
          "status.reason",
          "status.message",
          "status.conditions",
          "status.containerStatuses",
          "status.initContainerStatuses"};
}

std::vector<std::string> revision_fields() {
  return {"metadata.name",
          "metadata.namespace",
          "metadata.uid",
          "metadata.resourceVersion",
          "metadata.labels",
          "metadata.deletionTimestamp",
          "metadata.ownerReferences",
          "revision"};
}

const Json* controller_of(const Json& object) {
  for (const Json& owner : at(object, "metadata", "ownerReferences")) {
    if (at(owner, "controller") == true) {
      return &owner;
    }
  }
  return nullptr;
}

WorkloadFacts workload_facts(const Json& object) {
  WorkloadFacts facts;
  read_metadata(object, facts);
  facts.workload = facts.key.name;
  facts.generation = number(at(at(object, "metadata"), "generation"));
  const Json& annotations = at(at(object, "metadata"), "annotations");
  std::string asked = at(at(object, "metadata"), "labels").dump();
  if (annotations.is_object()) {
    // Annotations of others can be large (kubectl's last-applied-configuration): keep our own.
    Json ours = Json::object();
    for (const auto& [name, value] : annotations.items()) {
      if (name.starts_with(api::kGroup)) {
        ours[name] = value;
      }
    }
    asked += ours.dump();
    Json kept = object;
    kept["metadata"]["annotations"] = std::move(ours);
    facts.text = kept.dump();
  } else {
    facts.text = object.dump();
  }
  facts.asked = std::hash<std::string>{}(asked);
  facts.text.shrink_to_fit();
  return facts;
}

bool asks_the_same(const WorkloadFacts& before, const WorkloadFacts& after) {
  return before.uid == after.uid && before.generation == after.generation &&
         before.deleting == after.deleting && before.asked == after.asked;
}

PodFacts pod_facts(const Json& object) {
  PodFacts facts;
  read_metadata(object, facts);
  const Json& metadata = at(object, "metadata");
  const Json& spec = at(object, "spec");
  const Json& status = at(object, "status");
  facts.ordinal = ordinal_of(metadata);
  facts.revision = text(at(at(metadata, "labels"), api::kLabelRevision));
  facts.scc = text(at(at(metadata, "annotations"), "openshift.io/scc"));
  if (const Json& asked = at(metadata, "annotations", api::kAnnotationResources);
      asked.is_string()) {
    facts.asked_resources = digest_of_text(text(asked));
  }
  facts.created = runtime::parse_rfc3339(text(at(metadata, "creationTimestamp")))
                      .value_or(std::chrono::system_clock::time_point{});
  facts.node = text(at(spec, "nodeName"));
  facts.phase = text(at(status, "phase"));
  facts.ready = at(condition(at(status, "conditions"), "Ready"), "status") == "True";
  if (at(spec, "hostUsers").is_boolean()) {
    facts.host_users = at(spec, "hostUsers").get<bool>();
  }
  facts.user_namespace_asked =
      at(metadata, "annotations", api::kAnnotationUserNamespace).is_string();
  if (const Json& container = named(at(spec, "containers"), render::kContainerName);
      container.is_object()) {
    facts.tty = at(container, "tty") == true;
    facts.image = text(at(container, "image"));
    if (const Json& resources = at(container, "resources");
        resources.is_object() && !resources.empty()) {
      facts.resources = resources.dump();
    }
    const Json& own_user = at(at(container, "securityContext"), "runAsUser");
    const Json& user = own_user.is_null() ? at(at(spec, "securityContext"), "runAsUser") : own_user;
    if (user.is_number_integer()) {
      facts.run_as_user = user.get<std::int64_t>();
    }
  }
  const Json& container = named(at(status, "containerStatuses"), render::kContainerName);
  facts.started = at(container, "started") == true;
  facts.restarts = static_cast<std::int32_t>(number(at(container, "restartCount")));
  facts.resize = read_resize(at(status, "conditions"));
  if (PodTrouble trouble = read_trouble(status, container); trouble != PodTrouble{}) {
    facts.trouble = std::make_shared<const PodTrouble>(std::move(trouble));
  }
  return facts;
}

ChildFacts child_facts(const Json& object) {
  ChildFacts facts;
  read_metadata(object, facts);
  facts.digest = digest_of_owned(object, api::kFieldManager);
  const Json& labels = at(at(object, "metadata"), "labels");
  facts.ordinal = ordinal_of(at(object, "metadata"));
  facts.shared = at(labels, api::kLabelShared) == "true";
  return facts;
}

RouteFacts route_facts(const Json& object, std::string_view kind) {
  RouteFacts facts;
  static_cast<ChildFacts&>(facts) = child_facts(object);
  const Json& spec = at(object, "spec");
  const Json& status = at(object, "status");
  if (kind == "Ingress") {
    const Json& rules = at(spec, "rules");
    facts.host = rules.is_array() && !rules.empty() ? text(at(rules.front(), "host")) : "";
    // An Ingress has no condition; a controller that took it fills in the load balancer.
    const Json& points = at(at(status, "loadBalancer"), "ingress");
    facts.admitted = points.is_array() && !points.empty();
    if (facts.admitted && facts.host.empty()) {
      const std::string hostname = text(at(points.front(), "hostname"));
      facts.host = hostname.empty() ? text(at(points.front(), "ip")) : hostname;
    }
  } else if (kind == "HTTPRoute") {
    const Json& hostnames = at(spec, "hostnames");
    facts.host = hostnames.is_array() && !hostnames.empty() ? text(hostnames.front()) : "";
    read_parents(status, facts);
  } else {
    facts.host = text(at(spec, "host"));
    facts.own_certificate = at(spec, "tls", "externalCertificate").is_object();
    read_route_admission(status, facts);
  }
  return facts;
}

ServiceFacts service_facts(const Json& object) {
  ServiceFacts facts;
  static_cast<ChildFacts&>(facts) = child_facts(object);
  for (const Json& point : at(at(at(object, "status"), "loadBalancer"), "ingress")) {
    for (const char* kind : {"ip", "hostname"}) {
      if (std::string address = text(at(point, kind)); !address.empty()) {
        facts.addresses.push_back(std::move(address));
      }
    }
  }
  return facts;
}

ClaimFacts claim_facts(const Json& object) {
  ClaimFacts facts;
  static_cast<ChildFacts&>(facts) = child_facts(object);
  facts.phase = text(at(at(object, "status"), "phase"));
  facts.requested = text(at(at(at(at(object, "spec"), "resources"), "requests"), "storage"));
  return facts;
}

RevisionFacts revision_facts(const Json& object) {
  RevisionFacts facts;
  read_metadata(object, facts);
  facts.hash = text(at(object, "metadata", "labels", api::kLabelRevision));
  facts.number = number(at(object, "revision"));
  return facts;
}

MachineConfigFacts machine_config_facts(const Json& object) {
  MachineConfigFacts facts;
  static_cast<ChildFacts&>(facts) = child_facts(object);
  const Json& spec = at(object, "spec");
  for (const Json& argument : at(spec, "kernelArguments")) {
    facts.kernel_arguments.push_back(text(argument));
  }
  for (const Json& file : at(at(at(spec, "config"), "storage"), "files")) {
    facts.files[text(at(file, "path"))] = text(at(at(file, "contents"), "source"));
  }
  return facts;
}

api::Parsed<api::Workload> workload_of(const WorkloadFacts& facts) {
  const auto object = kube::project(facts.text, kube::FieldMask::everything());
  if (!object) {
    return api::FieldError{"(document)", facts.key.to_string(), "must be JSON"};
  }
  return api::parse_workload(*object);
}

}  // namespace swo::reconcile
