// Group, version and the well-known names of the SystemdWorkload API: the labels, annotations and
// field managers that more than one place of the operator writes or reads.
//
// Label keys of the recommended kind:
// kubernetes.io/docs/concepts/overview/working-with-objects/common-labels.
#pragma once

#include <string_view>

namespace swo::api {

inline constexpr std::string_view kGroup = "workloads.systemd-operator.dev";
inline constexpr std::string_view kVersion = "v1alpha1";
inline constexpr std::string_view kApiVersion = "workloads.systemd-operator.dev/v1alpha1";
inline constexpr std::string_view kKind = "SystemdWorkload";
inline constexpr std::string_view kPlural = "systemdworkloads";

// The field manager of everything the operator owns, and the one of the status it writes.
inline constexpr std::string_view kFieldManager = "systemd-workload-operator";
inline constexpr std::string_view kStatusFieldManager = "systemd-workload-operator-status";

// Labels on every child; claims go without the second (render/storage.cpp).
inline constexpr std::string_view kLabelName = "app.kubernetes.io/name";
inline constexpr std::string_view kLabelInstance = "app.kubernetes.io/instance";
inline constexpr std::string_view kLabelManagedBy = "app.kubernetes.io/managed-by";
// The workload a child belongs to: what secondary watches select by and map events back with.
inline constexpr std::string_view kLabelWorkload = "workloads.systemd-operator.dev/workload";
// On cluster-scoped pieces that workloads share (SCC, MachineConfig).
inline constexpr std::string_view kLabelShared = "workloads.systemd-operator.dev/shared";
// On Pods and claims: the ordinal of the instance, and the revision its Pod was made from.
inline constexpr std::string_view kLabelOrdinal = "workloads.systemd-operator.dev/ordinal";
inline constexpr std::string_view kLabelRevision = "workloads.systemd-operator.dev/revision";

// On the workload: asks for a rolling restart when its value changes (kubectl sdw restart).
inline constexpr std::string_view kAnnotationRestartedAt =
    "workloads.systemd-operator.dev/restarted-at";

// On a Pod: the resources that it was made with, before any webhook that sets its own.
inline constexpr std::string_view kAnnotationResources = "workloads.systemd-operator.dev/resources";

// On a Pod: what has CRI-O give it a user namespace, where its configuration allows that (cri-o
// docs/annotations).
inline constexpr std::string_view kAnnotationUserNamespace = "io.kubernetes.cri-o.userns-mode";

// On nodes.config.openshift.io/cluster: the cgroupMode that the operator has set. Whoever sets
// another one after that is not overruled.
inline constexpr std::string_view kAnnotationCgroupMode =
    "workloads.systemd-operator.dev/cgroup-mode";

// On a MachineConfigPool: the operator has paused it, and lets it go on by itself.
inline constexpr std::string_view kAnnotationHeld = "workloads.systemd-operator.dev/held";

}  // namespace swo::api
