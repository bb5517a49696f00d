// Built-in objects are of Go's types: what a decoder drops, warns of and refuses, and how lists
// merge.
#include <cctype>
#include <set>

#include <gmock/gmock.h>

#include "api_fixture.hpp"
#include "devcluster/catalog.hpp"
#include "devcluster/data.hpp"
#include "devcluster/schema.hpp"

namespace devcluster {
namespace {

using ::testing::HasSubstr;

class Typed : public ApiTest {
 protected:
  static constexpr const char* kStrategic = "application/strategic-merge-patch+json";
  const std::string maps_ = std::string(kDefault) + "/configmaps";
  const std::string pods_ = std::string(kDefault) + "/pods";

  static Json deep() {
    Json object = pod("p");
    object["spec"]["containers"][0]["livenessProbe"] = {{"exec", {{"comand", {"true"}}}}};
    return object;
  }
};

TEST_F(Typed, UnknownFieldsAreDroppedWarnedOfAndRefusedAsAskedHoweverDeep) {
  const std::string path = "spec.containers[0].livenessProbe.exec.comand";
  EXPECT_EQ(refusal(400, "POST", pods_ + "?fieldValidation=Strict", deep()),
            "strict decoding error: unknown field \"" + path + "\"");
  const Answer warned = ask("POST", pods_, deep().dump());
  EXPECT_EQ(warned.response.headers.at("warning"), R"(299 - "unknown field \")" + path + R"(\"")");
  EXPECT_EQ(get(pods_ + "/p")["spec"]["containers"][0]["livenessProbe"]["exec"], Json::object());
}

TEST_F(Typed, APatchThatLeavesNoSuchObjectIsInvalid) {
  post(maps_, config_map("a"));
  expect(422, "PATCH", maps_ + "/a?fieldValidation=Strict", {{"junk", 1}}, kMerge);
  EXPECT_THAT(refusal(422, "PATCH", maps_ + "/a", {{"data", {{"k", 1}}}}, kMerge),
              HasSubstr("cannot unmarshal number into Go struct field .data.k of type string"));
  expect(422, "PATCH", maps_ + "/a", {{"immutable", "yes"}}, kStrategic);
  EXPECT_EQ(get(maps_ + "/a")["data"], (Json{{"k", "v"}}));
}

TEST_F(Typed, EachTypeTakesItsOwnValuesAlone) {
  const auto refused = [&](const Json& change) {
    Json object = pod("p");
    object["spec"].update(change);
    return refusal(400, "POST", pods_, object);
  };
  EXPECT_THAT(refused({{"hostNetwork", "yes"}}),
              HasSubstr("Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal "
                        "string into Go struct field .spec.hostNetwork of type boolean"));
  EXPECT_THAT(refused({{"activeDeadlineSeconds", "10"}}), HasSubstr("of type integer"));
  EXPECT_THAT(refused({{"nodeSelector", Json::array()}}), HasSubstr("of type object"));
  EXPECT_THAT(refused({{"overhead", {{"cpu", "lots"}}}}),
              HasSubstr("quantities must match the regular expression"));
  EXPECT_THAT(refusal(400, "POST", std::string(kDefault) + "/secrets",
                      {{"metadata", {{"name", "s"}}}, {"data", {{"k", "not base64!"}}}}),
              HasSubstr("illegal base64 data"));
  EXPECT_THAT(refusal(400, "POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases",
                      {{"metadata", {{"name", "l"}}}, {"spec", {{"renewTime", "today"}}}}),
              HasSubstr("parsing time \"today\""));
}

TEST_F(Typed, TimesAndQuantitiesAreTakenInEachOfTheirForms) {
  const std::string leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
  const auto lease = [](const std::string& time) {
    return Json{{"metadata", {{"generateName", "l-"}}}, {"spec", {{"renewTime", time}}}};
  };
  for (const char* time :
       {"2024-01-02T03:04:05Z", "2024-01-02T03:04:05.123456Z", "2024-01-02T03:04:05+02:00"}) {
    expect(201, "POST", leases, lease(time));
  }
  for (const char* time : {"2024-01-02", "2024-01-02T03:04:05", "2024-01-02T03:04:05.Z"}) {
    expect(400, "POST", leases, lease(time));
  }
  for (const Json& amount : std::vector<Json>{"1", "500m", "1.5Gi", "1e3", "-1", 2, 0.5}) {
    Json object = pod("p");
    object["spec"]["overhead"] = {{"cpu", amount}};
    const Json made = expect(201, "POST", pods_ + "?dryRun=All", object);
    EXPECT_TRUE(made["spec"]["overhead"]["cpu"].is_string()) << amount;
  }
  for (const char* amount : {"", "m", "1 Gi", "1Gi!"}) {
    Json object = pod("p");
    object["spec"]["overhead"] = {{"cpu", amount}};
    expect(400, "POST", pods_ + "?dryRun=All", object);
  }
}

TEST_F(Typed, ANullIsAFieldThatIsLeftOut) {
  Json object = config_map("a");
  object["metadata"]["creationTimestamp"] = nullptr;
  object["metadata"]["labels"] = nullptr;
  object["binaryData"] = nullptr;
  const Json made = post(maps_, object);
  EXPECT_FALSE(made.contains("binaryData"));
  EXPECT_FALSE(made["metadata"].contains("labels"));
  EXPECT_TRUE(made["metadata"]["creationTimestamp"].is_string());
}

TEST_F(Typed, ApplyTakesNoFieldThatIsNotDeclared) {
  Json config = config_map("a");
  config["junk"] = 1;
  EXPECT_EQ(
      refusal(500, "PATCH", maps_ + "/a?fieldManager=one", config, kApply),
      "failed to create typed patch object (default/a; /v1, Kind=ConfigMap): .junk: field not "
      "declared in schema");
  expect(404, "GET", maps_ + "/a");
}

TEST_F(Typed, StrategicMergeGoesByTheKeysOfEachList) {
  Json object = pod("p");
  object["spec"]["containers"][0]["env"] = {{{"name", "A"}, {"value", "1"}}};
  object["spec"]["tolerations"] = {{{"key", "a"}, {"operator", "Exists"}}};
  post(pods_, object);
  const Json patched = expect(
      200, "PATCH", pods_ + "/p?dryRun=All",
      {{"spec",
        {{"containers", {{{"name", "main"}, {"image", "nginx:2"}}}},
         {"tolerations",
          {{{"key", "a"}, {"operator", "Exists"}}, {{"key", "b"}, {"operator", "Exists"}}}}}}},
      kStrategic);
  EXPECT_EQ(patched["spec"]["containers"][0]["env"][0]["value"], "1");
  EXPECT_EQ(patched["spec"]["tolerations"].size(), 2U);
}

TEST(Schemas, EveryKindOfTheFileIsServedInSomeCluster) {
  Store store;
  const Catalog catalog(
      store, {"types-openshift.yaml", "types-machineconfiguration.yaml", "types-gateway.yaml"}, 33);
  std::set<std::string> served;
  for (const TypePtr& type : catalog.all()) served.insert(type->subject().qualified());
  each_entry("schemas.yaml", [&](const std::string& name, const Json&) {
    const bool kind = std::islower(static_cast<unsigned char>(name.front())) != 0;
    EXPECT_TRUE(!kind || served.count(name) > 0) << name;
  });
}

TEST(Schemas, ATypeThatTheFileDoesNotHaveMayHoldAnything) {
  Json object = {{"metadata", {{"name", "a"}, {"junk", 1}}},
                 {"spec", {{"whatever", Json::array()}}}};
  const Decoding found = decode(object, *built_in_schema("things.example.com"), false);
  EXPECT_EQ(found.unknown, std::vector<std::string>{"metadata.junk"});
  EXPECT_TRUE(object["spec"].contains("whatever"));
}

}  // namespace
}  // namespace devcluster
