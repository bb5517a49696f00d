// Whether a CRD can take the place of a former one under objects that exist.
//
// As OLM v1's preflight (operator-controller, crdupgradesafety; kubernetes-sigs/crdify): refused
// are a field or version taken away, a new required field, an enum or bound that is new or
// narrower, a default or type that changes, a change of scope. Pure; safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "olm/yaml.hpp"

namespace olm {

// What is unsafe, each as "path: what"; empty when the upgrade is safe.
std::vector<std::string> unsafe_changes(const Json& before, const Json& after);

}  // namespace olm
