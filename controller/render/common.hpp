// What all rendered objects share: labels, owner, metadata. Internal to this folder. Pure.
#pragma once

#include <string>
#include <string_view>

#include "api/json.hpp"
#include "api/workload.hpp"

namespace swo::render {

// `base` and `suffix` as one DNS label (RFC 1123: 63 characters, no dots). What does not fit is cut
// from the base and a hash of the whole base put in its place, so that two long names stay two.
std::string dns_label(std::string_view base, std::string_view suffix = {});

// On every child; the workload's Pods are selected by selector().
Json labels(const api::Workload& workload);
Json selector(const api::Workload& workload);

// The workload as the child's controller. Empty while the workload has no uid: rendered without a
// cluster.
Json owner_references(const api::Workload& workload);

// name, namespace, labels and owner of a child.
Json metadata(const api::Workload& workload, std::string_view name);

// Server-side apply owns what it is given, an empty map included: so what is empty is left out.
void set_unless_empty(Json& object, const char* field, const Json& value);
void set_unless_empty(Json& object, const char* field, const std::string& value);

}  // namespace swo::render
