// What a namespace or the cluster may have against a Pod besides its SecurityContextConstraints: a
// level of Pod Security, a LimitRange, a ResourceQuota, a class that is not there.
//
// As far as a workload can meet it, in the words of the real plugins: kubernetes
// plugin/pkg/admission/{limitranger,priority,runtimeclass,resourcequota} and
// staging/src/k8s.io/pod-security-admission/policy. Of a quota `pods` and demanded requests are
// judged, of Pod Security what an init as root of a user namespace breaks.
#pragma once

#include <optional>
#include <string>

#include "devcluster/controller.hpp"

namespace devcluster {

// The refusal; nothing: none.
std::optional<std::string> judge_pod(World& world, const std::string& ns, const Json& pod);

}  // namespace devcluster
