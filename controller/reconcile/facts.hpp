// What plan() needs to know of each object, projected from the API's documents: facts, not
// documents.
//
// Values, immutable once stored. The `…_fields()` lists name what a watch has to keep of a document
// for its `…_facts()`; everything else is dropped while parsing.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/json.hpp"
#include "api/workload.hpp"
#include "kube/resource.hpp"
#include "reconcile/drift.hpp"

namespace swo::reconcile {

// Common to all: identity and version.
struct ObjectFacts {
  kube::ObjectKey key;
  std::string uid;
  std::uint64_t resource_version = 0;
  bool deleting = false;  // deletionTimestamp is set
  std::string owner_uid;  // of the controller ownerReference; "" = none
  std::string workload;   // label: the workload's name; "" = none
};

// A SystemdWorkload, kept as text: ten thousand of them idle, one is looked at.
struct WorkloadFacts : ObjectFacts {
  std::int64_t generation = 0;
  Digest asked = 0;  // of what is asked for besides the spec: labels, and annotations of ours
  std::string text;  // metadata that matters, spec and status
};

// What is wrong with a Pod, in the kubelet's and the API's words. Only kept for Pods in trouble.
struct PodTrouble {
  std::string reason, message;                        // status.reason, status.message
  std::string scheduled_message;                      // PodScheduled=False
  std::string waiting_reason, waiting_message;        // of the container
  std::string terminated_reason, terminated_message;  // current or last
  std::optional<int> exit_code, exit_signal;
  std::string finished_at;
  bool ended = false;  // the container has, and is not waiting to run again
  // Of the init container that fills new claims: it runs; how it failed, and what it said.
  bool seeding = false;
  std::string seed_failure;
  bool operator==(const PodTrouble&) const = default;
};

struct PodFacts : ObjectFacts {
  int ordinal = -1;  // -1: no such label, so no instance of ours
  std::string revision;
  std::string node;
  std::string phase;
  std::chrono::system_clock::time_point created;
  bool ready = false;
  bool started = false;  // the startup probe has passed
  bool tty = false;
  std::optional<bool> host_users;
  bool user_namespace_asked = false;  // by the annotation that CRI-O obeys
  std::optional<std::int64_t> run_as_user;
  std::string scc;
  std::string image;
  std::string resources;       // of the container, as JSON text; "" = none
  Digest asked_resources = 0;  // of the text of those that it was made with; 0: not known
  std::string resize;          // "Infeasible: why": the kubelet has not given it its new resources
  std::int32_t restarts = 0;
  std::shared_ptr<const PodTrouble> trouble;  // null: none
};

// True when `after` asks for the same as `before`: at most its status differs.
bool asks_the_same(const WorkloadFacts& before, const WorkloadFacts& after);

// Everything else that belongs to a workload.
struct ChildFacts : ObjectFacts {
  Digest digest = 0;    // of the operator's own fields
  int ordinal = -1;     // claims
  bool shared = false;  // labelled as one of the operator's cluster-scoped pieces
};

struct RouteFacts : ChildFacts {
  std::string host;
  bool admitted = false;
  std::string refusal;           // reason and message of Admitted=False
  bool own_certificate = false;  // spec.tls.externalCertificate is there
};

struct ServiceFacts : ChildFacts {
  std::vector<std::string> addresses;  // IPs and host names that a load balancer has given it
};

struct ClaimFacts : ChildFacts {
  std::string phase;      // Pending | Bound | Lost
  std::string requested;  // quantity
};

// A former or current revision of a workload.
struct RevisionFacts : ObjectFacts {
  std::string hash;
  std::int64_t number = 0;
};

// A MachineConfig of ours: what it asks of the nodes, to be compared by meaning before any write.
struct MachineConfigFacts : ChildFacts {
  std::vector<std::string> kernel_arguments;
  std::map<std::string, std::string> files;  // path → contents.source
};

std::vector<std::string> workload_fields();
std::vector<std::string> pod_fields();
std::vector<std::string> revision_fields();
// Other kinds are projected from the whole document: the digest needs it.

// The ownerReference of the object's controller, in `object`; nullptr: it has none.
const Json* controller_of(const Json& object);

WorkloadFacts workload_facts(const Json& object);
PodFacts pod_facts(const Json& object);
ChildFacts child_facts(const Json& object);
// Route, Ingress or HTTPRoute: where the host and its admission are differs by kind.
RouteFacts route_facts(const Json& object, std::string_view kind);
ServiceFacts service_facts(const Json& object);
ClaimFacts claim_facts(const Json& object);
RevisionFacts revision_facts(const Json& object);
MachineConfigFacts machine_config_facts(const Json& object);

// The workload as structs again; a FieldError when its spec is not valid.
api::Parsed<api::Workload> workload_of(const WorkloadFacts& facts);

}  // namespace swo::reconcile
