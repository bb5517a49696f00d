// What the server says of itself: /version, health, API groups and resources, OpenAPI.
//
// Sources: kubernetes.io/docs/concepts/overview/kubernetes-api (discovery, aggregated discovery,
// OpenAPI).
#pragma once

#include <optional>
#include <string>

#include "devcluster/catalog.hpp"
#include "devcluster/http.hpp"
#include "devcluster/paths.hpp"

namespace devcluster {

// Nothing when the path is none of these.
std::optional<Response> discovery(const Catalog& catalog, const Target& target,
                                  const std::string& accept, const std::string& git_version);

// OpenAPI documents of the served types: v2 (for kubectl before 1.27, in JSON or protobuf) and v3.
// Built-in types appear as open objects; custom ones with their schema, so that `kubectl explain`
// reads it.
std::optional<Response> openapi(const Catalog& catalog, const Target& target,
                                const std::string& accept, const std::string& git_version);

}  // namespace devcluster
