// Request targets: percent-decoding, the query, and the resource that a path names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace devcluster {

struct Target {
  std::string path;                   // decoded, for messages and nonResourceURLs
  std::vector<std::string> segments;  // each decoded by itself: a name cannot smuggle in a slash
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in its order

  std::string value(const std::string& key) const;                   // the last; "" when absent
  std::vector<std::string> values(const std::string& key) const;     // of one that may be repeated
  bool flag(const std::string& key) const;                           // true or 1
  std::optional<std::int64_t> number(const std::string& key) const;  // Refusal 400 when not one
};

Target parse_target(std::string_view target);

struct ResourcePath {
  std::string group, version, ns, resource, name, subresource;
};

// /api/v1/… and /apis/GROUP/VERSION/… with at least a resource; nothing for other paths.
std::optional<ResourcePath> resource_path(const Target& target);

// "apps" of "apps/v1", "" of "v1".
std::string group_of(const std::string& api_version);

}  // namespace devcluster
