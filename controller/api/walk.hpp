// The visitors that walk the field lists of fields.hpp: JSON in, JSON out, and what is unknown.
//
// Internal to the floor. Values only; nothing here throws on bad input (allocation failure aside).
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "api/fault.hpp"
#include "api/fields.hpp"

namespace swo::api {

template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

// Reads an object into `out`. A member that is left out or null keeps its value (the default); the
// first one of the wrong type is the fault and ends the reading. Without `fault` it reads on past
// them.
template <class S>
class Reader {
 public:
  Reader(const Json& object, S& out, const Path& path, std::optional<FieldError>* fault)
      : object_(object), out_(out), path_(path), fault_(fault) {}

  template <class M>
  void operator()(std::string_view key, M S::*member, const Rule& rule = {}) {
    if (failed()) return;
    const auto found = object_.find(key);
    if (found == object_.end() || found->is_null()) return;
    read(*found, out_.*member, Path{&path_, key}, rule);
  }

  template <class Body>
  void group(std::string_view key, Body body) {
    if (failed()) return;
    const auto found = object_.find(key);
    if (found == object_.end() || found->is_null()) return;
    const Path path{&path_, key};
    if (!found->is_object()) return refuse(*found, path, kWriteObject);
    Reader inner(*found, out_, path, fault_);
    body(inner);
  }

 private:
  static constexpr std::string_view kWriteObject = "write an object";

  bool failed() const { return fault_ != nullptr && fault_->has_value(); }

  void refuse(const Json& value, const Path& path, std::string_view remedy) {
    if (fault_ != nullptr) *fault_ = {path.text(), excerpt(value), std::string(remedy)};
  }

  template <class M>
  void read(const Json& value, M& to, const Path& path, const Rule& rule) {
    if constexpr (std::is_same_v<M, Json>) {
      read_json(value, to, path, rule.shape);
    } else if constexpr (std::is_same_v<M, std::string>) {
      if (!value.is_string()) return refuse(value, path, "write text (in YAML, in quotes)");
      to = value.template get_ref<const std::string&>();
    } else if constexpr (std::is_same_v<M, bool>) {
      if (!value.is_boolean()) return refuse(value, path, "write true or false, without quotes");
      to = value.template get<bool>();
    } else if constexpr (std::is_integral_v<M>) {
      if (!fits<M>(value)) return refuse(value, path, "write a whole number of at most 32 bits");
      to = value.template get<M>();
    } else if constexpr (kIsOptional<M>) {
      typename M::value_type inner{};
      read(value, inner, path, rule);
      if (!failed()) to = std::move(inner);
    } else if constexpr (kIsVector<M>) {
      if (!value.is_array()) return refuse(value, path, "write a list");
      to.clear();
      for (std::size_t i = 0; i < value.size() && !failed(); ++i) {
        to.emplace_back();
        read(value[i], to.back(), Path{&path, {}, i}, rule);
      }
    } else {
      static_assert(HasFields<M>);
      if (!value.is_object()) return refuse(value, path, kWriteObject);
      Reader<M> reader(value, to, path, fault_);
      Fields<M>::each(reader);
    }
  }

  template <class M>
  static bool fits(const Json& value) {
    if (value.is_number_unsigned()) return std::in_range<M>(value.template get<std::uint64_t>());
    return value.is_number_integer() && std::in_range<M>(value.template get<std::int64_t>());
  }

  void read_json(const Json& value, Json& to, const Path& path, Shape shape) {
    const auto all = [&](auto holds) { return std::all_of(value.begin(), value.end(), holds); };
    if (shape == Shape::kObjects) {
      if (!value.is_array() || !all([](const Json& item) { return item.is_object(); })) {
        return refuse(value, path, "write a list of objects");
      }
    } else if (!value.is_object()) {
      return refuse(value, path, kWriteObject);
    } else if (shape == Shape::kStringMap &&
               !all([](const Json& item) { return item.is_string(); })) {
      return refuse(value, path, "give every key text as its value (in YAML, in quotes)");
    }
    if (deeper_than(value, kMaxDepth)) return refuse(value, path, "nest it less than 64 deep");
    to = value;
  }

  const Json& object_;
  S& out_;
  const Path& path_;
  std::optional<FieldError>* fault_;
};

// Writes what differs from the default, and what is required.
template <class S>
class Writer {
 public:
  explicit Writer(const S& from) : from_(from) {}

  template <class M>
  void operator()(std::string_view key, M S::*member, const Rule& rule = {}) {
    if (!rule.required && from_.*member == defaults().*member) return;
    json_[std::string(key)] = write(from_.*member);
  }

  template <class Body>
  void group(std::string_view key, Body body) {
    Writer inner(from_);
    body(inner);
    if (!inner.json_.empty()) json_[std::string(key)] = std::move(inner.json_);
  }

  Json take() { return std::move(json_); }

 private:
  static const S& defaults() {
    static const S kDefaults{};
    return kDefaults;
  }

  template <class M>
  static Json write(const M& value) {
    if constexpr (HasFields<M>) {
      Writer<M> writer(value);
      Fields<M>::each(writer);
      return writer.take();
    } else if constexpr (kIsOptional<M>) {
      return value.has_value() ? write(*value) : Json();
    } else if constexpr (kIsVector<M>) {
      Json list = Json::array();
      for (const auto& item : value) list.push_back(write(item));
      return list;
    } else {
      return value;
    }
  }

  const S& from_;
  Json json_ = Json::object();
};

// Finds the keys of an object that no field of the struct has. Pass-through JSON is not looked
// into.
template <class S>
class UnknownFinder {
 public:
  UnknownFinder(const Json& object, const Path& path, std::vector<std::string>& found)
      : object_(object), path_(path), found_(found) {}

  static void find(const Json& object, const Path& path, std::vector<std::string>& found) {
    if (!object.is_object()) return;
    UnknownFinder finder(object, path, found);
    Fields<S>::each(finder);
    finder.finish();
  }

  template <class M>
  void operator()(std::string_view key, M S::* /*member*/, const Rule& /*rule*/ = {}) {
    known_.push_back(key);
    const auto value = object_.find(key);
    if (value != object_.end()) look_into<M>(*value, Path{&path_, key});
  }

  template <class Body>
  void group(std::string_view key, Body body) {
    known_.push_back(key);
    const auto value = object_.find(key);
    if (value == object_.end() || !value->is_object()) return;
    const Path path{&path_, key};
    UnknownFinder inner(*value, path, found_);
    body(inner);
    inner.finish();
  }

 private:
  template <class M>
  void look_into(const Json& value, const Path& path) {
    if constexpr (HasFields<M>) {
      UnknownFinder<M>::find(value, path, found_);
    } else if constexpr (kIsOptional<M>) {
      look_into<typename M::value_type>(value, path);
    } else if constexpr (kIsVector<M>) {
      if (!value.is_array()) return;
      for (std::size_t i = 0; i < value.size(); ++i) {
        look_into<typename M::value_type>(value[i], Path{&path, {}, i});
      }
    }
  }

  void finish() {
    for (const auto& [key, value] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
        found_.push_back(path_.text() + "." + key);
      }
    }
  }

  const Json& object_;
  const Path& path_;
  std::vector<std::string>& found_;
  std::vector<std::string_view> known_;
};

}  // namespace swo::api
