// Custom resources: types that appear at run time, their schemas, subresources and columns.
#include <gmock/gmock.h>

#include "api_fixture.hpp"

namespace devcluster {
namespace {

using ::testing::HasSubstr;

Json widget_crd() {
  return Json::parse(R"json({
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
      "group": "example.com", "scope": "Namespaced",
      "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"], "categories": ["all"]},
      "versions": [{
        "name": "v1", "served": true, "storage": true,
        "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas",
          "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"}},
        "additionalPrinterColumns": [
          {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
          {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas"},
          {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}],
        "schema": {"openAPIV3Schema": {
          "type": "object", "required": ["spec"],
          "properties": {
            "spec": {"type": "object", "required": ["image"], "properties": {
              "image": {"type": "string", "minLength": 1, "pattern": "^[a-z]+$", "description": "What to run."},
              "replicas": {"type": "integer", "minimum": 0, "maximum": 5, "default": 1},
              "mode": {"type": "string", "enum": ["fast", "slow"]},
              "class": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "is immutable"}]},
              "port": {"x-kubernetes-int-or-string": true},
              "maybe": {"type": "string", "nullable": true},
              "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
              "tls": {"type": "object", "default": {}, "properties": {"termination": {"type": "string", "default": "edge"}}},
              "ports": {"type": "array", "maxItems": 3, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "required": ["name"], "properties": {
                  "name": {"type": "string"}, "port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}}}},
              "labels": {"type": "object", "additionalProperties": {"type": "string"}}
            }, "x-kubernetes-validations": [{"rule": "has(self.image)"}]},
            "status": {"type": "object", "properties": {
              "replicas": {"type": "integer"}, "selector": {"type": "string"},
              "conditions": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
                "items": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}, "status": {"type": "string"}}}}
            }}
          }}}
      }]
    }})json");
}

class Crds : public ApiTest {
 protected:
  const std::string crds_ = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const std::string widgets_ = "/apis/example.com/v1/namespaces/default/widgets";
  void SetUp() override { post(crds_, widget_crd()); }
  static Json widget(const std::string& name, Json spec = {{"image", "nginx"}}) {
    return {{"apiVersion", "example.com/v1"},
            {"kind", "Widget"},
            {"metadata", {{"name", name}}},
            {"spec", std::move(spec)}};
  }
  std::string refused(const Json& spec) {
    return refusal(422, "POST", widgets_, widget("w", spec));
  }
};

TEST_F(Crds, ATypeAppearsEstablishedAndInDiscovery) {
  const Json crd = get(crds_ + "/widgets.example.com");
  EXPECT_EQ(crd["status"]["conditions"][1]["type"], "Established");
  EXPECT_EQ(crd["status"]["storedVersions"], Json::array({"v1"}));
  const Json resources = get("/apis/example.com/v1")["resources"];
  EXPECT_EQ(resources[0]["name"], "widgets");
  EXPECT_EQ(resources[0]["singularName"], "widget");
  EXPECT_EQ(resources[1]["name"], "widgets/status");
  EXPECT_EQ(resources[2]["name"], "widgets/scale");
}

TEST_F(Crds, DefaultsAreFilledInUnknownFieldsPrunedAndNullsDropped) {
  const Json object = post(widgets_, widget("w", {{"image", "nginx"},
                                                  {"junk", 1},
                                                  {"mode", nullptr},
                                                  {"maybe", nullptr},
                                                  {"any", {{"kept", true}}},
                                                  {"ports", {{{"name", "a"}, {"x", 1}}}}}));
  const Json& spec = object["spec"];
  EXPECT_EQ(spec["replicas"], 1);
  EXPECT_EQ(spec["tls"]["termination"], "edge");
  EXPECT_EQ(spec["ports"][0], (Json{{"name", "a"}, {"protocol", "TCP"}}));
  EXPECT_EQ(spec["any"]["kept"], true);
  EXPECT_TRUE(spec["maybe"].is_null());
  EXPECT_FALSE(spec.contains("junk"));
  EXPECT_FALSE(spec.contains("mode"));
}

TEST_F(Crds, UnknownFieldsAreWarnedOfRefusedOrIgnoredAsAsked) {
  const Json object = widget("w", {{"image", "nginx"}, {"junk", 1}});
  EXPECT_EQ(refusal(400, "POST", widgets_ + "?fieldValidation=Strict", object),
            "strict decoding error: unknown field \"spec.junk\"");
  const Answer warned = ask("POST", widgets_ + "?dryRun=All", object.dump());
  EXPECT_EQ(warned.response.headers.at("warning"), R"(299 - "unknown field \"spec.junk\"")");
  EXPECT_EQ(ask("POST", widgets_ + "?fieldValidation=Ignore", object.dump())
                .response.headers.count("warning"),
            0U);
}

TEST_F(Crds, ValuesAreValidatedInKubernetesWords) {
  EXPECT_EQ(refused(Json::object()),
            "Widget.example.com \"w\" is invalid: spec.image: Required value");
  EXPECT_EQ(refused({{"image", "nginx"}, {"replicas", -1}}),
            "Widget.example.com \"w\" is invalid: spec.replicas: Invalid value: -1: spec.replicas "
            "in body should be "
            "greater than or equal to 0");
  EXPECT_EQ(refused({{"image", "nginx"}, {"mode", "odd"}}),
            "Widget.example.com \"w\" is invalid: spec.mode: Unsupported value: \"odd\": supported "
            "values: \"fast\", "
            "\"slow\"");
  EXPECT_THAT(refused({{"image", "N"}}), HasSubstr("spec.image in body should match '^[a-z]+$'"));
  EXPECT_THAT(refused({{"image", "nginx"}, {"replicas", "two"}}),
              HasSubstr("spec.replicas in body must be of type integer: \"string\""));
  EXPECT_THAT(refused({{"image", "nginx"}, {"ports", {{{"name", "a"}}, {{"name", "a"}}}}}),
              HasSubstr("spec.ports[1]: Duplicate value"));
  EXPECT_THAT(refused({{"image", "nginx"}, {"port", true}}), HasSubstr("spec.port"));
  EXPECT_THAT(refused({{"image", ""}, {"replicas", 9}}), HasSubstr("is invalid: ["));
}

TEST_F(Crds, AnImmutabilityRuleHoldsAndOtherRulesAreSaidToBeUnevaluated) {
  post(widgets_, widget("w", {{"image", "nginx"}, {"class", "a"}}));
  EXPECT_EQ(refusal(422, "PATCH", widgets_ + "/w", {{"spec", {{"class", "b"}}}}, kMerge),
            "Widget.example.com \"w\" is invalid: spec.class: Invalid value: \"b\": is immutable");
  EXPECT_THAT(server_.unevaluated_rules(),
              ::testing::ElementsAre("example.com/v1/widgets: 1 rule"));
}

TEST_F(Crds, GenerationCountsSpecChangesOnly) {
  EXPECT_EQ(post(widgets_, widget("w"))["metadata"]["generation"], 1);
  EXPECT_EQ(
      merge(widgets_ + "/w/status", {{"status", {{"replicas", 1}}}})["metadata"]["generation"], 1);
  EXPECT_EQ(
      merge(widgets_ + "/w", {{"metadata", {{"labels", {{"a", "b"}}}}}})["metadata"]["generation"],
      1);
  EXPECT_EQ(merge(widgets_ + "/w", {{"spec", {{"replicas", 2}}}})["metadata"]["generation"], 2);
}

TEST_F(Crds, AReplaceNeedsAResourceVersionAndLeavesTheStatusAlone) {
  const Json created = post(widgets_, widget("w"));
  merge(widgets_ + "/w/status", {{"status", {{"replicas", 1}}}});
  EXPECT_THAT(refusal(422, "PUT", widgets_ + "/w", widget("w")),
              HasSubstr("must be specified for an update"));
  Json next = get(widgets_ + "/w");
  next.erase("status");
  next["spec"]["replicas"] = 3;
  EXPECT_EQ(put(widgets_ + "/w", next)["status"]["replicas"], 1);
  (void)created;
}

TEST_F(Crds, ScaleReadsAndWritesTheReplicas) {
  post(widgets_, widget("w"));
  merge(widgets_ + "/w/status", {{"status", {{"replicas", 1}, {"selector", "app=w"}}}});
  const Json scale = get(widgets_ + "/w/scale");
  EXPECT_EQ(scale["kind"], "Scale");
  EXPECT_EQ(scale["spec"]["replicas"], 1);
  EXPECT_EQ(scale["status"]["selector"], "app=w");
  EXPECT_EQ(merge(widgets_ + "/w/scale", {{"spec", {{"replicas", 3}}}})["spec"]["replicas"], 3);
  EXPECT_EQ(get(widgets_ + "/w")["spec"]["replicas"], 3);
  expect(422, "PATCH", widgets_ + "/w/scale", {{"spec", {{"replicas", 9}}}}, kMerge);
}

TEST_F(Crds, ApplyMergesKeyedListsByTheSchema) {
  const std::string target = widgets_ + "/w?fieldManager=";
  expect(201, "PATCH", target + "one",
         widget("w", {{"image", "nginx"}, {"ports", {{{"name", "a"}, {"port", 1}}}}}), kApply);
  Json object =
      expect(200, "PATCH", target + "two",
             widget("w", {{"image", "nginx"}, {"ports", {{{"name", "b"}, {"port", 2}}}}}), kApply);
  EXPECT_EQ(object["spec"]["ports"].size(), 2U);
  object = expect(200, "PATCH", target + "one", widget("w"), kApply);
  ASSERT_EQ(object["spec"]["ports"].size(), 1U);
  EXPECT_EQ(object["spec"]["ports"][0]["name"], "b");
}

TEST_F(Crds, ATableShowsThePrinterColumns) {
  post(widgets_, widget("w"));
  merge(widgets_ + "/w/status",
        {{"status", {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
  now_ += std::chrono::minutes(5);
  const Answer answer =
      ask("GET", widgets_, "", "", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
  const Json table = Json::parse(answer.response.body);
  EXPECT_EQ(table["kind"], "Table");
  EXPECT_EQ(table["columnDefinitions"][1]["name"], "Ready");
  EXPECT_EQ(table["rows"][0]["cells"], (Json{"w", "True", 1, "5m"}));
  EXPECT_EQ(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
}

TEST_F(Crds, AChangedSchemaRulesTheNextWrite) {
  Json crd = get(crds_ + "/widgets.example.com");
  crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
     ["replicas"]["maximum"] = 9;
  put(crds_ + "/widgets.example.com", crd);
  post(widgets_, widget("w", {{"image", "nginx"}, {"replicas", 9}}));
}

TEST_F(Crds, ObjectsOfOneVersionAreReadAsAnother) {
  Json crd = get(crds_ + "/widgets.example.com");
  crd["spec"]["versions"].push_back(crd["spec"]["versions"][0]);
  crd["spec"]["versions"][1]["name"] = "v2";
  crd["spec"]["versions"][1]["storage"] = false;
  put(crds_ + "/widgets.example.com", crd);
  post(widgets_, widget("w"));
  EXPECT_EQ(get("/apis/example.com/v2/namespaces/default/widgets/w")["apiVersion"],
            "example.com/v2");
  EXPECT_EQ(get("/apis/example.com/v2/widgets")["items"][0]["apiVersion"], "example.com/v2");
}

TEST_F(Crds, DeletingATypeDeletesItsObjectsAndEndsItsWatches) {
  post(widgets_, widget("w"));
  Json held = widget("held");
  held["metadata"]["finalizers"] = {"example.com/hold"};
  post(widgets_, held);
  auto stream =
      watch(widgets_ + "?watch=true&resourceVersion=" + std::to_string(server_.resource_version()));
  expect(200, "DELETE", crds_ + "/widgets.example.com");
  expect(404, "GET", widgets_ + "/w");
  expect(405, "POST", widgets_, widget("late"));
  EXPECT_THAT(summary(*stream), ::testing::UnorderedElementsAre("DELETED w", "MODIFIED held"));
  merge(widgets_ + "/held", {{"metadata", {{"finalizers", nullptr}}}});
  expect(404, "GET", crds_ + "/widgets.example.com");
  expect(404, "GET", widgets_);
  EXPECT_THAT(summary(*stream), ::testing::ElementsAre("DELETED held"));
  stream->next();
  EXPECT_TRUE(stream->ended());
  post(crds_, widget_crd());
  post(widgets_, widget("w"));
}

TEST_F(Crds, AWrongDefinitionIsRefusedByField) {
  Json crd = widget_crd();
  crd["metadata"]["name"] = "other.example.com";
  EXPECT_THAT(refusal(422, "POST", crds_, crd), HasSubstr("metadata.name"));
  crd = widget_crd();
  crd["metadata"]["name"] = "gadgets.example.com";
  crd["spec"]["names"]["plural"] = "gadgets";
  crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
     ["image"]
         .erase("type");
  EXPECT_THAT(refusal(422, "POST", crds_, crd),
              HasSubstr("properties[image].type: Required value"));
}

}  // namespace
}  // namespace devcluster
