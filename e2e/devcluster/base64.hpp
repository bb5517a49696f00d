// Base64 (RFC 4648 §4), unpadded url-safe input accepted too.
#pragma once

#include <string>
#include <string_view>

namespace devcluster {

std::string base64(std::string_view bytes);
std::string base64_url(std::string_view bytes);  // unpadded
std::string unbase64(std::string_view text);     // stops at the first foreign character

}  // namespace devcluster
