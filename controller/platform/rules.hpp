// The rules that decide() runs, and what they share. Internal to this floor.
//
// A rule reads the workload and the facts and the decisions of the rules before it; it adds to the
// strategy at most what its name says, and a Reason for it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/facts.hpp"
#include "platform/pools.hpp"
#include "platform/strategy.hpp"

namespace swo::platform {

struct Context {
  const api::Workload& workload;
  const Facts& facts;
  MachineConfigMode mode;
  std::vector<const NodeFacts*> nodes;  // eligible ones
  // What the Pod is shaped after: the same or, while none is eligible, those that would be but for
  // their taints, else all. A taint must not give running instances another shape.
  std::vector<const NodeFacts*> shaping;
  std::optional<Version> openshift;     // facts.openshift_generation()
  const PoolFacts* pool = nullptr;      // the one the workload names
  std::vector<const PoolFacts*> pools;  // those whose nodes matter to the workload
  Strategy strategy;

  const std::string& pool_name() const { return workload.spec.platform.pool; }
  bool before(const Version& version) const { return openshift && *openshift < version; }
  bool annotation_is_proven() const { return facts.proven_annotation.contains(workload.ns); }
  // As its status tells: its instances have been shaped so.
  bool was_by_annotation() const {
    return workload.status.platform.user_namespaces == kHadByAnnotation;
  }
  bool by_annotation() const { return strategy.user_namespace == UserNamespaceVia::kAnnotation; }
  void reason(std::string topic, std::string text) {
    strategy.reasons.push_back({std::move(topic), std::move(text)});
  }
  void block(Blocker blocker) { strategy.blockers.push_back(std::move(blocker)); }
  void warn(std::string reason, std::string message) {
    strategy.warnings.push_back(
        {.reason = std::move(reason), .message = std::move(message), .holds_pods = false});
  }
};

using Rule = void (*)(Context&);

// rules_user_namespace.cpp
void choose_user_namespace(Context& context);
void check_host_users(Context& context);
void check_annotation(Context& context);

// rules_cgroups.cpp
void choose_cgroups(Context& context);
// rules_machine_config.cpp
void gather_machine_config(Context& context);
// rules_node_settings.cpp
void settle_node_settings(Context& context);

// rules_pod.cpp
void check_platform(Context& context);
void check_nodes(Context& context);
void choose_scc(Context& context);
void choose_selinux(Context& context);
void choose_runtime_mounts(Context& context);
void choose_sysctl(Context& context);
void check_tmpfs_idmap(Context& context);
void check_volumes(Context& context);
void check_host_name(Context& context);
void check_crio_faults(Context& context);
void choose_api_fields(Context& context);

// rules_exposure.cpp
void choose_exposure(Context& context);

// Of those nodes that it is true of; of the eligible ones.
template <class Predicate>
std::vector<std::string> names_where(const std::vector<const NodeFacts*>& nodes,
                                     Predicate predicate) {
  std::vector<std::string> names;
  for (const NodeFacts* node : nodes) {
    if (predicate(*node)) {
      names.push_back(node->name);
    }
  }
  return names;
}

template <class Predicate>
std::vector<std::string> names_where(const Context& context, Predicate predicate) {
  return names_where(context.nodes, predicate);
}

// A volume whose files belong to ids of the node, or of a server: "claim data"; empty: none. What
// the kubelet makes anew for the Pod is open to everyone.
std::string persistent_volume(const api::Spec& spec);

// "worker-0, worker-1 and 3 more".
std::string name_list(const std::vector<std::string>& names);
std::string counted(std::size_t count, std::string_view noun);  // "1 node", "3 nodes"

}  // namespace swo::platform
