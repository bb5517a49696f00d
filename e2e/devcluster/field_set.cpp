#include "devcluster/field_set.hpp"

#include <algorithm>

#include "devcluster/members.hpp"

namespace devcluster {
namespace {

// What a part of an object is made of, whichever of map, keyed list and set it is: element → value.
// A leaf (scalar, atomic list or map, null) has no elements.
struct Part {
  Shape shape;
  const Json* value;
};
using Parts = std::vector<std::pair<std::string, Part>>;

bool is_leaf(const Json& value, const Shape& shape) {
  if (value.is_object()) return shape.atomic_map();
  return !value.is_array() || shape.list() == Shape::List::kAtomic;
}

std::string key_element(const Json& item, const Shape& list) {
  Json key = Json::object();
  for (const Json& name : list.keys()) {
    const auto& text = name.get_ref<const std::string&>();
    const Json* found = lookup(item, text.c_str());
    key[text] = found == nullptr ? list.key_default(text) : *found;
  }
  return "k:" + key.dump();
}

std::string value_element(const Json& value) { return "v:" + value.dump(); }

Parts parts_of(const Json& value, const Shape& shape) {
  Parts out;
  if (value.is_object()) {
    for (const auto& [name, item] : value.items()) {
      out.push_back({"f:" + name, {shape.field(name), &item}});
    }
  } else {
    const Shape item_shape = shape.item();
    const bool keyed = shape.list() == Shape::List::kKeyed;
    for (const Json& item : value) {
      out.push_back({keyed ? key_element(item, shape) : value_element(item), {item_shape, &item}});
    }
  }
  return out;
}

const Part* find_part(const Parts& parts, const std::string& element) {
  const auto found = std::find_if(parts.begin(), parts.end(),
                                  [&](const auto& part) { return part.first == element; });
  return found == parts.end() ? nullptr : &found->second;
}

// Everything at and below `value`, containers included: what an addition adds and a removal
// removes.
void insert_whole(const Json& value, const Shape& shape, FieldSet& out) {
  out.member = true;
  if (is_leaf(value, shape)) return;
  for (const auto& [element, part] : parts_of(value, shape)) {
    insert_whole(*part.value, part.shape, out.below[element]);
  }
}

void compare_into(const Json& before, const Json& after, const Shape& shape, Comparison& out) {
  const bool same_kind = before.type() == after.type();
  if (is_leaf(after, shape) || is_leaf(before, shape) || !same_kind) {
    if (before != after) insert_whole(after, shape, out.changed);
    return;
  }
  const Parts old_parts = parts_of(before, shape);
  const Parts new_parts = parts_of(after, shape);
  for (const auto& [element, part] : new_parts) {
    Comparison inner;
    if (const Part* old = find_part(old_parts, element)) {
      compare_into(*old->value, *part.value, part.shape, inner);
    } else {
      insert_whole(*part.value, part.shape, inner.changed);
    }
    if (!inner.changed.empty()) out.changed.below[element].insert_all(inner.changed);
    if (!inner.removed.empty()) out.removed.below[element].insert_all(inner.removed);
  }
  for (const auto& [element, part] : old_parts) {
    if (find_part(new_parts, element) == nullptr) {
      insert_whole(*part.value, part.shape, out.removed.below[element]);
    }
  }
}

std::string printable(const std::string& element) {
  if (element.rfind("f:", 0) == 0) return "." + element.substr(2);
  if (element.rfind("k:", 0) == 0) {
    std::string out;
    const Json key = Json::parse(element.substr(2));
    for (const auto& [name, value] : key.items()) {
      out += (out.empty() ? "" : ",") + name + "=" + value.dump();
    }
    return "[" + out + "]";
  }
  return "[=" + element.substr(2) + "]";
}

// The member or item that a path element names.
Json::iterator find_element(Json& in, const std::string& element, const Shape& shape) {
  if (in.is_object()) return element[0] == 'f' ? in.find(element.substr(2)) : in.end();
  if (!in.is_array()) return in.end();
  return std::find_if(in.begin(), in.end(), [&](const Json& item) {
    return (element[0] == 'k' ? key_element(item, shape) : value_element(item)) == element;
  });
}

void fields_into(const Json& value, const Shape& shape, FieldSet& out) {
  if (is_leaf(value, shape) || value.empty()) {
    out.member = true;
    return;
  }
  for (const auto& [element, part] : parts_of(value, shape)) {
    FieldSet& below = out.below[element];
    fields_into(*part.value, part.shape, below);
    // An item of a list, and an entry of a map, is owned itself; a struct's field only by what is
    // in it.
    if (element[0] != 'f' || !shape.declares(element.substr(2))) below.member = true;
  }
}

}  // namespace

void FieldSet::insert_all(const FieldSet& other) {
  member = member || other.member;
  for (const auto& [element, set] : other.below) below[element].insert_all(set);
}

void FieldSet::remove_all(const FieldSet& other) {
  if (other.member) member = false;
  for (const auto& [element, set] : other.below) {
    const auto found = below.find(element);
    if (found == below.end()) continue;
    found->second.remove_all(set);
    if (found->second.empty()) below.erase(found);
  }
}

FieldSet FieldSet::intersection(const FieldSet& other) const {
  FieldSet out;
  out.member = member && other.member;
  for (const auto& [element, set] : below) {
    const auto found = other.below.find(element);
    if (found == other.below.end()) continue;
    FieldSet common = set.intersection(found->second);
    if (!common.empty()) out.below.emplace(element, std::move(common));
  }
  return out;
}

void FieldSet::for_each(const std::string& prefix,
                        const std::function<void(const std::string&)>& visit) const {
  if (member) visit(prefix);
  for (const auto& [element, set] : below) set.for_each(prefix + printable(element), visit);
}

FieldSet field_set_from(const Json& json) {
  FieldSet out;
  if (!json.is_object()) return out;
  for (const auto& [element, value] : json.items()) {
    if (element == ".") {
      out.member = true;
      continue;
    }
    FieldSet below = field_set_from(value);
    if (value.empty()) below.member = true;
    out.below.emplace(element, std::move(below));
  }
  return out;
}

Json fields_v1(const FieldSet& set) {
  Json out = Json::object();
  if (set.member && !set.below.empty()) out["."] = Json::object();
  for (const auto& [element, below] : set.below) out[element] = fields_v1(below);
  return out;
}

FieldSet fields_of(const Json& value, const Shape& shape) {
  FieldSet out;
  fields_into(value, shape, out);
  return out;
}

Comparison compare(const Json& before, const Json& after, const Shape& shape) {
  Comparison out;
  compare_into(before, after, shape, out);
  return out;
}

void merge_into(Json& onto, const Json& config, const Shape& shape) {
  if (is_leaf(config, shape) || onto.type() != config.type()) {
    if (!(config.is_object() && onto.is_null())) {
      onto = config;
      return;
    }
    onto = Json::object();
  }
  if (config.is_object()) {
    for (const auto& [name, value] : config.items())
      merge_into(onto[name], value, shape.field(name));
    return;
  }
  const bool keyed = shape.list() == Shape::List::kKeyed;
  for (const Json& item : config) {
    const std::string element = keyed ? key_element(item, shape) : value_element(item);
    if (const auto existing = find_element(onto, element, shape); existing == onto.end()) {
      onto.push_back(item);
    } else if (keyed) {
      merge_into(*existing, item, shape.item());
    }
  }
}

void remove_fields(Json& from, const FieldSet& gone, const FieldSet& kept, const Shape& shape) {
  static const FieldSet nothing;
  for (const auto& [element, set] : gone.below) {
    const auto found = kept.below.find(element);
    const FieldSet& keep = found == kept.below.end() ? nothing : found->second;
    const auto inside = find_element(from, element, shape);
    if (inside == from.end()) continue;
    if (set.member && keep.empty()) {
      from.erase(inside);
      continue;
    }
    if (!inside->is_structured()) continue;
    const bool in_map = element[0] == 'f';
    remove_fields(*inside, set, keep, in_map ? shape.field(element.substr(2)) : shape.item());
    if (inside->empty() && keep.empty()) from.erase(inside);
  }
}

}  // namespace devcluster
