// All that plan() looks at besides the workload: the live children, what the instances say, and
// what came of the last writes. Values; made by observe.hpp.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "diagnose/diagnose.hpp"
#include "kube/reflector.hpp"
#include "kube/result.hpp"
#include "platform/facts.hpp"
#include "platform/strategy.hpp"
#include "reconcile/facts.hpp"

namespace swo::reconcile {

// A child as (plural, name): unique within a workload's namespace.
struct ChildKey {
  std::string plural;
  std::string name;
  auto operator<=>(const ChildKey&) const = default;
};

// A child's digests at a moment when applying it again is known to change nothing: something (a
// defaulting webhook) rewrites a field of ours, and fighting it would never end.
struct Settled {
  Digest live = 0;
  Digest desired = 0;
  bool operator==(const Settled&) const = default;
};

// An object of our name that someone else controls.
struct Foreign {
  const kube::ResourceType* type = nullptr;
  std::string holder;  // who has it, in words
};

// What is remembered of a workload between two looks: it may be lost at any time (a restart)
// without harm.
struct Memory {
  std::map<ChildKey, kube::Error> failures;  // the last write to it failed, and how
  std::map<ChildKey, Settled> settled;
  std::map<ChildKey, Foreign> foreign;
  // standing_of_children() when nothing was to be done about them: while it is the same, they need
  // not be rendered to see that.
  std::optional<Digest> in_line;
  // Sizes of claims that are less than the claims have, and have been told of (shrinking.hpp).
  std::set<std::string> unshrunk;
};

// What one instance says of itself beyond its Pod's facts.
struct InstanceEvidence {
  diagnose::Evidence evidence;
  diagnose::SystemdState systemd;
  std::optional<diagnose::Diagnosis> diagnosis;
};

struct Observed {
  std::vector<std::shared_ptr<const PodFacts>> pods;
  std::map<ChildKey, std::shared_ptr<const ChildFacts>>
      children;                                 // all but Pods, Routes and claims
  std::shared_ptr<const ServiceFacts> service;  // of these, the one that clients use
  std::shared_ptr<const RouteFacts> route;      // of the kind that the spec asks for
  // Of the other kinds among Route, Ingress and HTTPRoute: what the spec asked for before.
  std::vector<std::pair<const kube::ResourceType*, std::shared_ptr<const RouteFacts>>>
      former_routes;
  std::vector<std::shared_ptr<const ClaimFacts>> claims;
  std::vector<std::shared_ptr<const RevisionFacts>> revisions;
  // The workload as instances below updateStrategy.partition have it, while one of them is missing
  // and the spec asks for another revision.
  std::optional<api::Workload> former;
  bool former_unread = false;  // it could not be read just now
  std::map<std::string, InstanceEvidence>
      evidence;             // by Pod name; only for those that are in trouble
  bool scc_exists = false;  // the SCC that the workload is to run under
  // The namespace/name of another namespace's Route that has the wanted host; empty: free. nullopt:
  // not known, so the Route is not written yet.
  std::optional<std::string> host_holder = "";
  // What is watched for the workload and may no longer be: what is seen of it is out of date.
  std::optional<kube::RefusedWatch> refused_watch;
};

}  // namespace swo::reconcile
