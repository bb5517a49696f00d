// Kubernetes quantities in the one form that an API server gives them back in, so that what is
// applied and what is read can be compared as text.
//
// Source: k8s.io/apimachinery/pkg/api/resource/quantity.go, "canonical form". Pure.
#pragma once

#include <string>
#include <string_view>

#include "api/json.hpp"

namespace swo::render {

// "1024Mi" → "1Gi", "0.5" → "500m", "1000m" → "1". What is no quantity, or has more digits than 64
// bits and nine decimals hold, comes back as it is: the API server has the last word.
std::string canonical_quantity(std::string_view text);

// False where either is no quantity.
bool quantity_less(std::string_view left, std::string_view right);

// ResourceRequirements with each quantity of limits and requests canonical; numbers become text.
Json canonical_resources(const Json& resources);

}  // namespace swo::render
