// Quantities of resources, as Pods and nodes name them.
// Source: k8s.io/apimachinery pkg/api/resource (suffixes).
#pragma once

#include <nlohmann/json.hpp>

namespace node {

// A Kubernetes quantity ("256Mi", "500m", "2") as a number. Throws PodError
// (CreateContainerConfigError) for what is none.
double quantity(const nlohmann::json& value);

}  // namespace node
