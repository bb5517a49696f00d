// Admission of Pods by SecurityContextConstraints: which one takes a Pod, what it fills in, or why
// none does.
//
// Pure but for the asking of `may_use`. Source: openshift/apiserver-library-go
// pkg/securitycontextconstraints (sccadmission/admission.go, sccmatching/provider.go, util/sort).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace devcluster {

struct SccInput {
  std::vector<nlohmann::json> sccs;      // all of the cluster
  nlohmann::json namespace_annotations;  // openshift.io/sa.scc.*
  // May the Pod's ServiceAccount, or else the requesting user, use this one? Gives "serviceaccount"
  // or "user", or nothing.
  std::function<std::optional<std::string>(const nlohmann::json& scc)> may_use;
};

// Fills in `pod` by the first that takes it; else says why none does, and leaves `pod` as it was.
std::optional<std::string> admit_by_scc(const SccInput& input, nlohmann::json& pod);

// Highest priority first, then the most restrictive, then by name.
void sort_sccs(std::vector<nlohmann::json>& sccs);

// The ranges that a namespace gets when it is made: uid-range, supplemental-groups, mcs.
nlohmann::json namespace_ranges(int index);

}  // namespace devcluster
