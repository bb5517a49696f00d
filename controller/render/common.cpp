#include "render/common.hpp"

#include <algorithm>

#include "api/names.hpp"
#include "render/hash.hpp"

namespace swo::render {
namespace {

constexpr std::size_t kMaxLabel = 63;  // RFC 1123; also the limit of a label's value

// A label's value may hold dots, but is no longer than a DNS label.
std::string label_value(const std::string& name) {
  return name.size() <= kMaxLabel ? name : dns_label(name);
}

}  // namespace

std::string dns_label(std::string_view base, std::string_view suffix) {
  std::string label(base);
  std::replace(label.begin(), label.end(), '.', '-');
  if (label != base || label.size() + suffix.size() > kMaxLabel) {
    const std::string hash = "-" + short_hash(base);
    label.resize(std::min(label.size(), kMaxLabel - suffix.size() - hash.size()));
    label.erase(label.find_last_not_of('-') + 1);
    label += hash;
  }
  return label.append(suffix);
}

Json labels(const api::Workload& workload) {
  const std::string name = label_value(workload.name);
  return {{std::string(api::kLabelName), name},
          {std::string(api::kLabelInstance), name},
          {std::string(api::kLabelManagedBy), api::kFieldManager},
          {std::string(api::kLabelWorkload), name}};
}

Json selector(const api::Workload& workload) {
  return {{std::string(api::kLabelWorkload), label_value(workload.name)}};
}

Json owner_references(const api::Workload& workload) {
  Json references = Json::array();
  if (!workload.uid.empty()) {
    references.push_back({{"apiVersion", api::kApiVersion},
                          {"kind", api::kKind},
                          {"name", workload.name},
                          {"uid", workload.uid},
                          {"controller", true},
                          {"blockOwnerDeletion", true}});
  }
  return references;
}

Json metadata(const api::Workload& workload, std::string_view name) {
  Json result = {{"name", name}, {"labels", labels(workload)}};
  set_unless_empty(result, "namespace", workload.ns);
  set_unless_empty(result, "ownerReferences", owner_references(workload));
  return result;
}

void set_unless_empty(Json& object, const char* field, const Json& value) {
  if (!value.empty()) {
    object[field] = value;
  }
}

void set_unless_empty(Json& object, const char* field, const std::string& value) {
  if (!value.empty()) {
    object[field] = value;
  }
}

}  // namespace swo::render
