// Texts: kube-apiserver admission plugins (PodSecurity, ResourceQuota, LimitRanger, webhooks),
// OpenShift's apiserver-library-go securitycontextconstraints, kube-scheduler framework plugins,
// kubelet eviction.

#include <algorithm>
#include <array>

#include "diagnose/causes.hpp"
#include "diagnose/text.hpp"

namespace swo::diagnose {
namespace {

constexpr std::string_view kHostUsersRemedy =
    "the API server drops the field where the feature gate UserNamespacesSupport is off: upgrade "
    "to Kubernetes ≥ 1.33, or set spec.platform.userNamespace: Annotation on CRI-O";

constexpr std::array kRefusals = {
    Row{"has dropped spec.hostUsers", "UserNamespaceDropped",
        "The API server drops hostUsers: false, so the Pod would be root of its node: it is not "
        "made",
        kHostUsersRemedy},
    Row{"Host Users must be set to false", "SccNeedsUserNamespace",
        "Every SecurityContextConstraints that the Pod may use demands a user namespace, and it "
        "has none",
        "set spec.platform.userNamespace: Auto, or name a fitting SCC in "
        "spec.platform.securityContextConstraints"},
    Row{"unable to validate against any security context constraint", "SccRefused",
        "No SecurityContextConstraints that the workload's ServiceAccount may use admits the Pod",
        "give the ServiceAccount a RoleBinding to a Role with verb use on the SCC; the operator "
        "does so for SCCs of its own, unless it lacks the right, and for none that a workload "
        "names"},
    Row{"openshift.io/required-scc", "SccRefused",
        "The SecurityContextConstraints that the Pod is pinned to does not admit it",
        "check that the SCC exists, that the ServiceAccount may use it, and that it allows uid 0"},
    Row{"violates PodSecurity", "PodSecurityRefused",
        "The namespace enforces a Pod Security level that systemd cannot meet",
        "label the namespace pod-security.kubernetes.io/enforce=baseline (privileged where the "
        "workload adds SYS_ADMIN)"},
    Row{"exceeded quota", "QuotaExceeded", "A ResourceQuota of the namespace is used up",
        "raise the quota, or lower spec.resources or spec.replicas"},
    Row{"failed quota", "QuotaExceeded",
        "A ResourceQuota of the namespace demands requests or limits that the workload does not "
        "set",
        "set them in spec.resources"},
    Row{" per Container is ", "LimitRangeRefused",
        "A LimitRange of the namespace does not allow the workload's resources",
        "fit spec.resources into the range"},
    Row{" per Pod is ", "LimitRangeRefused",
        "A LimitRange of the namespace does not allow the workload's resources",
        "fit spec.resources into the range"},
    Row{"denied the request", "WebhookRefused",
        "An admission webhook of the cluster refused the Pod",
        "ask the owner of the webhook that the message names, or change what it objects to"},
    Row{"failed calling webhook", "WebhookUnreachable",
        "An admission webhook of the cluster does not answer, so Pods cannot be created",
        "look at the webhook's own Pods and Service", true},
    Row{"error looking up service account", "ServiceAccountMissing",
        "The ServiceAccount of the workload does not exist (yet)",
        "create it, or leave out spec.serviceAccountName", true},
    Row{"is being terminated", "NamespaceTerminating", "The namespace is being deleted",
        "wait until it is gone"},
    Row{"no PriorityClass with name", "PriorityClassMissing",
        "spec.priorityClassName names no PriorityClass", "create it, or leave out the field"},
    Row{"RuntimeClass", "RuntimeClassMissing",
        "spec.platform.runtimeClassName names no RuntimeClass of this cluster",
        "create the RuntimeClass, or name one of `kubectl get runtimeclass`"},
    Row{"cannot set blockOwnerDeletion", "OperatorForbidden",
        "The operator lacks a right of its own: update of systemdworkloads/finalizers",
        "install the operator's ClusterRole as shipped"},
    Row{"cannot create resource", "OperatorForbidden",
        "The operator lacks a right of its own to create what the workload needs",
        "install the operator's ClusterRole as shipped"},
    Row{"is invalid:", "PodInvalid", "The API server does not take the Pod as it was rendered",
        "correct the field of the workload that the message names"},
    Row{"", "PodRefused", "The API server refused the Pod", "do as its message says"},
};

// "0/5 nodes are available: 2 Insufficient cpu, 3 node(s) had untolerated taint {…}": the taint of
// the control plane is always among the reasons, so it comes last.
constexpr std::array kSchedulerReasons = {
    Row{"scheduling gates", "SchedulingGated", "A scheduling gate holds the Pod back",
        "remove the gate, or wait for who has set it", true},
    Row{"unbound immediate PersistentVolumeClaims", "ClaimUnbound",
        "A claim of the instance has no volume",
        "check `kubectl get pvc` and the StorageClass: does it exist, has it room"},
    Row{"persistentvolumeclaim", "ClaimMissing", "A claim that the Pod mounts is not there (yet)",
        "create the claim that the message names", true},
    Row{"volume node affinity conflict", "VolumeOnOtherNode",
        "The instance's volume can be reached only from nodes where the Pod may not or cannot run",
        "make room on the volume's node or zone, or loosen spec.nodeSelector and spec.affinity"},
    Row{"Insufficient ", "InsufficientResources", "No node has enough free resources",
        "add nodes, or lower spec.resources.requests"},
    Row{"Too many pods", "InsufficientResources", "The nodes hold as many Pods as they may",
        "add nodes, or raise the kubelet's maxPods"},
    Row{"free ports", "HostPortTaken", "A host port of the Pod is in use on every node",
        "use a Service in place of the host port"},
    Row{"didn't match Pod's node affinity/selector", "NodeSelectorUnmatched",
        "No node has the labels that the workload asks for",
        "correct spec.nodeSelector or spec.affinity, or label a node"},
    Row{"didn't match pod topology spread constraints", "SpreadUnsatisfied",
        "The spread over zones or nodes that the workload asks for cannot be had",
        "loosen spec.topologySpreadConstraints, or add nodes"},
    Row{"didn't match pod anti-affinity rules", "SpreadUnsatisfied",
        "Every fitting node has a Pod that the workload keeps away from",
        "loosen spec.affinity, or add nodes"},
    Row{"were unschedulable", "NodesCordoned", "The fitting nodes are cordoned",
        "uncordon a node, or wait for the end of a drain", true},
    Row{"taint", "TaintNotTolerated", "Every node has a taint that the workload does not tolerate",
        "add to spec.tolerations, or remove the taint"},
    Row{"", "Unschedulable", "The scheduler finds no node for the Pod", "do as its message says"},
};

constexpr std::array kPutOut = {
    Row{"Evicted", "Evicted", "The node put the Pod out to save its own resources",
        "set spec.resources.requests to what the instance uses (memory and ephemeral-storage), or "
        "add nodes"},
    Row{"Preempt", "Preempted", "A Pod of higher priority took the place",
        "add nodes, or raise spec.priorityClassName", true},
    Row{"NodeShutdown", "NodeShutdown", "The node was shut down", "nothing: it is started anew",
        true},
    Row{"Terminated", "NodeShutdown", "The node was shut down", "nothing: it is started anew",
        true},
    Row{"UnexpectedAdmissionError", "NodeRefused", "The kubelet did not take the Pod",
        "look at its message; the instance is tried again", true},
    Row{"NodeAffinity", "NodeRefused", "The node's labels changed under the Pod",
        "check the node's labels against spec.nodeSelector"},
    Row{"OutOf", "NodeRefused", "The node had less room than the scheduler believed",
        "nothing: it is started anew", true},
};

}  // namespace

std::optional<Diagnosis> user_namespace_dropped(const Case& c) {
  const bool exists = !c.evidence.phase.empty();
  const bool wanted = c.strategy.user_namespace == platform::UserNamespaceVia::kHostUsers;
  // One that was made when the annotation was the way has its user namespace by that.
  if (!exists || !wanted || c.evidence.host_users == false || c.evidence.user_namespace_asked) {
    return std::nullopt;
  }
  return make(
      "UserNamespaceDropped",
      "The live Pod has no hostUsers: false, so its container has no user namespace and root "
      "in it is root of the node",
      c.evidence.host_users ? "hostUsers: true" : "no hostUsers in the live Pod",
      std::string(kHostUsersRemedy) + "; delete the Pod then");
}

std::optional<Diagnosis> creation_refused(const Case& c) {
  if (c.evidence.create_error.empty()) {
    return std::nullopt;
  }
  return first_match(kRefusals, {c.evidence.create_error});
}

std::optional<Diagnosis> put_out(const Case& c) {
  if (c.evidence.pod_reason.empty()) {
    return std::nullopt;
  }
  auto diagnosis = first_match(kPutOut, {c.evidence.pod_reason});
  if (diagnosis) {
    diagnosis->evidence = shown(c.evidence.pod_reason + ": " + c.evidence.pod_message);
  }
  return diagnosis;
}

std::optional<Diagnosis> node_lost(const Case& c) {
  const bool down = c.evidence.node != nullptr && !c.evidence.node->ready;
  if (c.evidence.pod_reason != "NodeLost" && !down) {
    return std::nullopt;
  }
  const std::string name = c.evidence.node != nullptr ? c.evidence.node->name : "of the Pod";
  return make("NodeLost", "The node " + name + " is not ready, so nothing is known of the instance",
              c.evidence.pod_message,
              "bring the node back; or, once it is surely off, delete it or taint it with "
              "node.kubernetes.io/out-of-service, so that the instance can start elsewhere");
}

std::optional<Diagnosis> unschedulable(const Case& c) {
  if (c.evidence.scheduled_message.empty()) {
    return std::nullopt;
  }
  return first_match(kSchedulerReasons, {c.evidence.scheduled_message});
}

}  // namespace swo::diagnose
