// Patches: RFC 7386 merge, RFC 6902 JSON and, for built-in types, strategic merge.
// Source of the last: apimachinery pkg/util/strategicpatch/patch.go. Pure.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "devcluster/schema.hpp"

namespace devcluster {

// By content type; Refusal 415 for others, 422 when a JSON patch does not apply. `shape` is null
// where strategic merge is not understood.
Json patched(const Json& live, const std::string& content_type, const Json& patch,
             const Shape* shape);

void strategic_merge(Json& onto, const Json& patch, const Shape& shape);

}  // namespace devcluster
