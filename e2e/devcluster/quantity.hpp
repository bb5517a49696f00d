// Quantities of resources, as far as nodes and Pods of the stand-in name them: "2", "500m", "64Gi".
// Source: k8s.io/apimachinery pkg/api/resource (suffixes).
#pragma once

#include <cstdint>
#include <string_view>

namespace devcluster {

// In thousandths of the unit; 0 for what is no quantity.
std::int64_t milli_of(std::string_view quantity);

}  // namespace devcluster
