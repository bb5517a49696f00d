// Request bodies in Kubernetes' protobuf encoding, which current kubectl uses for what it creates
// by itself (create configmap, create token, auth can-i, drain). Only those kinds are understood.
//
// Sources: apimachinery pkg/runtime/serializer/protobuf (envelope) and generated.proto of each API
// group (field numbers).
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace devcluster {

// The object as JSON; nothing when the kind is not known here. std::runtime_error when it is
// malformed.
std::optional<nlohmann::json> decode_protobuf(const std::string& body);

}  // namespace devcluster
