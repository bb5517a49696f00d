// The CRD and the structs are two writings of one resource. These tests walk both at once.
#include <regex>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/fields.hpp"
#include "documents.hpp"

namespace swo::api {
namespace {

using api_test::spec_schema;
using api_test::status_schema;

template <class T>
struct ElementOf {
  using Type = T;
};
template <class T>
struct ElementOf<std::optional<T>> : ElementOf<T> {};
template <class T>
struct ElementOf<std::vector<T>> : ElementOf<T> {};

template <class T>
inline constexpr bool kIsList = false;
template <class T>
inline constexpr bool kIsList<std::vector<T>> = true;

// What an int field may hold without a rule of its own.
constexpr Rule kUnbounded;

// Holds the field lists against the properties of a schema, name for name and bound for bound.
template <class S>
class Mirror {
 public:
  Mirror(const Json& schema, std::string path) : schema_(schema), path_(std::move(path)) {}

  static void compare(const Json& schema, const std::string& path) {
    Mirror mirror(schema, path);
    Fields<S>::each(mirror);
    mirror.finish();
  }

  template <class M>
  void operator()(std::string_view key, M S::*member, const Rule& rule = {}) {
    const std::string path = path_ + "." + std::string(key);
    const Json* found = property(key, path);
    if (found == nullptr) return;
    compare_default(*found, path, kDefaults.*member);
    using Element = typename ElementOf<M>::Type;
    const Json& leaf = kIsList<M> ? found->at("items") : *found;
    if constexpr (kIsList<M>) {
      EXPECT_EQ(found->at("type"), "array") << path;
      EXPECT_EQ(rule.unique, found->value("x-kubernetes-list-type", "") == "set") << path;
      EXPECT_EQ(rule.max_items, found->value("maxItems", std::size_t{0})) << path;
    }
    if constexpr (HasFields<Element>) {
      Mirror<Element>::compare(leaf, kIsList<M> ? path + "[]" : path);
    } else if constexpr (std::is_same_v<Element, Json>) {
      compare_json(*found, path, rule);
    } else {
      compare_leaf<Element>(leaf, path, rule);
    }
    // A status field is `required` to be written, whether or not the schema demands it.
    if (!path_.starts_with("status")) {
      EXPECT_EQ(rule.required, is_required(key)) << path;
    }
  }

  template <class Body>
  void group(std::string_view key, Body body) {
    const std::string path = path_ + "." + std::string(key);
    const Json* found = property(key, path);
    if (found == nullptr) return;
    Mirror inner(*found, path);
    body(inner);
    inner.finish();
  }

 private:
  const Json* property(std::string_view key, const std::string& path) {
    seen_.insert(std::string(key));
    const Json& properties = schema_.at("properties");
    const auto found = properties.find(key);
    if (found != properties.end()) return &*found;
    ADD_FAILURE() << path << " is in the structs and not in the schema";
    return nullptr;
  }

  bool is_required(std::string_view key) const {
    const Json required = schema_.value("required", Json::array());
    return std::find(required.begin(), required.end(), key) != required.end();
  }

  template <class M>
  static void compare_default(const Json& property, const std::string& path, const M& value) {
    using Element = typename ElementOf<M>::Type;
    if constexpr (!std::is_same_v<Element, Json> && !HasFields<Element>) {
      if (path.starts_with("status")) return;
      Json expected;
      if constexpr (!std::is_same_v<M, std::optional<std::int32_t>>) expected = value;
      const auto given = property.find("default");
      if (given != property.end()) {
        EXPECT_EQ(*given, expected) << path;
      } else {
        EXPECT_THAT(expected, testing::AnyOf(Json(), Json(""), Json(0), Json::array()))
            << path << " has a default in the structs and none in the schema";
      }
    }
  }

  static void compare_json(const Json& property, const std::string& path, const Rule& rule) {
    const bool list = rule.shape == Shape::kObjects;
    EXPECT_EQ(property.at("type"), list ? "array" : "object") << path;
    EXPECT_EQ(rule.max_items, property.value(list ? "maxItems" : "maxProperties", std::size_t{0}))
        << path;
    EXPECT_EQ(rule.shape == Shape::kStringMap, property.contains("additionalProperties")) << path;
    if (rule.shape != Shape::kStringMap) return;
    EXPECT_EQ(rule.format != nullptr, property.at("additionalProperties").contains("pattern"))
        << path;
  }

  template <class M>
  static void compare_leaf(const Json& leaf, const std::string& path, const Rule& rule) {
    if constexpr (std::is_same_v<M, std::string>) {
      EXPECT_EQ(leaf.at("type"), "string") << path;
      if (path.starts_with("status")) return;
      EXPECT_EQ(Json(std::vector<std::string>(rule.choices.begin(), rule.choices.end())),
                leaf.value("enum", Json::array()))
          << path;
      if (rule.choices.empty()) {
        EXPECT_EQ(rule.max_length, leaf.value("maxLength", std::size_t{0})) << path;
      }
      EXPECT_EQ(rule.format != nullptr, leaf.contains("pattern")) << path;
    } else if constexpr (std::is_same_v<M, bool>) {
      EXPECT_EQ(leaf.at("type"), "boolean") << path;
    } else {
      EXPECT_EQ(leaf.at("type"), "integer") << path;
      EXPECT_EQ(leaf.at("format"), sizeof(M) == sizeof(std::int32_t) ? "int32" : "int64") << path;
      EXPECT_EQ(rule.min, leaf.value("minimum", kUnbounded.min)) << path;
      EXPECT_EQ(rule.max, leaf.value("maximum", kUnbounded.max)) << path;
    }
  }

  void finish() const {
    for (const auto& [key, value] : schema_.at("properties").items()) {
      EXPECT_TRUE(seen_.contains(key))
          << path_ << "." << key << " is in the schema and not in the structs";
    }
  }

  inline static const S kDefaults{};
  const Json& schema_;
  std::string path_;
  std::set<std::string> seen_;
};

TEST(Schema, SpecAndStructsHaveTheSameFieldsDefaultsAndBounds) {
  Mirror<Spec>::compare(spec_schema(), "spec");
}

TEST(Schema, StatusAndStructsHaveTheSameFields) {
  Mirror<Status>::compare(status_schema(), "status");
}

// --- formats against patterns ---

// Collects which pattern of the schema stands for which format of the structs.
struct PatternOf {
  const Json& schema;
  std::vector<std::pair<std::string, const Format*>>& out;

  template <class S, class M>
  void operator()(std::string_view key, M S::* /*member*/, const Rule& rule = {}) {
    const Json& property = schema.at("properties").at(std::string(key));
    const Json& leaf = property.contains("items") ? property.at("items")
                       : property.contains("additionalProperties")
                           ? property.at("additionalProperties")
                           : property;
    using Element = typename ElementOf<M>::Type;
    if constexpr (HasFields<Element>) {
      PatternOf inner{leaf, out};
      Fields<Element>::each(inner);
    } else if (rule.format != nullptr) {
      out.emplace_back(leaf.at("pattern").template get<std::string>(), rule.format);
    }
  }
  template <class Body>
  void group(std::string_view key, Body body) {
    PatternOf inner{schema.at("properties").at(std::string(key)), out};
    body(inner);
  }
};

constexpr const char* kProbes[] = {
    "a",
    "A",
    "-a",
    "a-",
    "a--b",
    "a-b",
    "1a",
    "a.b",
    "a..b",
    ".a",
    "a.",
    "a_b",
    "A_B",
    "_A",
    "A1",
    "nginx",
    "nginx.service",
    "a.target",
    ".target",
    "x@1.service",
    "a b",
    " a",
    "a\n",
    "a\tb",
    "/",
    "/a",
    "//",
    "/a:b",
    "/a b",
    "/a?b",
    "/a#b",
    "a/b",
    "a//b",
    "a/../b",
    "a/.b",
    "/a/b",
    "10Gi",
    "10",
    "010",
    "0",
    "10gi",
    "10G",
    "10k",
    "10K",
    "10Ki",
    "10.5Gi",
    "Gi",
    "10GiB",
    "-10",
    "1e3",
    "ä",
    "a/ä",
    "NET_ADMIN",
    "CAP_X",
    "https",
    "https-alt",
    "a:b",
    "a\\x2db.mount",
    "quay.io/x:1@sha256:ab",
    "192.0.2.0/24",
    "2001:DB8::/32",
    "::/0",
    "192.0.2.0/",
    "192.0.2.0/1234",
    "192.0.2.0/2x",
    "x.2.0.1/24",
    "192.0.2.0/24/1",
    "a-.b",
    "a.-b",
    "x.Service",
    "x.service ",
    "9",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----",
    "-----BEGIN CERTIFICATE-----\r\n",
    "-----BEGIN CERTIFICATE-----\rx",
    "-----BEGIN PRIVATE KEY-----\n",
    "\n-----BEGIN CERTIFICATE-----\n",
};

TEST(Schema, EveryFormatAcceptsJustWhatThePatternOfTheSchemaAccepts) {
  std::vector<std::pair<std::string, const Format*>> pairs;
  PatternOf collector{spec_schema(), pairs};
  Fields<Spec>::each(collector);
  ASSERT_GT(pairs.size(), 30U);
  for (const auto& [pattern, format] : pairs) {
    const std::regex regex(pattern);
    for (const char* probe : kProbes) {
      EXPECT_EQ(format->matches(probe), std::regex_search(probe, regex))
          << "probe '" << probe << "', pattern " << pattern;
    }
  }
}

}  // namespace
}  // namespace swo::api
