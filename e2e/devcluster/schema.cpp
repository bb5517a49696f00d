#include "devcluster/schema.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <regex>
#include <set>
#include <string_view>

#include "devcluster/members.hpp"

// libstdc++'s <regex> under AddressSanitizer: gcc.gnu.org/PR105562.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace devcluster {
namespace {

// std::regex recurses once per character: longer texts are not matched against a pattern.
constexpr std::size_t kLongestMatched = 8'192;

// Compiled once per pattern; nullptr when this dialect cannot express it (RE2's own syntax).
std::shared_ptr<const std::regex> compiled(const std::string& pattern) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const std::regex>> cache;
  const std::lock_guard lock(mutex);
  const auto found = cache.find(pattern);
  if (found != cache.end()) return found->second;
  std::shared_ptr<const std::regex> regex;
  try {
    regex =
        std::make_shared<const std::regex>(pattern, std::regex::ECMAScript | std::regex::optimize);
  } catch (const std::regex_error&) {
    regex = nullptr;
  }
  return cache[pattern] = regex;
}

std::string below(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

std::string at_index(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

// Characters, not bytes: maxLength counts runes.
std::size_t length_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// What a schema says of a member; nullptr when it says nothing.
const Json* schema_of(const Json& schema, const std::string& member) {
  if (const Json* properties = lookup(schema, "properties")) {
    if (const Json* property = lookup(*properties, member.c_str())) return property;
  }
  const Json* additional = lookup(schema, "additionalProperties");
  return additional != nullptr && additional->is_object() ? additional : nullptr;
}

bool type_matches(const Json& value, const Json& schema) {
  if (flag(schema, "x-kubernetes-int-or-string")) {
    return value.is_number_integer() || value.is_string();
  }
  const Json* type = lookup(schema, "type");
  if (type == nullptr || !type->is_string()) return true;
  const std::string& name = type->get_ref<const std::string&>();
  if (name == "object") return value.is_object();
  if (name == "array") return value.is_array();
  if (name == "string") return value.is_string();
  if (name == "boolean") return value.is_boolean();
  if (name == "number") return value.is_number();
  if (name == "integer") {
    return value.is_number_integer() ||
           (value.is_number() && std::trunc(value.get<double>()) == value.get<double>());
  }
  return true;
}

std::string wanted_type(const Json& schema) {
  const Json* type = lookup(schema, "type");
  return flag(schema, "x-kubernetes-int-or-string") ? "integer,string"
         : type == nullptr                          ? "object"
                                                    : type->get<std::string>();
}

std::string type_name(const Json& value) {
  return value.is_null() ? "null" : value.is_number_integer() ? "integer" : value.type_name();
}

class Validator {
 public:
  std::vector<Cause> causes;

  void check(const Json& value, const Json& schema, const std::string& path, const Json* old) {
    if (value.is_null()) {
      if (!flag(schema, "nullable")) wrong_type(value, schema, path);
      return;
    }
    if (!type_matches(value, schema)) return wrong_type(value, schema, path);
    if (const Json* allowed = lookup(schema, "enum")) {
      if (std::find(allowed->begin(), allowed->end(), value) == allowed->end()) {
        causes.push_back(unsupported(path, value, *allowed));
      }
    }
    if (value.is_string()) check_string(value.get_ref<const std::string&>(), schema, path);
    if (value.is_number()) check_number(value, schema, path);
    if (value.is_array()) check_array(value, schema, path, old);
    if (value.is_object()) check_object(value, schema, path, old);
    check_combinations(value, schema, path);
    check_rules(value, schema, path, old);
  }

 private:
  void wrong_type(const Json& value, const Json& schema, const std::string& path) {
    const std::string got = type_name(value);
    causes.push_back({"FieldValueTypeInvalid",
                      "Invalid value: \"" + got + "\": " + path + " in body must be of type " +
                          wanted_type(schema) + ": \"" + got + "\"",
                      path});
  }

  void refuse(const Json& value, const std::string& path, const std::string& what) {
    causes.push_back(invalid_value(path, value, path + " in body " + what));
  }

  void check_string(const std::string& text, const Json& schema, const std::string& path) {
    if (const Json* limit = lookup(schema, "minLength"); limit && length_of(text) < *limit) {
      refuse(text, path, "should be at least " + limit->dump() + " chars long");
    }
    if (const Json* limit = lookup(schema, "maxLength"); limit && length_of(text) > *limit) {
      causes.push_back({"FieldValueTooLong",
                        "Too long: may not be more than " + limit->dump() + " bytes", path});
    }
    const Json* pattern = lookup(schema, "pattern");
    if (pattern == nullptr || text.size() > kLongestMatched) return;
    const auto regex = compiled(pattern->get<std::string>());
    if (regex != nullptr && !std::regex_search(text, *regex)) {
      refuse(text, path, "should match '" + pattern->get<std::string>() + "'");
    }
  }

  void check_number(const Json& value, const Json& schema, const std::string& path) {
    const Json* least = lookup(schema, "minimum");
    const Json* most = lookup(schema, "maximum");
    const bool above = flag(schema, "exclusiveMinimum"), under = flag(schema, "exclusiveMaximum");
    if (least != nullptr && (value < *least || (above && value == *least))) {
      refuse(value, path,
             "should be greater than " + std::string(above ? "" : "or equal to ") + least->dump());
    }
    if (most != nullptr && (value > *most || (under && value == *most))) {
      refuse(value, path,
             "should be less than " + std::string(under ? "" : "or equal to ") + most->dump());
    }
    const Json* step = lookup(schema, "multipleOf");
    if (step != nullptr && std::fmod(value.get<double>(), step->get<double>()) != 0) {
      refuse(value, path, "should be a multiple of " + step->dump());
    }
  }

  // Of a list or a map.
  void check_size(const Json& value, const Json& schema, const std::string& path) {
    const bool list = value.is_array();
    const Json* least = lookup(schema, list ? "minItems" : "minProperties");
    const Json* most = lookup(schema, list ? "maxItems" : "maxProperties");
    if (least != nullptr && value.size() < *least) {
      causes.push_back(invalid_value(path, value.size(),
                                     path + " in body should have at least " + least->dump() +
                                         (list ? " items" : " properties")));
    }
    if (most != nullptr && value.size() > *most) {
      causes.push_back({"FieldValueTooMany",
                        "Too many: " + std::to_string(value.size()) + ": must have at most " +
                            most->dump() + " items",
                        path});
    }
  }

  void check_array(const Json& value, const Json& schema, const std::string& path,
                   const Json* old) {
    check_size(value, schema, path);
    check_unique(value, schema, path);
    const Json* items = lookup(schema, "items");
    if (items == nullptr) return;
    for (std::size_t i = 0; i < value.size(); ++i) {
      check(value[i], *items, at_index(path, i), old_item(value[i], schema, old));
    }
  }

  // Items of a keyed list keep their identity; of other lists rules have no old value.
  static const Json* old_item(const Json& item, const Json& schema, const Json* old) {
    const Json* keys = lookup(schema, "x-kubernetes-list-map-keys");
    if (old == nullptr || keys == nullptr || !old->is_array()) return nullptr;
    for (const Json& candidate : *old) {
      if (identity(item, keys) == identity(candidate, keys)) return &candidate;
    }
    return nullptr;
  }

  // What tells an item of a list from the others: its keys, or all of it.
  static Json identity(const Json& item, const Json* keys) {
    if (keys == nullptr || !item.is_object()) return item;
    Json out = Json::object();
    for (const auto& name : keys->get<std::vector<std::string>>()) {
      if (item.contains(name)) out[name] = item[name];
    }
    return out;
  }

  void check_unique(const Json& value, const Json& schema, const std::string& path) {
    const Json* type = lookup(schema, "x-kubernetes-list-type");
    if (type == nullptr || *type == "atomic") return;
    const Json* keys = *type == "map" ? lookup(schema, "x-kubernetes-list-map-keys") : nullptr;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const Json one = identity(value[i], keys);
      if (!seen.insert(one.dump()).second) causes.push_back(duplicate(at_index(path, i), one));
    }
  }

  void check_object(const Json& value, const Json& schema, const std::string& path,
                    const Json* old) {
    if (const Json* names = lookup(schema, "required")) {
      for (const Json& name : *names) {
        if (!value.contains(name.get<std::string>())) {
          causes.push_back(required(below(path, name.get<std::string>())));
        }
      }
    }
    check_size(value, schema, path);
    for (const auto& [name, inner] : value.items()) {
      const Json* inner_schema = schema_of(schema, name);
      if (inner_schema == nullptr) continue;
      const Json* inner_old = old == nullptr ? nullptr : lookup(*old, name.c_str());
      check(inner, *inner_schema, below(path, name), inner_old);
    }
  }

  static bool fits(const Json& value, const Json& schema, const std::string& path) {
    Validator inner;
    inner.check(value, schema, path, nullptr);
    return inner.causes.empty();
  }

  void check_combinations(const Json& value, const Json& schema, const std::string& path) {
    const auto count = [&](const Json& list) {
      return std::count_if(list.begin(), list.end(),
                           [&](const Json& s) { return fits(value, s, path); });
    };
    if (const Json* list = lookup(schema, "allOf")) {
      for (const Json& s : *list) check(value, s, path, nullptr);
    }
    if (const Json* list = lookup(schema, "anyOf"); list && count(*list) == 0) {
      refuse(value, path, "must validate at least one schema (anyOf)");
    }
    if (const Json* list = lookup(schema, "oneOf"); list && count(*list) != 1) {
      refuse(value, path, "must validate one and only one schema (oneOf)");
    }
    if (const Json* s = lookup(schema, "not"); s && fits(value, *s, path)) {
      refuse(value, path, "must not validate the schema (not)");
    }
  }

  void check_rules(const Json& value, const Json& schema, const std::string& path,
                   const Json* old) {
    const Json* rules = lookup(schema, "x-kubernetes-validations");
    if (rules == nullptr || old == nullptr || value == *old) return;
    for (const Json& rule : *rules) {
      if (!is_immutability_rule(rule.value("rule", ""))) continue;
      causes.push_back(invalid_value(
          path, value, rule.value("message", "failed rule: " + rule.value("rule", ""))));
    }
  }
};

constexpr const char* kDigits = "0123456789";

// Takes the characters of the set off the text's front; how many there were.
std::size_t skip(std::string_view& text, const char* set) {
  const std::size_t count = std::min(text.find_first_not_of(set), text.size());
  text.remove_prefix(count);
  return count;
}

constexpr const char* kQuantity = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$";

// What kQuantity matches: apimachinery pkg/api/resource/quantity.go.
bool is_quantity(std::string_view text) {
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
  if (skip(text, "0123456789.") == 0) return false;
  skip(text, "eEinumkKMGTP");
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
  skip(text, kDigits);
  return text.empty();
}

// RFC 3339, as metav1.Time reads it.
bool is_time(std::string_view text) {
  for (const char after : std::string_view("--T::")) {
    if (skip(text, kDigits) == 0 || text.empty() || text[0] != after) return false;
    text.remove_prefix(1);
  }
  if (skip(text, kDigits) == 0) return false;
  if (skip(text, ".") == 1 && skip(text, kDigits) == 0) return false;
  return text == "Z" || (text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':');
}

bool is_base64(std::string_view text) {
  if (text.size() % 4 != 0) return false;
  skip(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
  return text.empty() || text == "=" || text == "==";
}

// Why Go's decoder cannot read the value; "" when it can.
std::string undecodable(const Json& value, const Json& schema, const std::string& path) {
  const Json* format = lookup(schema, "format");
  const bool quantity = format != nullptr && *format == "quantity";
  if (!type_matches(value, schema) || (quantity && !value.is_number() && !value.is_string())) {
    return "json: cannot unmarshal " + std::string(value.type_name()) + " into Go struct field ." +
           path + " of type " + (quantity ? "resource.Quantity" : wanted_type(schema));
  }
  if (format == nullptr || !value.is_string()) return "";
  const auto& text = value.get_ref<const std::string&>();
  if (quantity && !is_quantity(text)) {
    return std::string("quantities must match the regular expression '") + kQuantity + "'";
  }
  if (*format == "date-time" && !is_time(text)) {
    return "parsing time " + value.dump() + " as \"2006-01-02T15:04:05Z07:00\": cannot parse";
  }
  return *format == "byte" && !is_base64(text) ? "illegal base64 data" : "";
}

// What Go has for a null in a list or a map.
Json zero_of(const Json& schema) {
  const Json* type = lookup(schema, "type");
  static const std::map<std::string, Json> zeros = {{"object", Json::object()},
                                                    {"array", Json::array()},
                                                    {"string", ""},
                                                    {"integer", 0},
                                                    {"boolean", false}};
  const auto found = type == nullptr ? zeros.end() : zeros.find(type->get<std::string>());
  return found == zeros.end() ? Json() : found->second;
}

void decode_into(Json& value, const Json& schema, const std::string& path, bool typed, bool root,
                 Decoding& out);

void decode_list(Json& list, const Json& items, const std::string& path, bool typed,
                 Decoding& out) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (typed && list[i].is_null()) list[i] = zero_of(items);
    decode_into(list[i], items, at_index(path, i), typed, false, out);
  }
}

void decode_into(Json& value, const Json& schema, const std::string& path, bool typed, bool root,
                 Decoding& out) {
  if (typed) {
    if (value.is_null()) return;
    if (auto why = undecodable(value, schema, path); !why.empty()) {
      out.mistyped.push_back({"", std::move(why), path});
      return;
    }
    // A quantity is text, whatever it was sent as.
    if (value.is_number() && schema.value("format", "") == "quantity") value = value.dump();
  }
  if (value.is_array()) {
    if (const Json* items = lookup(schema, "items")) decode_list(value, *items, path, typed, out);
    return;
  }
  if (!value.is_object()) return;
  const Json* additional = lookup(schema, "additionalProperties");
  const bool keeps_unknown = flag(schema, "x-kubernetes-preserve-unknown-fields") ||
                             (additional != nullptr && *additional == true);
  const Json* properties = lookup(schema, "properties");
  const bool resource = root || flag(schema, "x-kubernetes-embedded-resource");
  for (auto at = value.begin(); at != value.end();) {
    const std::string& name = at.key();
    const bool metadata = root && name == "metadata";
    const Json* inner = schema_of(schema, name);
    if (resource && !metadata && (name == "apiVersion" || name == "kind" || name == "metadata")) {
      ++at;
      continue;
    }
    const bool declared = properties != nullptr && properties->contains(name);
    if (inner == nullptr && !keeps_unknown) {
      out.unknown.push_back(below(path, name));
      at = value.erase(at);
    } else if (typed && declared && at->is_null() && !flag(*inner, "nullable")) {
      at = value.erase(at);
    } else {
      if (inner != nullptr) {
        if (typed && !declared && at->is_null()) at.value() = zero_of(*inner);
        decode_into(at.value(), *inner, below(path, name), typed || metadata, false, out);
      }
      ++at;
    }
  }
}

}  // namespace

void apply_defaults(Json& value, const Json& schema) {
  if (value.is_array()) {
    if (const Json* items = lookup(schema, "items")) {
      for (Json& item : value) apply_defaults(item, *items);
    }
    return;
  }
  if (!value.is_object()) return;
  if (const Json* properties = lookup(schema, "properties")) {
    for (const auto& [name, property] : properties->items()) {
      const auto found = value.find(name);
      const bool is_null = found != value.end() && found->is_null() && !flag(property, "nullable");
      const Json* fallback = lookup(property, "default");
      if (fallback != nullptr && (found == value.end() || is_null)) {
        value[name] = *fallback;
      } else if (is_null) {
        value.erase(found);
      }
    }
  }
  for (auto& [name, inner] : value.items()) {
    if (const Json* property = schema_of(schema, name)) apply_defaults(inner, *property);
  }
}

Decoding decode(Json& object, const Json& schema, bool custom) {
  Decoding out;
  decode_into(object, schema, "", !custom, true, out);
  return out;
}

Shape Shape::field(const std::string& name) const {
  return Shape(schema_ == nullptr ? nullptr : schema_of(*schema_, name));
}

Shape Shape::item() const {
  return Shape(schema_ == nullptr ? nullptr : lookup(*schema_, "items"));
}

Shape::List Shape::list() const {
  if (schema_ == nullptr) return List::kAtomic;
  const Json* type = lookup(*schema_, "x-kubernetes-list-type");
  if (type != nullptr && *type != "map") return *type == "set" ? List::kSet : List::kAtomic;
  const Json* keys = lookup(*schema_, "x-kubernetes-list-map-keys");
  return keys == nullptr ? List::kAtomic : keys->empty() ? List::kSet : List::kKeyed;
}

const Json& Shape::keys() const { return schema_->at("x-kubernetes-list-map-keys"); }

bool Shape::atomic_map() const {
  const Json* type = schema_ == nullptr ? nullptr : lookup(*schema_, "x-kubernetes-map-type");
  return type != nullptr && *type == "atomic";
}

bool Shape::declares(const std::string& field) const {
  const Json* properties = schema_ == nullptr ? nullptr : lookup(*schema_, "properties");
  return properties != nullptr && properties->contains(field);
}

Json Shape::key_default(const std::string& key) const {
  const Json* items = lookup(*schema_, "items");
  const Json* property = items == nullptr ? nullptr : schema_of(*items, key);
  const Json* value = property == nullptr ? nullptr : lookup(*property, "default");
  return value == nullptr ? Json() : *value;
}

std::vector<Cause> validate(const Json& object, const Json& schema, const Json* old) {
  Validator validator;
  validator.check(object, schema, "", old);
  return std::move(validator.causes);
}

bool is_immutability_rule(const std::string& rule) {
  std::string text;
  std::remove_copy(rule.begin(), rule.end(), std::back_inserter(text), ' ');
  return text == "self==oldSelf" || text == "oldSelf==self";
}

Cause required(const std::string& field, const std::string& detail) {
  return {"FieldValueRequired", detail.empty() ? "Required value" : "Required value: " + detail,
          field};
}

Cause invalid_value(const std::string& field, const Json& value, const std::string& detail) {
  return {"FieldValueInvalid", "Invalid value: " + value.dump() + ": " + detail, field};
}

Cause unsupported(const std::string& field, const Json& value, const Json& supported) {
  std::string list;
  for (const Json& item : supported) list += (list.empty() ? "" : ", ") + item.dump();
  return {"FieldValueNotSupported",
          "Unsupported value: " + value.dump() + ": supported values: " + list, field};
}

Cause duplicate(const std::string& field, const Json& value) {
  return {"FieldValueDuplicate", "Duplicate value: " + value.dump(), field};
}

Cause forbidden_field(const std::string& field, const std::string& detail) {
  return {"FieldValueForbidden", "Forbidden: " + detail, field};
}

}  // namespace devcluster
