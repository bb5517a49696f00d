// What operator-framework/api's validators, opm validate and OLM v1 would say of a bundle and
// catalog.
//
// Errors and warnings are the same here: none is to be left. Sources: operator-framework/api
// pkg/validation/internal (bundle.go, csv.go, crd.go, operatorhub.go, good_practices.go,
// community.go), operator-registry pkg/lib/bundle/supported_resources.go and alpha/declcfg,
// operator-controller docs/project/olmv1_limitations.md. Pure; safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "olm/bundle.hpp"

namespace olm {

struct Finding {
  std::string file;
  std::string message;
  bool operator==(const Finding&) const = default;
};

// Everything at fault, in the order of the rules; empty when all is well.
std::vector<Finding> check(const Files& files);

// That an image is named by digest, which only a release can.
std::vector<Finding> check_digests(const Files& files);

}  // namespace olm
