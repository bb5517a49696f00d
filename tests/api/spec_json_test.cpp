#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/workload.hpp"
#include "documents.hpp"

namespace swo::api {
namespace {

using api_test::full_spec;
using api_test::spec_schema;

Spec spec_of(const Json& json) {
  const Parsed<Spec> parsed = parse_spec(json);
  if (const auto* fault = std::get_if<FieldError>(&parsed)) {
    ADD_FAILURE() << fault->message();
    return {};
  }
  return std::get<Spec>(parsed);
}

std::string fault_of(const Json& json) {
  const Parsed<Spec> parsed = parse_spec(json);
  const auto* fault = std::get_if<FieldError>(&parsed);
  return fault == nullptr ? "no fault" : fault->message();
}

// Which properties of a schema the value leaves unset.
void missing_in(const Json& value, const Json& schema, const std::string& path,
                std::vector<std::string>& out) {
  for (const auto& [key, property] : schema.at("properties").items()) {
    const std::string here = path + "." + key;
    if (!value.contains(key)) {
      out.push_back(here);
    } else if (property.contains("properties") && here != "spec.affinity") {
      missing_in(value.at(key), property, here, out);
    }
  }
}

TEST(SpecJson, TheFullSpecSetsEveryFieldOfTheSchema) {
  std::vector<std::string> missing;
  missing_in(full_spec(), spec_schema(), "spec", missing);
  // It excludes ingressClassName.
  EXPECT_THAT(missing, testing::ElementsAre("spec.route.parentRef"));
}

TEST(SpecJson, EveryFieldSurvivesTheWayIntoTheStructsAndBack) {
  EXPECT_EQ(to_json(spec_of(full_spec())), full_spec());
}

TEST(SpecJson, AGatewayIsKeptAsItIs) {
  const Json spec = Json::parse(
      R"({"image": "a", "route": {"parentRef": {"name": "edge", "namespace": "gateways"}}})");
  EXPECT_EQ(to_json(spec_of(spec)), spec);
}

TEST(SpecJson, ASpecAtItsDefaultsIsWrittenAsItsImageAlone) {
  Json spec = full_spec();
  for (auto& [key, value] : spec.items()) {
    if (key != "image") value = nullptr;
  }
  EXPECT_EQ(to_json(spec_of(spec)), Json({{"image", "quay.io/example/ipa:4.12"}}));
}

TEST(SpecJson, AnEmptyRouteIsARouteWithAGeneratedHost) {
  const Spec spec = spec_of({{"image", "a"}, {"route", Json::object()}});
  ASSERT_TRUE(spec.route.has_value());
  EXPECT_EQ(to_json(spec).at("route"), Json::object());
  EXPECT_FALSE(spec_of({{"image", "a"}, {"route", nullptr}}).route.has_value());
}

TEST(SpecJson, AnEmptyCommandIsNotTheDefaultCommand) {
  const Spec spec = spec_of({{"image", "a"}, {"init", {{"command", Json::array()}}}});
  EXPECT_TRUE(spec.init.command.empty());
  EXPECT_EQ(to_json(spec).at("init"), Json({{"command", Json::array()}}));
}

// Null means "left out" to the API server, wherever the schema does not say nullable.
TEST(SpecJson, NullAnywhereIsAsIfLeftOut) {
  const Spec expected = spec_of({{"image", "a"}});
  const auto expect_default = [&](const Json& spec, const std::string& what) {
    EXPECT_EQ(spec_of(spec), expected) << what;
  };
  const Json full = full_spec();
  for (const auto& [key, value] : full.items()) {
    if (key == "image") continue;
    expect_default({{"image", "a"}, {key, nullptr}}, key);
    const bool passed_on =
        key == "resources" || key == "affinity" || key == "nodeSelector" || key == "dnsConfig";
    if (!value.is_object() || passed_on) continue;
    Json nulls = value;
    for (auto& [inner, ignored] : nulls.items()) ignored = nullptr;
    if (key == "route") continue;  // {} means something there
    expect_default({{"image", "a"}, {key, nulls}}, key + ".*");
  }
}

TEST(SpecJson, UnicodeIsKeptByteForByte) {
  const Json spec = Json::parse(R"({"image": "a", "env": [{"name": "GREETING", "value": "Grüße 👋"}],
                                    "init": {"args": ["ключ=значение"]}})");
  EXPECT_EQ(to_json(spec_of(spec)), spec);
}

TEST(SpecJson, EveryFieldOfTheWrongTypeIsNamedWithWhatItShouldBe) {
  // For each field of the full spec, put each other JSON type in its place.
  const Json others[] = {"text", 1.5, true, Json::array({7}), Json::object({{"a", Json::array()}})};
  const Json full = full_spec();
  for (const auto& [key, right] : full.items()) {
    for (const Json& other : others) {
      Json spec = full;
      spec[key] = other;
      const bool same_type =
          other.type() == right.type() || (other.is_object() && right.is_object());
      if (same_type) continue;
      EXPECT_THAT(fault_of(spec), testing::StartsWith("spec." + key + ": "))
          << key << " as " << other;
    }
  }
}

TEST(SpecJson, TheFirstFaultIsToldWithPathValueAndRemedy) {
  const struct {
    const char* spec;
    const char* message;
  } cases[] = {
      {R"("nginx")", R"(spec: "nginx" is not valid: write an object)"},
      {R"([])", R"(spec: a list is not valid: write an object)"},
      {R"({"image": 7})", R"(spec.image: 7 is not valid: write text (in YAML, in quotes))"},
      {R"({"replicas": "2"})",
       R"(spec.replicas: "2" is not valid: write a whole number of at most 32 bits)"},
      {R"({"replicas": 2.5})",
       R"(spec.replicas: 2.5 is not valid: write a whole number of at most 32 bits)"},
      {R"({"replicas": 4294967297})",
       R"(spec.replicas: 4294967297 is not valid: write a whole number of at most 32 bits)"},
      {R"({"replicas": 18446744073709551615})",
       R"(spec.replicas: 18446744073709551615 is not valid: )"
       R"(write a whole number of at most 32 bits)"},
      {R"({"paused": "true"})",
       R"(spec.paused: "true" is not valid: write true or false, without quotes)"},
      {R"({"ports": {"name": "http"}})", R"(spec.ports: an object is not valid: write a list)"},
      {R"({"ports": [{"name": "http"}, {"port": [1]}]})",
       R"(spec.ports[1].port: a list is not valid: write a whole number of at most 32 bits)"},
      {R"({"ports": ["http"]})", R"(spec.ports[0]: "http" is not valid: write an object)"},
      {R"({"route": true})", R"(spec.route: true is not valid: write an object)"},
      {R"({"route": {"tls": "edge"}})", R"(spec.route.tls: "edge" is not valid: write an object)"},
      {R"({"podMetadata": []})", R"(spec.podMetadata: a list is not valid: write an object)"},
      {R"({"podMetadata": {"labels": {"a": 1}}})",
       R"(spec.podMetadata.labels: an object is not valid: )"
       R"(give every key text as its value (in YAML, in quotes))"},
      {R"({"env": ["A=1"]})", R"(spec.env: a list is not valid: write a list of objects)"},
      {R"({"env": {"A": "1"}})", R"(spec.env: an object is not valid: write a list of objects)"},
      {R"({"init": {"command": "/sbin/init"}})",
       R"(spec.init.command: "/sbin/init" is not valid: write a list)"},
      {R"({"init": {"maskUnits": [1]}})",
       R"(spec.init.maskUnits[0]: 1 is not valid: write text (in YAML, in quotes))"},
      {R"({"platform": {"cgroups": "v2"}})",
       R"(spec.platform.cgroups: "v2" is not valid: write an object)"},
      {R"({"storage": {"claims": [{"accessModes": "ReadWriteOnce"}]}})",
       R"(spec.storage.claims[0].accessModes: "ReadWriteOnce" is not valid: write a list)"},
  };
  for (const auto& c : cases) EXPECT_EQ(fault_of(Json::parse(c.spec)), c.message);
}

TEST(SpecJson, ALongValueIsCutInTheMessage) {
  const std::string message = fault_of({{"replicas", std::string(5000, 'x')}});
  EXPECT_LT(message.size(), 200U);
  EXPECT_THAT(message, testing::HasSubstr("xxx…"));
}

TEST(SpecJson, BytesThatAreNotUtf8AreReplacedInTheMessage) {
  EXPECT_THAT(fault_of({{"replicas", "\xff\xfe"}}), testing::HasSubstr("\xef\xbf\xbd"));
}

TEST(SpecJson, JsonMadeToBeDeepIsRefusedBeforeItIsCopied) {
  constexpr int kDeep = 200000;
  Json deep = Json::object();
  for (int i = 0; i < kDeep; ++i) {
    Json outer = Json::object();
    outer["a"] = std::move(deep);
    deep = std::move(outer);
  }
  Json spec = {{"image", "a"}};
  spec["affinity"] = std::move(deep);
  EXPECT_EQ(fault_of(spec), "spec.affinity: an object is not valid: nest it less than 64 deep");
}

TEST(UnknownFields, EveryLevelIsLookedInto) {
  const Json spec = Json::parse(R"({
    "image": "a", "imagee": "b",
    "ports": [{"name": "http", "prot": 80}],
    "init": {"comand": []},
    "route": {"tls": {"terminaton": "edge"}},
    "podMetadata": {"label": {}},
    "platform": {"cgroups": {"pools": ""}, "capabilities": {"add": []}},
    "readiness": {"selfHealing": {"actions": ""}},
    "storage": {"claims": [{"sise": ""}], "retention": {"when": ""}}})");
  EXPECT_THAT(unknown_fields(spec),
              testing::UnorderedElementsAre(
                  "spec.imagee", "spec.ports[0].prot", "spec.init.comand",
                  "spec.route.tls.terminaton", "spec.podMetadata.label",
                  "spec.platform.cgroups.pools", "spec.readiness.selfHealing.actions",
                  "spec.storage.claims[0].sise", "spec.storage.retention.when"));
}

TEST(UnknownFields, AFullSpecHasNone) {
  EXPECT_THAT(unknown_fields(full_spec()), testing::IsEmpty());
}

TEST(UnknownFields, WhatIsNoObjectHasNone) {
  EXPECT_THAT(unknown_fields("text"), testing::IsEmpty());
  EXPECT_THAT(unknown_fields({{"ports", "http"}, {"init", 7}}), testing::IsEmpty());
}

}  // namespace
}  // namespace swo::api
