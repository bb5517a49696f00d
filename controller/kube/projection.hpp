// From the API server's text to a small document of only the fields that are wanted.
//
// A Pod of 6 kB becomes 40 kB as a DOM; the operator reads a twentieth of it. So the text is
// scanned once: what the mask names becomes a document, the rest is skipped by bracket and quote
// alone. Skipped text is therefore not validated beyond its structure; kept text is.
//
// Pure and thread-safe. Errors: kBadResponse for text that is truncated, not JSON, or without what
// the protocol promises. Nothing throws, recursion is bounded: what is nested deeper than kMaxDepth
// becomes null. It is no error, because a list is read as a whole: anybody who may write one object
// of it could keep the operator from all the others.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "api/json.hpp"
#include "kube/result.hpp"

namespace swo::kube {

// The API server itself refuses nesting deeper than 10,000 (sigs.k8s.io/json); no API object comes
// near this.
inline constexpr int kMaxDepth = 512;

// A set of dotted paths: "metadata.labels" keeps all below it. Arrays are transparent:
// "status.containerStatuses.ready" keeps that field of each entry. metadata.name, .namespace, .uid
// and .resourceVersion are always kept. FieldMask::everything() keeps the whole document.
class FieldMask {
 public:
  FieldMask(std::initializer_list<std::string_view> paths);
  explicit FieldMask(const std::vector<std::string>& paths);
  static FieldMask everything();

  // One step of the tree of names: what is wanted below a field.
  struct Node {
    std::string name;
    bool whole = false;  // everything below
    std::vector<Node> children;
    const Node* child(std::string_view key) const;
  };
  const Node& root() const { return root_; }

 private:
  FieldMask() = default;
  void add(std::string_view path);
  Node root_;
};

// What a list says of itself.
struct ListPage {
  std::uint64_t resource_version = 0;
  std::string continue_token;  // "" = the last page
  std::int64_t remaining = 0;  // items after this page, where the server says so
};

enum class EventType { kAdded, kModified, kDeleted, kBookmark, kError, kUnknown };

struct WatchEvent {
  EventType type = EventType::kUnknown;
  std::string type_name;               // as sent
  Json object;                         // projected
  std::uint64_t resource_version = 0;  // of `object`; never 0 for kAdded … kBookmark
  // kError: from the Status that came instead of an object.
  Error error;
};

Result<Json> project(std::string_view text, const FieldMask& mask);

// Calls `each` for every item, in order, as it is met. On an error some items may have been handed
// over already: the caller drops them.
Result<ListPage> project_list(std::string_view body, const FieldMask& mask,
                              const std::function<void(Json&&)>& each);

// One line of a watch.
Result<WatchEvent> project_event(std::string_view line, const FieldMask& mask);

}  // namespace swo::kube
