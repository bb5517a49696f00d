// The resource types that the operator reads and writes, each named once.
#pragma once

#include "api/names.hpp"
#include "kube/resource.hpp"

namespace swo::reconcile::types {

inline constexpr kube::ResourceType kWorkload{api::kGroup, api::kVersion, api::kPlural, api::kKind};
inline constexpr kube::ResourceType kPod{"", "v1", "pods", "Pod"};
inline constexpr kube::ResourceType kService{"", "v1", "services", "Service"};
inline constexpr kube::ResourceType kServiceAccount{"", "v1", "serviceaccounts", "ServiceAccount"};
inline constexpr kube::ResourceType kClaim{"", "v1", "persistentvolumeclaims",
                                           "PersistentVolumeClaim"};
inline constexpr kube::ResourceType kEvent{"", "v1", "events", "Event"};
inline constexpr kube::ResourceType kRole{"rbac.authorization.k8s.io", "v1", "roles", "Role"};
inline constexpr kube::ResourceType kRoleBinding{"rbac.authorization.k8s.io", "v1", "rolebindings",
                                                 "RoleBinding"};
inline constexpr kube::ResourceType kDisruptionBudget{"policy", "v1", "poddisruptionbudgets",
                                                      "PodDisruptionBudget"};
inline constexpr kube::ResourceType kControllerRevision{"apps", "v1", "controllerrevisions",
                                                        "ControllerRevision"};
inline constexpr kube::ResourceType kIngress{"networking.k8s.io", "v1", "ingresses", "Ingress"};
inline constexpr kube::ResourceType kHttpRoute{"gateway.networking.k8s.io", "v1", "httproutes",
                                               "HTTPRoute"};
inline constexpr kube::ResourceType kRoute{"route.openshift.io", "v1", "routes", "Route"};
inline constexpr kube::ResourceType kScc{"security.openshift.io", "v1",
                                         "securitycontextconstraints", "SecurityContextConstraints",
                                         false};
inline constexpr kube::ResourceType kMachineConfig{"machineconfiguration.openshift.io", "v1",
                                                   "machineconfigs", "MachineConfig", false};
inline constexpr kube::ResourceType kMachineConfigPool{
    "machineconfiguration.openshift.io", "v1", "machineconfigpools", "MachineConfigPool", false};
inline constexpr kube::ResourceType kNodesConfig{"config.openshift.io", "v1", "nodes", "Node",
                                                 false};

}  // namespace swo::reconcile::types
