// What spans fields: each rule here mirrors one CEL rule of crds/, message for message, so that an
// API server without CEL (Kubernetes < 1.25) and `render` refuse the same documents. Rules that
// compare with the object's former state exist in CEL alone.
//
// Internal to the floor. Pure; safe from any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/workload.hpp"

namespace swo::api {

struct Breach {
  std::string path;
  std::string value;
};

struct CrossFieldRule {
  std::string_view message;  // the remedy, as the CRD words it
  std::optional<Breach> (*breach)(const Workload& workload);
};

std::span<const CrossFieldRule> cross_field_rules();

}  // namespace swo::api
