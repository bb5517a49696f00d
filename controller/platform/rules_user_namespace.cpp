// How the container gets a user namespace of its own. Sources: KEP-127 (gate: alpha 1.25, beta and
// off 1.30, on 1.33, GA 1.36), openshift/api features (UserNamespacesSupport), cri-o
// docs/annotations.

#include <algorithm>

#include "platform/rules.hpp"

namespace swo::platform {
namespace {

constexpr Version kHostUsersField{1, 25, 0};
constexpr Version kHostUsersByDefault{1, 33, 0};
constexpr Version kOpenshiftHostUsers{4, 20, 0};
constexpr std::string_view kTopic = "user namespace";

// Without a version the API server is taken for a recent one: the Pod that comes back tells.
bool on_by_default(const Context& context) {
  if (context.openshift) {
    return *context.openshift >= kOpenshiftHostUsers;
  }
  return !context.facts.kubernetes.known() || context.facts.kubernetes >= kHostUsersByDefault;
}

std::string default_reason(const Context& context) {
  if (context.openshift) {
    return "hostUsers: false, because OpenShift ≥ 4.20 has user namespaces as GA";
  }
  return context.facts.kubernetes.known()
             ? "hostUsers: false, because Kubernetes ≥ 1.33 has user namespaces on by default"
             : "hostUsers: false; the API server's version is unknown and taken for ≥ 1.33";
}

// Kubelets that refuse hostUsers: false unless their gate is on. An upgrade moves the API server
// first, the nodes one by one, those of a paused pool (OpenShift's EUS upgrades) much later.
std::vector<std::string> nodes_behind(const std::vector<const NodeFacts*>& nodes) {
  return names_where(nodes, [](const NodeFacts& node) {
    return node.kubelet && *node.kubelet < kHostUsersByDefault;
  });
}

// Why a workload stays by the annotation where hostUsers: false could be had; empty: it does not.
std::string why_still_by_annotation(const Context& context) {
  const Facts& facts = context.facts;
  const bool can_be_had =
      on_by_default(context) || facts.user_namespaces_gate == Tri::kYes || facts.proven_host_users;
  if (!context.openshift || !can_be_had) {
    return {};
  }
  // Their configuration is as old as they are: the gate of the new version says nothing of them.
  const auto behind = nodes_behind(context.shaping);
  if (on_by_default(context) && !behind.empty()) {
    return counted(behind.size(), "node") + " (" + name_list(behind) +
           ") that may hold the workload have a kubelet before Kubernetes 1.33, which refuses "
           "hostUsers: false";
  }
  const std::string volume = persistent_volume(context.workload.spec);
  if (context.was_by_annotation() && !volume.empty()) {
    return "the files of " + volume +
           " belong to the ids that it was given so far, which hostUsers: false would show as "
           "nobody's";
  }
  return {};
}

std::vector<std::string> names_with(const Context& context, Tri answer) {
  return names_where(context,
                     [&](const NodeFacts& node) { return node.user_namespaces == answer; });
}

Blocker unsupported(std::string message) {
  return {.reason = kUserNamespacesUnsupported, .message = std::move(message)};
}

// The API server's part: it drops the field silently where the feature is off.
bool api_serves_host_users(Context& context) {
  const Facts& facts = context.facts;
  if (facts.proven_host_users || facts.user_namespaces_gate == Tri::kYes) {
    return true;
  }
  if (facts.kubernetes.known() && facts.kubernetes < kHostUsersField) {
    context.block(unsupported(facts.generation() +
                              " has no field hostUsers (it came with Kubernetes 1.25). Upgrade the "
                              "cluster, or set spec.platform.userNamespace: Annotation on CRI-O."));
    return false;
  }
  if (facts.user_namespaces_gate == Tri::kNo) {
    context.block(unsupported(
        "The feature gate UserNamespacesSupport is off on " + facts.generation() +
        ": the API server would drop hostUsers: false and the container would be root of its node. "
        "Upgrade the cluster, or set spec.platform.userNamespace: Annotation on CRI-O."));
    return false;
  }
  if (on_by_default(context)) {
    return true;
  }
  const std::string off = facts.generation() +
                          " has the feature gate UserNamespacesSupport off by default, and nothing "
                          "tells whether it was turned on";
  if (context.workload.spec.platform.user_namespace == "HostUsers") {
    context.strategy.host_users_doubtful = true;
    context.warn("HostUsersMayBeDropped",
                 off + ". A Pod that comes back without hostUsers: false has no user namespace.");
    return true;
  }
  context.block(unsupported(off + ". Upgrade to Kubernetes ≥ 1.33; or turn the gate on and set "
                                  "spec.platform.userNamespace: HostUsers."));
  return false;
}

void sum_up_nodes(Context& context) {
  const auto unable = names_with(context, Tri::kNo);
  const auto unknown = names_with(context, Tri::kUnknown);
  const std::size_t all = context.nodes.size();
  if (!unable.empty() && unable.size() == all) {
    context.block(unsupported("No node that the workload may land on (" + name_list(unable) +
                              ") has a runtime with user namespaces. Update the container runtime: "
                              "CRI-O ≥ 1.25 or containerd ≥ 2.0."));
  } else if (!unable.empty()) {
    context.warn("MixedUserNamespaces",
                 counted(unable.size(), "node") + " of " + std::to_string(all) + " (" +
                     name_list(unable) +
                     ") cannot make user namespaces: an instance that lands there will not start. "
                     "Leave them out with spec.nodeSelector.");
  } else if (const auto behind = nodes_behind(context.nodes);
             !behind.empty() && on_by_default(context) &&
             context.facts.user_namespaces_gate != Tri::kYes) {
    context.warn("KubeletTooOld",
                 counted(behind.size(), "node") + " of " + std::to_string(all) + " (" +
                     name_list(behind) +
                     ") have a kubelet before Kubernetes 1.33, which refuses hostUsers: false "
                     "unless its gate UserNamespacesSupport is on: an instance that lands there "
                     "will not start. Upgrade them, or leave them out with spec.nodeSelector.");
  } else if (context.facts.proven_host_users) {
    context.reason(std::string(kTopic), "proven: a workload has booted that way on this cluster");
  } else if (!unknown.empty() || all == 0) {
    context.reason(std::string(kTopic),
                   all == 0 ? "no node tells whether it can; taken for granted on this generation"
                            : counted(unknown.size(), "node") + " of " + std::to_string(all) +
                                  " tell nothing; taken for granted on this generation");
  } else {
    context.reason(std::string(kTopic),
                   "claimed by the runtimes of all " + counted(all, "eligible node"));
  }
}

}  // namespace

void choose_user_namespace(Context& context) {
  const std::string& wish = context.workload.spec.platform.user_namespace;
  const Facts& facts = context.facts;
  const auto choose = [&](UserNamespaceVia via, std::string why) {
    context.strategy.user_namespace = via;
    context.reason(std::string(kTopic), std::move(why));
  };
  if (wish == "HostUsers") {
    choose(UserNamespaceVia::kHostUsers, "hostUsers: false, because the workload asks for it");
  } else if (wish == "Annotation") {
    choose(UserNamespaceVia::kAnnotation, "CRI-O annotation, because the workload asks for it");
  } else if (const std::string why = why_still_by_annotation(context); !why.empty()) {
    choose(UserNamespaceVia::kAnnotation, "CRI-O annotation, because " + why);
  } else if (on_by_default(context)) {
    choose(UserNamespaceVia::kHostUsers, default_reason(context));
  } else if (facts.proven_host_users) {
    choose(UserNamespaceVia::kHostUsers,
           "hostUsers: false, because a workload has booted that way on this cluster");
  } else if (facts.user_namespaces_gate == Tri::kYes) {
    choose(UserNamespaceVia::kHostUsers,
           "hostUsers: false, because the feature gate UserNamespacesSupport is on");
  } else if (context.openshift) {
    choose(UserNamespaceVia::kAnnotation,
           "CRI-O annotation, because OpenShift before 4.20 has hostUsers at best as a technology "
           "preview that blocks upgrades");
  } else {
    choose(UserNamespaceVia::kHostUsers, "hostUsers: false, the only way outside OpenShift");
  }
}

void check_host_users(Context& context) {
  if (!context.by_annotation() && api_serves_host_users(context)) {
    sum_up_nodes(context);
  }
}

void check_annotation(Context& context) {
  if (!context.by_annotation()) {
    return;
  }
  std::vector<std::string> others;
  for (const NodeFacts* node : context.nodes) {
    if (node->runtime == Runtime::kContainerd || node->runtime == Runtime::kOther) {
      others.push_back(node->name);
    }
  }
  if (!others.empty() && others.size() == context.nodes.size()) {
    context.block({.reason = "AnnotationNeedsCrio",
                   .message =
                       "No node that the workload may land on runs CRI-O, which alone "
                       "understands the annotation. Set spec.platform.userNamespace: Auto."});
  } else if (!others.empty()) {
    context.warn("AnnotationNeedsCrio", counted(others.size(), "node") + " (" + name_list(others) +
                                            ") do not run CRI-O and ignore the annotation. Leave "
                                            "them out with spec.nodeSelector.");
  }
  if (context.annotation_is_proven()) {
    context.reason(std::string(kTopic), "proven: a workload has booted that way in this namespace");
  } else if (!context.openshift) {
    context.warn("CrioNotConfigured",
                 "CRI-O obeys the annotation only where the node's crio.conf.d allows "
                 "io.kubernetes.cri-o.userns-mode for the workload io.openshift.userns and "
                 "/etc/subuid and /etc/subgid have ranges for \"containers\". Nothing in the API "
                 "tells whether they do.");
  }
}

}  // namespace swo::platform
