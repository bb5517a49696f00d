// Server-side apply and managedFields: ownership, conflicts, removal, keyed lists.
#include <gmock/gmock.h>

#include "api_fixture.hpp"

namespace devcluster {
namespace {

using ::testing::HasSubstr;

class Apply : public ApiTest {
 protected:
  const std::string maps_ = std::string(kDefault) + "/configmaps";
  const std::string services_ = std::string(kDefault) + "/services";
  const std::string pods_ = std::string(kDefault) + "/pods";

  Json apply(const std::string& target, const std::string& manager, const Json& config,
             bool force = false, int status = 200) {
    return expect(status, "PATCH",
                  target + "?fieldManager=" + manager + (force ? "&force=true" : ""), config,
                  kApply);
  }
  static Json map_config(const Json& data) {
    return {
        {"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", "a"}}}, {"data", data}};
  }
  static Json service_config(const Json& ports) {
    return {{"apiVersion", "v1"},
            {"kind", "Service"},
            {"metadata", {{"name", "web"}}},
            {"spec", {{"ports", ports}}}};
  }
  static Json fields_of(const Json& object, const std::string& manager,
                        const std::string& operation) {
    for (const Json& entry : object["metadata"]["managedFields"]) {
      if (entry["manager"] == manager && entry["operation"] == operation) return entry["fieldsV1"];
    }
    return nullptr;
  }
};

TEST_F(Apply, CreatesWhatIsNotThereAndRecordsItsOwner) {
  const Json object = apply(maps_ + "/a", "one", map_config({{"x", "1"}}), false, 201);
  EXPECT_EQ(object["data"]["x"], "1");
  EXPECT_EQ(fields_of(object, "one", "Apply"), (Json{{"f:data", {{"f:x", Json::object()}}}}));
}

TEST_F(Apply, TheSameConfigAgainChangesNothing) {
  const Json once = apply(maps_ + "/a", "one", map_config({{"x", "1"}}), false, 201);
  now_ += std::chrono::hours(1);
  EXPECT_EQ(apply(maps_ + "/a", "one", map_config({{"x", "1"}})), once);
}

TEST_F(Apply, AFieldNoLongerAppliedGoesUnlessSomebodyElseOwnsItToo) {
  apply(maps_ + "/a", "one", map_config({{"x", "1"}, {"y", "1"}}), false, 201);
  apply(maps_ + "/a", "two", map_config({{"y", "1"}}));
  const Json left = apply(maps_ + "/a", "one", map_config(Json::object()));
  EXPECT_EQ(left["data"], (Json{{"y", "1"}}));
}

TEST_F(Apply, AnotherOwnersValueIsAConflictThatNamesHimAndTheField) {
  apply(maps_ + "/a", "one", map_config({{"x", "1"}}), false, 201);
  const Json status = apply(maps_ + "/a", "two", map_config({{"x", "2"}}), false, 409);
  EXPECT_EQ(status["message"], "Apply failed with 1 conflict: conflict with \"one\": .data.x");
  EXPECT_EQ(status["reason"], "Conflict");
  EXPECT_EQ(status["details"]["causes"][0]["reason"], "FieldManagerConflict");
  EXPECT_EQ(status["details"]["causes"][0]["field"], ".data.x");
}

TEST_F(Apply, ForceTakesTheFieldOver) {
  apply(maps_ + "/a", "one", map_config({{"x", "1"}, {"y", "1"}}), false, 201);
  const Json object = apply(maps_ + "/a", "two", map_config({{"x", "2"}}), true);
  EXPECT_EQ(object["data"]["x"], "2");
  EXPECT_EQ(fields_of(object, "one", "Apply"), (Json{{"f:data", {{"f:y", Json::object()}}}}));
}

TEST_F(Apply, TwoOwnersOfOneValueAreNoConflict) {
  apply(maps_ + "/a", "one", map_config({{"x", "1"}}), false, 201);
  const Json object = apply(maps_ + "/a", "two", map_config({{"x", "1"}}));
  EXPECT_FALSE(fields_of(object, "one", "Apply").is_null());
  EXPECT_FALSE(fields_of(object, "two", "Apply").is_null());
}

TEST_F(Apply, AnUpdateTakesTheFieldsItChanges) {
  apply(maps_ + "/a", "one", map_config({{"x", "1"}}), false, 201);
  const Json object = merge(maps_ + "/a", {{"data", {{"x", "2"}}}});
  EXPECT_TRUE(fields_of(object, "one", "Apply").is_null());
  EXPECT_EQ(fields_of(object, "tester", "Update"), (Json{{"f:data", {{"f:x", Json::object()}}}}));
  EXPECT_EQ(apply(maps_ + "/a", "one", map_config({{"x", "1"}}), false, 409)["message"],
            "Apply failed with 1 conflict: conflict with \"tester\" using v1: .data.x");
}

TEST_F(Apply, ForeignLabelsAndAnnotationsStay) {
  apply(maps_ + "/a", "one", map_config({{"x", "1"}}), false, 201);
  merge(maps_ + "/a",
        {{"metadata", {{"labels", {{"their", "label"}}}, {"annotations", {{"n", "1"}}}}}});
  const Json object = apply(maps_ + "/a", "one", map_config({{"x", "2"}}));
  EXPECT_EQ(object["metadata"]["labels"]["their"], "label");
  EXPECT_EQ(object["metadata"]["annotations"]["n"], "1");
}

TEST_F(Apply, ServicePortsMergeByPortAndProtocol) {
  apply(services_ + "/web", "one",
        service_config({{{"port", 80}, {"name", "http"}}, {{"port", 443}, {"name", "tls"}}}), false,
        201);
  apply(services_ + "/web", "two", service_config({{{"port", 9090}, {"name", "metrics"}}}));
  const Json object =
      apply(services_ + "/web", "one",
            service_config({{{"port", 80}, {"name", "http"}, {"targetPort", 8080}}}));
  std::vector<int> ports;
  for (const Json& port : object["spec"]["ports"]) ports.push_back(port["port"]);
  EXPECT_EQ(ports, (std::vector<int>{80, 9090}));
  EXPECT_EQ(object["spec"]["ports"][0]["targetPort"], 8080);
  EXPECT_TRUE(fields_of(object, "two", "Apply")["f:spec"]["f:ports"].contains(
      R"(k:{"port":9090,"protocol":"TCP"})"));
}

TEST_F(Apply, FinalizersAreASetAndOwnersAreKeyedByUid) {
  Json config = map_config({{"x", "1"}});
  config["metadata"]["finalizers"] = {"example.com/one"};
  config["metadata"]["ownerReferences"] = {
      {{"apiVersion", "v1"}, {"kind", "Pod"}, {"name", "p"}, {"uid", "1"}}};
  apply(maps_ + "/a", "one", config, false, 201);
  config["metadata"]["finalizers"] = {"example.com/two"};
  config["metadata"]["ownerReferences"][0]["uid"] = "2";
  const Json object = apply(maps_ + "/a", "two", config);
  EXPECT_EQ(object["metadata"]["finalizers"].size(), 2U);
  EXPECT_EQ(object["metadata"]["ownerReferences"].size(), 2U);
}

TEST_F(Apply, StatusHasOwnersOfItsOwn) {
  post(pods_, pod("p"));
  const Json condition = {{"type", "Mine"}, {"status", "True"}};
  const Json config = {{"apiVersion", "v1"},
                       {"kind", "Pod"},
                       {"metadata", {{"name", "p"}}},
                       {"status", {{"conditions", {condition}}}}};
  merge(pods_ + "/p/status",
        {{"status", {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
  const Json object = apply(pods_ + "/p/status", "one", config);
  EXPECT_EQ(object["status"]["conditions"].size(), 2U);
  bool found = false;
  for (const Json& entry : object["metadata"]["managedFields"]) {
    if (entry["manager"] != "one") continue;
    found = true;
    EXPECT_EQ(entry["subresource"], "status");
    EXPECT_TRUE(entry["fieldsV1"]["f:status"]["f:conditions"].contains(R"(k:{"type":"Mine"})"));
  }
  EXPECT_TRUE(found);
  apply(pods_ + "/missing/status", "one", {{"metadata", {{"name", "missing"}}}}, false, 404);
}

TEST_F(Apply, AtomicPartsChangeAsAWhole) {
  Json config = service_config({{{"port", 80}}});
  config["spec"]["selector"] = {{"app", "x"}, {"tier", "web"}};
  apply(services_ + "/web", "one", config, false, 201);
  config["spec"]["selector"] = {{"app", "y"}};
  const Json object = apply(services_ + "/web", "one", config);
  EXPECT_EQ(object["spec"]["selector"], (Json{{"app", "y"}}));
}

TEST_F(Apply, ItsPreconditionsAndItsFormAreChecked) {
  EXPECT_THAT(
      expect(422, "PATCH", maps_ + "/a", map_config({}), kApply)["message"].get<std::string>(),
      HasSubstr("fieldManager: Required value"));
  Json config = map_config({{"x", "1"}});
  config["metadata"]["uid"] = "other";
  EXPECT_THAT(apply(maps_ + "/a", "one", config, false, 409)["message"].get<std::string>(),
              HasSubstr("uid mismatch"));
  config = map_config({{"x", "1"}});
  apply(maps_ + "/a", "one", config, false, 201);
  config["metadata"]["resourceVersion"] = "1";
  config["data"]["x"] = "2";
  apply(maps_ + "/a", "one", config, false, 409);
}

TEST_F(Apply, YamlIsTakenAsTheRealServerTakesIt) {
  const Answer answer =
      ask("PATCH", maps_ + "/a?fieldManager=one",
          "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: \"1\"\n", kApply);
  EXPECT_EQ(answer.response.status, 201) << answer.response.body;
  EXPECT_EQ(Json::parse(answer.response.body)["data"]["x"], "1");
}

TEST_F(Apply, DryRunSaysWhatWouldBe) {
  apply(maps_ + "/a", "one", map_config({{"x", "1"}}), false, 201);
  const Json would = expect(200, "PATCH", maps_ + "/a?fieldManager=one&dryRun=All",
                            map_config({{"x", "2"}}), kApply);
  EXPECT_EQ(would["data"]["x"], "2");
  EXPECT_EQ(get(maps_ + "/a")["data"]["x"], "1");
}

}  // namespace
}  // namespace devcluster
