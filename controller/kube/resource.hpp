// Names of things in an API server: a resource type, an object's key, and the URL paths they make.
//
// Source of the paths: kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace swo::kube {

// A resource type as the REST paths name it. Aggregate, cheap to copy, meant for constants.
struct ResourceType {
  std::string_view group;  // "" = core
  std::string_view version;
  std::string_view plural;
  std::string_view kind;
  bool namespaced = true;

  std::string api_version() const;  // "v1", "apps/v1"
  // "/api/v1/namespaces/NS/pods"; an empty ns of a namespaced type means all namespaces.
  std::string collection_path(std::string_view ns) const;
  std::string object_path(std::string_view ns, std::string_view name) const;
  bool operator==(const ResourceType&) const = default;
};

struct ObjectKey {
  std::string ns;  // "" for cluster-scoped objects
  std::string name;
  auto operator<=>(const ObjectKey&) const = default;
  std::string to_string() const { return ns.empty() ? name : ns + "/" + name; }
};

struct ObjectKeyHash {
  std::size_t operator()(const ObjectKey& key) const noexcept {
    return std::hash<std::string>{}(key.name) * 31 + std::hash<std::string>{}(key.ns);
  }
};

// Escapes one path segment or query value (RFC 3986 unreserved characters stay).
std::string url_escape(std::string_view text);

}  // namespace swo::kube
