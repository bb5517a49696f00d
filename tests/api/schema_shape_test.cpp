// What the CRD must be whatever its fields are: explained, bounded, structural, and shown well.
#include <algorithm>
#include <functional>
#include <regex>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/names.hpp"
#include "documents.hpp"

namespace swo::api {
namespace {

using api_test::crd;
using api_test::schema;
using api_test::spec_schema;
using api_test::status_schema;
using Visit = std::function<void(const Json& node, const std::string& path)>;

// Calls `visit` for a schema and every schema below it.
void walk(const Json& node, const std::string& path, const Visit& visit) {
  visit(node, path);
  if (node.contains("properties")) {
    for (const auto& [key, child] : node.at("properties").items()) {
      walk(child, path + "." + key, visit);
    }
  }
  if (node.contains("items")) walk(node.at("items"), path + "[]", visit);
  if (node.contains("additionalProperties")) {
    walk(node.at("additionalProperties"), path + "{}", visit);
  }
}

TEST(SchemaShape, EveryFieldHasADescriptionThatIsASentence) {
  walk(schema(), "", [](const Json& node, const std::string& path) {
    if (path == ".metadata") return;  // may have none, see below
    const std::string text = node.value("description", "");
    EXPECT_GE(text.size(), 8U) << path;
    EXPECT_THAT(text, testing::AnyOf(testing::EndsWith("."), testing::EndsWith("…"))) << path;
  });
}

TEST(SchemaShape, EveryOptionalValueOfTheSpecSaysItsDefault) {
  walk(spec_schema(), "spec", [](const Json& node, const std::string& path) {
    if (!node.contains("properties")) return;
    const Json required = node.value("required", Json::array());
    for (const auto& [key, child] : node.at("properties").items()) {
      const std::string type = child.value("type", "");
      const bool value = type == "string" || type == "boolean" || type == "integer";
      // Affinity's terms are alternatives, not settings with defaults.
      if (!value || path.find("ffinity") != std::string::npos) continue;
      const bool needed = std::find(required.begin(), required.end(), key) != required.end();
      const bool alternative = key == "subPathExpr" || key == "name" || key == "signerName" ||
                               key == "reference" || key == "value" || key == "key";
      if (needed || alternative) continue;
      EXPECT_THAT(child.value("description", ""), testing::HasSubstr("Default: "))
          << path << "." << key;
    }
  });
}

TEST(SchemaShape, ADefaultIsTheOneThatTheDescriptionTells) {
  walk(spec_schema(), "spec", [](const Json& node, const std::string& path) {
    const auto value = node.find("default");
    if (value == node.end() || *value == "") return;
    std::string text = value->is_string() ? value->get<std::string>() : value->dump();
    std::erase(text, '"');
    EXPECT_THAT(node.value("description", ""), testing::HasSubstr("Default: " + text)) << path;
  });
}

TEST(SchemaShape, EverythingInTheSpecIsBounded) {
  walk(spec_schema(), "spec", [](const Json& node, const std::string& path) {
    const std::string type = node.value("type", "");
    EXPECT_TRUE(type != "array" || node.contains("maxItems")) << path;
    EXPECT_TRUE(!node.contains("additionalProperties") || node.contains("maxProperties")) << path;
    if (type != "string" || path.ends_with("annotations{}")) return;
    EXPECT_TRUE(node.contains("maxLength") || node.contains("enum")) << path;
  });
}

TEST(SchemaShape, EveryListSaysHowAppliersMergeIt) {
  walk(schema(), "", [](const Json& node, const std::string& path) {
    if (node.value("type", "") != "array") return;
    const std::string list = node.value("x-kubernetes-list-type", "");
    EXPECT_THAT(list, testing::AnyOf("map", "set", "atomic")) << path;
    EXPECT_EQ(list == "map", node.contains("x-kubernetes-list-map-keys")) << path;
    if (list != "map") return;
    // The API server demands that a key is always there: required, or with a default.
    const Json& item = node.at("items");
    const Json required = item.value("required", Json::array());
    for (const auto& key : node.at("x-kubernetes-list-map-keys")) {
      const Json& property = item.at("properties").at(key.get<std::string>());
      EXPECT_TRUE(property.contains("default") ||
                  std::find(required.begin(), required.end(), key) != required.end())
          << path << " " << key;
    }
  });
}

// apiextensions.k8s.io/v1 refuses a schema that is not structural.
TEST(SchemaShape, TheSchemaIsStructural) {
  walk(schema(), "", [](const Json& node, const std::string& path) {
    EXPECT_TRUE(node.contains("type") || node.value("x-kubernetes-int-or-string", false)) << path;
    EXPECT_FALSE(node.contains("properties") && node.contains("additionalProperties")) << path;
    for (const char* forbidden : {"$ref", "oneOf", "allOf", "not", "uniqueItems", "definitions"}) {
      EXPECT_FALSE(node.contains(forbidden)) << path << " " << forbidden;
    }
  });
}

// apiextensions-apiserver pkg/apis/apiextensions/validation: a CRD that says more is refused.
TEST(SchemaShape, OfMetadataNothingIsSaidButThatItIsAnObject) {
  EXPECT_EQ(schema().at("properties").at("metadata"), Json({{"type", "object"}}));
}

// The API server refuses a CRD whose rules could cost too much, and takes a string without
// maxLength to be as long as a request may be, whatever its enum says (before Kubernetes 1.30).
TEST(SchemaShape, AStringThatARuleReadsOfEachItemHasAMaxLength) {
  int found = 0;
  walk(schema(), "", [&](const Json& node, const std::string& path) {
    static const std::regex kReads(R"(\b[a-z]\.(\w+))");
    for (const Json& one : node.value("x-kubernetes-validations", Json::array())) {
      const std::string rule = one.at("rule");
      if (rule.find(".all(") == std::string::npos && rule.find(".exists") == std::string::npos) {
        continue;
      }
      for (std::sregex_iterator read(rule.begin(), rule.end(), kReads), end; read != end; ++read) {
        const std::string field = (*read)[1];
        walk(node, path, [&](const Json& item, const std::string& at) {
          if (!at.ends_with("[]." + field) || item.value("type", "") != "string") return;
          if (std::count(at.begin() + static_cast<long>(path.size()), at.end(), '[') != 1) return;
          EXPECT_TRUE(item.contains("maxLength")) << at << ", read by: " << rule;
          ++found;
        });
      }
    }
  });
  EXPECT_GT(found, 5);
}

// The status is the operator's: a bound there could only keep the truth from being told.
TEST(SchemaShape, NothingInTheStatusIsBounded) {
  walk(status_schema(), "status", [](const Json& node, const std::string& path) {
    for (const char* bound : {"maxLength", "maxItems", "pattern", "x-kubernetes-validations"}) {
      EXPECT_FALSE(node.contains(bound)) << path << " " << bound;
    }
  });
}

TEST(SchemaShape, NamesAreThoseOfTheCode) {
  const Json& spec = crd().at("spec");
  EXPECT_EQ(spec.at("group"), kGroup);
  EXPECT_EQ(spec.at("names").at("kind"), kKind);
  EXPECT_EQ(spec.at("names").at("plural"), kPlural);
  EXPECT_EQ(spec.at("versions").at(0).at("name"), kVersion);
  EXPECT_EQ(crd().at("metadata").at("name"), std::string(kPlural) + "." + std::string(kGroup));
  EXPECT_EQ(spec.at("names").at("shortNames"), Json({"sdw"}));
  EXPECT_EQ(spec.at("names").at("categories"), Json({"all"}));
}

TEST(SchemaShape, GetShowsReadyStatusSystemdUrlAndAge) {
  std::vector<std::string> narrow;
  for (const Json& column : crd().at("spec").at("versions").at(0).at("additionalPrinterColumns")) {
    if (column.value("priority", 0) == 0) narrow.push_back(column.at("name"));
    // Every column is a field that exists.
    const std::string path = column.at("jsonPath");
    if (path.starts_with(".metadata")) continue;
    const Json* node = &schema();
    for (std::size_t at = 0; at != std::string::npos; at = path.find('.', at + 1)) {
      const std::string key = path.substr(at + 1, path.find('.', at + 1) - at - 1);
      ASSERT_TRUE(node->at("properties").contains(key)) << path;
      node = &node->at("properties").at(key);
    }
    EXPECT_EQ(node->at("type"), column.at("type")) << path;
  }
  EXPECT_THAT(narrow, testing::ElementsAre("Ready", "Status", "Systemd", "URL", "Age"));
}

TEST(SchemaShape, ScalingReadsAndWritesFieldsThatExist) {
  const Json& scale = crd().at("spec").at("versions").at(0).at("subresources").at("scale");
  EXPECT_EQ(scale.at("specReplicasPath"), ".spec.replicas");
  EXPECT_EQ(scale.at("statusReplicasPath"), ".status.replicas");
  EXPECT_EQ(scale.at("labelSelectorPath"), ".status.selector");
  EXPECT_TRUE(spec_schema().at("properties").contains("replicas"));
  EXPECT_TRUE(status_schema().at("properties").contains("selector"));
}

}  // namespace
}  // namespace swo::api
