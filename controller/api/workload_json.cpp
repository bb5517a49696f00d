#include <algorithm>

#include "api/fault.hpp"
#include "api/json_read.hpp"
#include "api/names.hpp"
#include "api/workload.hpp"

namespace swo::api {
namespace {

Json string_map_of(const Json& object, std::string_view key) {
  Json map = Json::object();
  const Json& found = at(object, key);
  if (!found.is_object()) return map;
  for (const auto& [name, value] : found.items()) {
    if (value.is_string()) map[name] = value;
  }
  return map;
}

// Metadata is the API server's own and well-formed on everything it hands out; what is not (a file
// given to `render`) is read as if it were left out, save the name, whose lack validate() reports.
void read_metadata(const Json& metadata, Workload& out) {
  out.name = text(at(metadata, "name"));
  out.ns = text(at(metadata, "namespace"));
  out.uid = text(at(metadata, "uid"));
  out.resource_version = text(at(metadata, "resourceVersion"));
  out.creation_timestamp = text(at(metadata, "creationTimestamp"));
  out.deletion_timestamp = text(at(metadata, "deletionTimestamp"));
  out.deleting = !out.deletion_timestamp.empty();
  out.labels = string_map_of(metadata, "labels");
  out.annotations = string_map_of(metadata, "annotations");
  if (const auto found = metadata.find("generation");
      found != metadata.end() && found->is_number_integer()) {
    out.generation = found->get<std::int64_t>();
  }
  if (const auto found = metadata.find("finalizers");
      found != metadata.end() && found->is_array()) {
    for (const Json& item : *found) {
      if (item.is_string()) out.finalizers.push_back(item.get<std::string>());
    }
  }
}

// Left out is well: an item of a list, or what a cache keeps of an object, does not repeat its
// type.
std::optional<FieldError> wrong(const Json& object, std::string_view key,
                                std::string_view expected) {
  const auto found = object.find(key);
  if (found == object.end() || *found == expected) return std::nullopt;
  return FieldError{std::string(key), excerpt(*found), "write " + std::string(expected)};
}

}  // namespace

Parsed<Workload> parse_workload(const Json& object) {
  if (!object.is_object()) {
    return FieldError{"(document)", excerpt(object), "write a SystemdWorkload object"};
  }
  if (auto fault = wrong(object, "apiVersion", kApiVersion)) return *std::move(fault);
  if (auto fault = wrong(object, "kind", kKind)) return *std::move(fault);

  Workload out;
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) {
    return FieldError{"metadata", metadata == object.end() ? "" : excerpt(*metadata),
                      "write an object with at least a name"};
  }
  read_metadata(*metadata, out);

  const auto spec = object.find("spec");
  if (spec == object.end()) return FieldError{"spec", "", "write an object with at least an image"};
  auto parsed = parse_spec(*spec);
  if (auto* fault = std::get_if<FieldError>(&parsed)) return std::move(*fault);
  out.spec = std::get<Spec>(std::move(parsed));

  if (const auto status = object.find("status"); status != object.end()) {
    out.status = parse_status(*status);
  }
  return out;
}

}  // namespace swo::api
