// Binding, eviction, resize, and subresources that are served elsewhere; tables of built-in types;
// discovery.
#include <gmock/gmock.h>

#include "api_fixture.hpp"
#include "devcluster/jsonpath.hpp"

namespace devcluster {
namespace {

using ::testing::HasSubstr;

class Subresources : public ApiTest {
 protected:
  const std::string pods_ = std::string(kDefault) + "/pods";
  Json table(const std::string& target) {
    return Json::parse(
        ask("GET", target, "", "", "application/json;as=Table;v=v1;g=meta.k8s.io").response.body);
  }
};

TEST_F(Subresources, BindingAssignsAPodOnce) {
  post(pods_, pod("p"));
  const Json binding = {{"metadata", {{"name", "p"}}},
                        {"target", {{"kind", "Node"}, {"name", "node-1"}}}};
  post(pods_ + "/p/binding", binding);
  EXPECT_EQ(get(pods_ + "/p")["spec"]["nodeName"], "node-1");
  EXPECT_THAT(refusal(409, "POST", pods_ + "/p/binding", binding),
              HasSubstr("is already assigned to node"));
}

TEST_F(Subresources, EvictionRespectsADisruptionBudget) {
  Json object = pod("p", "node-1");
  object["metadata"]["labels"] = {{"app", "x"}};
  post(pods_, object);
  const std::string budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
  post(budgets, {{"metadata", {{"name", "pdb"}}},
                 {"spec", {{"selector", {{"matchLabels", {{"app", "x"}}}}}}}});
  const Json eviction = {{"metadata", {{"name", "p"}}}};
  const Json refused = expect(429, "POST", pods_ + "/p/eviction", eviction);
  EXPECT_EQ(refused["message"],
            "Cannot evict pod as it would violate the pod's disruption budget.");
  merge(budgets + "/pdb/status", {{"status", {{"disruptionsAllowed", 1}}}});
  post(pods_ + "/p/eviction", eviction);
  EXPECT_TRUE(get(pods_ + "/p")["metadata"].contains("deletionTimestamp"));
  EXPECT_EQ(get(budgets + "/pdb")["status"]["disruptionsAllowed"], 0);
}

TEST_F(Subresources, ResizeChangesWhatAPlainPatchMayNot) {
  post(pods_, pod("p"));
  const Json patch = {
      {"spec",
       {{"containers", {{{"name", "main"}, {"resources", {{"limits", {{"cpu", "1"}}}}}}}}}}};
  const char* strategic = "application/strategic-merge-patch+json";
  expect(422, "PATCH", pods_ + "/p", patch, strategic);
  EXPECT_EQ(expect(200, "PATCH", pods_ + "/p/resize", patch,
                   strategic)["spec"]["containers"][0]["resources"]["limits"]["cpu"],
            "1");
}

TEST_F(Subresources, OthersMayServeOneAndWhatNobodyServesIs501) {
  post(pods_, pod("p"));
  EXPECT_THAT(refusal(501, "GET", pods_ + "/p/log"), HasSubstr("pods/log is not imitated"));
  server_.add_subresource("pods/log",
                          [](const Request&, const std::string& ns, const std::string& name) {
                            return Answer{{200, {}, ns + "/" + name}, nullptr, {}, false};
                          });
  EXPECT_EQ(ask("GET", pods_ + "/p/log?follow=true").response.body, "default/p");
}

TEST_F(Subresources, APodsRowTellsItsState) {
  post(pods_, pod("p", "node-1"));
  merge(pods_ + "/p/status",
        {{"status",
          {{"phase", "Running"},
           {"containerStatuses",
            {{{"name", "main"},
              {"ready", false},
              {"restartCount", 3},
              {"state", {{"waiting", {{"reason", "CrashLoopBackOff"}}}}}}}}}}});
  const Json row = table(pods_)["rows"][0]["cells"];
  EXPECT_EQ(row[0], "p");
  EXPECT_EQ(row[1], "0/1");
  EXPECT_EQ(row[2], "CrashLoopBackOff");
  EXPECT_EQ(row[3], "3");
}

TEST_F(Subresources, EveryTypeHasATable) {
  for (const char* path :
       {"/api/v1/namespaces", "/api/v1/nodes", "/api/v1/services", "/api/v1/events",
        "/apis/apps/v1/deployments", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        "/apis/coordination.k8s.io/v1/leases", "/apis/node.k8s.io/v1/runtimeclasses"}) {
    EXPECT_EQ(table(path)["kind"], "Table") << path;
  }
}

TEST_F(Subresources, DiscoveryListsGroupsResourcesAndVersion) {
  EXPECT_EQ(get("/version")["minor"], "33");
  EXPECT_EQ(get("/api")["versions"], Json::array({"v1"}));
  EXPECT_EQ(get("/apis/apps")["preferredVersion"]["version"], "v1");
  EXPECT_THAT(get("/api/v1").dump(), HasSubstr("\"pods/eviction\""));
  EXPECT_THAT(get("/apis").dump(), HasSubstr("authorization.k8s.io"));
  EXPECT_TRUE(get("/openapi/v3")["paths"].contains("apis/apps/v1"));
  EXPECT_EQ(get("/openapi/v2")["swagger"], "2.0");
  expect(404, "GET", "/apis/nothing.example.com");
}

TEST(JsonPath, FindsWhatPrinterColumnsAskFor) {
  const Json object = Json::parse(
      R"({"a": {"b.c": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}]}})");
  const auto one = [&](const std::string& path) -> Json {
    const auto found = json_path(object, path);
    return found.size() == 1 ? *found[0] : Json(found.size());
  };
  EXPECT_EQ(one(R"(.a.b\.c[?(@.type=="Ready")].status)"), "True");
  EXPECT_EQ(one(R"(.a['b.c'][1].status)"), "False");
  EXPECT_EQ(one(R"({.a.b\.c[-1].type})"), "Other");
  EXPECT_EQ(one(R"(.a.b\.c[*].type)"), 2);
  EXPECT_EQ(one(".a.none"), 0);
  EXPECT_EQ(one(".a["), 0);
}

}  // namespace
}  // namespace devcluster
