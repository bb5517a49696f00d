// An OpenAPI v2 document as protobuf, the only form in which kubectl before 1.27 reads it.
// Source of the field numbers: github.com/google/gnostic openapiv2/OpenAPIv2.proto.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace devcluster {

// Of the document: swagger, info, definitions, and of each path its patch operation. Of a schema:
// what swagger_schema() of openapi.cpp leaves.
std::string openapi_v2_proto(const nlohmann::json& document);

}  // namespace devcluster
