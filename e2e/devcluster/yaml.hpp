// YAML to JSON by YAML 1.2's core schema, as sigs.k8s.io/yaml reads it: quoted scalars stay
// strings.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace devcluster {

// Throws std::runtime_error naming line and column.
nlohmann::json yaml_to_json(const std::string& text);
// All documents of a multi-document file; empty ones are left out.
std::vector<nlohmann::json> yaml_documents(const std::string& text);

}  // namespace devcluster
