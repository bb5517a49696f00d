// The JSONPath of printer columns and scale paths: .a.b, ['a.b'], [0], [*], [?(@.type=="Ready")].
// Source: kubernetes.io/docs/reference/kubectl/jsonpath (the part that additionalPrinterColumns
// use).
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace devcluster {

// All values found; none when the path leads nowhere or does not parse.
std::vector<const nlohmann::json*> json_path(const nlohmann::json& in, const std::string& path);

}  // namespace devcluster
