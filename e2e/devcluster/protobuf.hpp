// Kubernetes' protobuf encoding, which current kubectl uses for what it creates by itself (create
// configmap, create token, auth can-i, drain) and for the OpenAPI document. Only the messages of
// data/protobuf.yaml are known.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace devcluster {

// Reads the table of messages, so that a fault in it shows at the start.
void read_protobuf_messages();

// The object of a request's body; nothing when its kind is not known here. std::runtime_error when
// it is malformed.
std::optional<nlohmann::json> decode_protobuf(const std::string& body);

// Members that the message does not have are left out.
std::string encode_protobuf(const nlohmann::json& object, const std::string& message);

}  // namespace devcluster
