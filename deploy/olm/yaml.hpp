// YAML both ways, as far as manifests need it: the core schema's scalars, anchors, block style out.
//
// read_yaml throws std::runtime_error naming the file. Thread-compatible.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace olm {

// In the order of the document, as people write manifests: kind before spec.
using Json = nlohmann::ordered_json;

std::vector<Json> read_yaml(const std::filesystem::path& file);
std::vector<Json> parse_yaml(const std::string& text);

// Block style; long text as a literal block; the same input gives the same text.
std::string to_yaml(const Json& document);

}  // namespace olm
