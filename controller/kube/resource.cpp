#include "kube/resource.hpp"

namespace swo::kube {

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
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  // "." and ".." are unreserved, yet as a whole path segment servers and proxies resolve them away.
  const bool dots = text == "." || text == "..";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (!dots && kUnreserved.find(c) != std::string_view::npos) {
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
