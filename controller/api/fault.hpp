// How faults of a document are told: the path to a field, and the short form of a value found
// there.
//
// Internal to the floor. Pure; safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "api/json.hpp"

namespace swo::api {

// A field's path as a chain on the stack, so that walking a sound document builds no text.
struct Path {
  const Path* parent = nullptr;
  std::string_view key;  // of an object; empty: `index` counts
  std::size_t index = 0;

  std::string text() const;  // "spec.ports[0].port"
};

// Kubernetes' own types that pass through to the Pod nest about ten deep. Copying, comparing and
// printing JSON recurses per level, so a document made to be deep must be refused before any of
// these.
inline constexpr int kMaxDepth = 64;
bool deeper_than(const Json& value, int levels);

// One line of at most about 80 characters, safe to print: text is cut, invalid UTF-8 replaced,
// objects and lists only named as such.
std::string excerpt(const Json& value);

}  // namespace swo::api
