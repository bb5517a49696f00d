// Kubernetes' ways to choose nodes: label selectors, node affinity, taints and tolerations.
//
// Pure; malformed JSON selects nothing and tolerates nothing. Sources: k8s.io/apimachinery
// meta/v1 LabelSelector, k8s.io/component-helpers scheduling/corev1 (nodeaffinity, toleration).
#pragma once

#include <map>
#include <string>

#include "api/json.hpp"
#include "platform/facts.hpp"

namespace swo::platform {

using Labels = std::map<std::string, std::string>;

// A LabelSelector {matchLabels, matchExpressions}; an empty one selects everything.
bool selects(const Json& label_selector, const Labels& labels);

// spec.nodeSelector and spec.affinity's required node affinity of a Pod.
bool node_matches(const Json& node_selector, const Json& affinity, const NodeFacts& node);

// Every lasting NoSchedule and NoExecute taint of the node is tolerated. Taints that Kubernetes
// itself sets and lifts (node.kubernetes.io/not-ready, …/unschedulable) are states of the moment:
// passed over.
bool tolerates(const Json& tolerations, const NodeFacts& node);

}  // namespace swo::platform
