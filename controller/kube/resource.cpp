#include "kube/resource.hpp"

namespace swo::kube {
namespace {

// RFC 3986 section 2.3.
bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

std::string ResourceType::api_version() const {
  std::string text(group);
  if (!text.empty()) text += '/';
  return text.append(version);
}

std::string ResourceType::collection_path(std::string_view ns) const {
  std::string path = group.empty() ? "/api/" : "/apis/";
  path += api_version();
  if (namespaced && !ns.empty()) path.append("/namespaces/").append(url_escape(ns));
  return path.append("/").append(plural);
}

std::string ResourceType::object_path(std::string_view ns, std::string_view name) const {
  return collection_path(ns).append("/").append(url_escape(name));
}

std::string url_escape(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  // "." and ".." are unreserved, yet as a whole path segment servers and proxies resolve them away.
  const bool dots = text == "." || text == "..";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (!dots && is_unreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

}  // namespace swo::kube
