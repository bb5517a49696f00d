#include "devcluster/patch.hpp"

#include <algorithm>

#include "devcluster/status.hpp"

namespace devcluster {
namespace {

constexpr std::string_view kDeleteFrom = "$deleteFromPrimitiveList/";

bool starts_with(const std::string& text, std::string_view prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

void merge_list(Json& onto, const Json& patch, const Shape& shape) {
  if (!onto.is_array()) onto = Json::array();
  const bool replace = std::any_of(patch.begin(), patch.end(), [](const Json& item) {
    return item.is_object() && item.value("$patch", "") == "replace";
  });
  if (replace || shape.list() == Shape::List::kAtomic) {
    onto = Json::array();
    for (const Json& item : patch) {
      if (!item.is_object() || !item.contains("$patch")) onto.push_back(item);
    }
    return;
  }
  if (shape.list() == Shape::List::kSet) {
    for (const Json& item : patch) {
      if (std::find(onto.begin(), onto.end(), item) == onto.end()) onto.push_back(item);
    }
    return;
  }
  // Strategic merge knows one key per list; it is the first of the several that apply uses.
  const auto& key = shape.keys().front().get_ref<const std::string&>();
  for (const Json& item : patch) {
    if (!item.is_object() || !item.contains(key)) {
      throw Refusal(422, "Invalid",
                    "map: " + item.dump() + " does not contain declared merge key: " + key);
    }
    const auto same = std::find_if(onto.begin(), onto.end(), [&](const Json& candidate) {
      return candidate.is_object() && candidate.value(key, Json()) == item[key];
    });
    if (item.value("$patch", "") == "delete") {
      if (same != onto.end()) onto.erase(same);
    } else if (same != onto.end()) {
      strategic_merge(*same, item, shape.item());
    } else {
      Json added = Json::object();
      strategic_merge(added, item, shape.item());
      onto.push_back(std::move(added));
    }
  }
}

void delete_from_list(Json& onto, const std::string& name, const Json& values) {
  const auto list = onto.find(name);
  if (list == onto.end() || !list->is_array()) return;
  Json kept = Json::array();
  for (const Json& item : *list) {
    if (std::find(values.begin(), values.end(), item) == values.end()) kept.push_back(item);
  }
  *list = std::move(kept);
}

}  // namespace

void strategic_merge(Json& onto, const Json& patch, const Shape& shape) {
  if (!onto.is_object()) onto = Json::object();
  const std::string directive = patch.value("$patch", "");
  if (directive == "delete") {
    onto = Json::object();
    return;
  }
  if (directive == "replace") onto = Json::object();
  if (const auto keep = patch.find("$retainKeys"); keep != patch.end()) {
    for (auto at = onto.begin(); at != onto.end();) {
      const bool kept = std::find(keep->begin(), keep->end(), Json(at.key())) != keep->end();
      at = kept ? std::next(at) : onto.erase(at);
    }
  }
  for (const auto& [name, value] : patch.items()) {
    if (starts_with(name, kDeleteFrom)) {
      delete_from_list(onto, name.substr(kDeleteFrom.size()), value);
    } else if (starts_with(name, "$")) {
      continue;  // $patch, $retainKeys; $setElementOrder/… only orders
    } else if (value.is_null()) {
      onto.erase(name);
    } else if (value.is_object()) {
      strategic_merge(onto[name], value, shape.field(name));
    } else if (value.is_array()) {
      merge_list(onto[name], value, shape.field(name));
    } else {
      onto[name] = value;
    }
  }
}

Json patched(const Json& live, const std::string& content_type, const Json& patch,
             const Shape* shape) {
  Json out = live;
  if (starts_with(content_type, "application/merge-patch+json")) {
    if (!patch.is_object()) throw bad_request("a merge patch must be a JSON object");
    out.merge_patch(patch);
    return out;
  }
  if (starts_with(content_type, "application/json-patch+json")) {
    try {
      return out.patch(patch);
    } catch (const Json::exception& error) {
      throw Refusal(422, "Invalid",
                    std::string("the server rejected our request due to an error in our "
                                "request: ") +
                        error.what());
    }
  }
  if (starts_with(content_type, "application/strategic-merge-patch+json") && shape != nullptr) {
    if (!patch.is_object()) throw bad_request("a strategic merge patch must be a JSON object");
    strategic_merge(out, patch, *shape);
    return out;
  }
  throw Refusal(
      415, "UnsupportedMediaType",
      "the body of the request was in an unknown format - accepted media types include: "
      "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
}

}  // namespace devcluster
