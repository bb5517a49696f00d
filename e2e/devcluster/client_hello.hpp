// The host that a TLS client names before anything is encrypted. Pure.
// Source: RFC 8446 §4.1.2 (ClientHello), RFC 6066 §3 (server_name).
#pragma once

#include <string>
#include <string_view>

namespace devcluster {

// `record` is a whole TLS record. "" where it is no ClientHello, or one that names no host.
std::string server_name(std::string_view record);

}  // namespace devcluster
