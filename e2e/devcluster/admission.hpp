// The admission of what is created: Pods (ServiceAccount, fields that this generation does not
// have, SCC), namespaces (their ranges), Services (addresses), Routes (host). Each as the plugin or
// strategy that it imitates does it; cited in admission.cpp. Thread-safe.
#pragma once

#include <optional>
#include <string>

#include "devcluster/controller.hpp"

namespace devcluster {

// Installs them in world.server. `world` must outlive the server's last request.
void install_admission(World& world);

// What a namespace or the cluster may have against a Pod besides its SecurityContextConstraints: a
// level of Pod Security, a LimitRange, a ResourceQuota, a class that is not there. The refusal;
// nothing: none.
//
// As far as a workload can meet it, in the words of the real plugins: kubernetes
// plugin/pkg/admission/{limitranger,priority,runtimeclass,resourcequota} and
// staging/src/k8s.io/pod-security-admission/policy. Of a quota `pods` and demanded requests are
// judged, of Pod Security what an init as root of a user namespace breaks.
std::optional<std::string> judge_pod(World& world, const std::string& ns, const Json& pod);

}  // namespace devcluster
