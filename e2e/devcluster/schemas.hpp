// The schemas of built-in types: data/schemas.yaml in OpenAPI's words. Immutable, thread-safe; a
// fault in the file ends the program at the first use (see data.hpp).
#pragma once

#include <memory>
#include <string>

#include <nlohmann/json.hpp>

namespace devcluster {

// By what Subject::qualified() says. A type that the file does not have may hold anything.
std::shared_ptr<const nlohmann::json> built_in_schema(const std::string& qualified);
const nlohmann::json& object_meta_schema();

}  // namespace devcluster
