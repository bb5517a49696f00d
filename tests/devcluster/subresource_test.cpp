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

class Eviction : public Subresources {
 protected:
  const std::string budgets_ = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
  const Json eviction_ = {{"metadata", {{"name", "p"}}}};

  // A Pod on a node that is in this phase.
  void run(const std::string& phase, bool ready = true) {
    Json object = pod("p", "node-1");
    object["metadata"]["labels"] = {{"app", "x"}};
    post(pods_, object);
    merge(pods_ + "/p/status",
          {{"status",
            {{"phase", phase},
             {"conditions", {{{"type", "Ready"}, {"status", ready ? "True" : "False"}}}}}}});
  }
  void budget(const std::string& name, int allowed, int observed = 1) {
    post(budgets_, {{"metadata", {{"name", name}}},
                    {"spec", {{"selector", {{"matchLabels", {{"app", "x"}}}}}}}});
    merge(budgets_ + "/" + name + "/status",
          {{"status", {{"disruptionsAllowed", allowed}, {"observedGeneration", observed}}}});
  }
  bool leaving() { return get(pods_ + "/p")["metadata"].contains("deletionTimestamp"); }
};

TEST_F(Eviction, TakesOneOfTheBudgetsDisruptionsOrIsRefused) {
  run("Running");
  budget("pdb", 0);
  const Json refused = expect(429, "POST", pods_ + "/p/eviction", eviction_);
  EXPECT_EQ(refused["message"],
            "Cannot evict pod as it would violate the pod's disruption budget.");
  EXPECT_FALSE(leaving());
  merge(budgets_ + "/pdb/status", {{"status", {{"disruptionsAllowed", 1}}}});
  post(pods_ + "/p/eviction", eviction_);
  EXPECT_TRUE(leaving());
  const Json left = get(budgets_ + "/pdb")["status"];
  EXPECT_EQ(left["disruptionsAllowed"], 0);
  EXPECT_TRUE(left["disruptedPods"].contains("p"));
}

TEST_F(Eviction, WaitsForABudgetThatIsNotCountedYet) {
  run("Running");
  budget("pdb", 1, 0);
  const Json refused = expect(429, "POST", pods_ + "/p/eviction", eviction_);
  EXPECT_THAT(refused["details"]["causes"][0]["message"].get<std::string>(),
              HasSubstr("is still being processed by the server"));
}

TEST_F(Eviction, OfAPodUnderTwoBudgetsFails) {
  run("Running");
  budget("one", 1);
  budget("two", 1);
  EXPECT_THAT(refusal(500, "POST", pods_ + "/p/eviction", eviction_),
              HasSubstr("This pod has more than one PodDisruptionBudget"));
  EXPECT_FALSE(leaving());
}

TEST_F(Eviction, OfWhatDoesNotRunAsksNoBudget) {
  for (const char* phase : {"Pending", "Failed", "Succeeded"}) {
    SCOPED_TRACE(phase);
    run(phase);
    if (phase == std::string("Pending")) budget("pdb", 0);
    post(pods_ + "/p/eviction", eviction_);
    if (phase == std::string("Pending")) {
      EXPECT_TRUE(leaving());
      expect(200, "DELETE", pods_ + "/p?gracePeriodSeconds=0");
    } else {
      expect(404, "GET", pods_ + "/p");
    }
  }
}

class Resize : public Subresources {
 protected:
  static constexpr const char* kStrategic = "application/strategic-merge-patch+json";
  static Json with(const Json& resources) {
    return {{"spec", {{"containers", {{{"name", "main"}, {"resources", resources}}}}}}};
  }
  void begin(const Json& resources) {
    Json object = pod("p", "node-1");
    object["spec"]["containers"][0]["resources"] = resources;
    post(pods_, object);
  }
  std::string refused(const Json& patch) {
    return refusal(422, "PATCH", pods_ + "/p/resize", patch, kStrategic);
  }
};

TEST_F(Resize, ChangesResourcesWhichAPlainPatchMayNotAndNothingElse) {
  begin({{"limits", {{"cpu", "500m"}}}});
  Json patch = with({{"limits", {{"cpu", "1"}}}});
  expect(422, "PATCH", pods_ + "/p", patch, kStrategic);
  patch["spec"]["containers"][0]["image"] = "nginx:2";
  patch["metadata"]["labels"]["a"] = "b";
  const Json resized = expect(200, "PATCH", pods_ + "/p/resize", patch, kStrategic);
  EXPECT_EQ(resized["spec"]["containers"][0]["resources"]["limits"]["cpu"], "1");
  EXPECT_EQ(resized["spec"]["containers"][0]["image"], "nginx:1");
  EXPECT_FALSE(resized["metadata"].contains("labels"));
}

TEST_F(Resize, RefusesWhatARealServerRefuses) {
  begin({{"limits", {{"cpu", "1"}, {"memory", "1Gi"}}}, {"requests", {{"cpu", "1"}}}});
  EXPECT_THAT(refused(with({{"requests", {{"cpu", "500m"}}}})),
              HasSubstr("spec: Invalid value: \"Burstable\": Pod QOS Class may not change"));
  EXPECT_THAT(
      refused(with({{"limits", {{"memory", "512Mi"}}}, {"requests", {{"memory", "512Mi"}}}})),
      HasSubstr("spec.containers[0].resources.limits[memory]: Forbidden: memory limits "
                "cannot be decreased"));
  EXPECT_THAT(refused(with({{"limits", {{"cpu", nullptr}}}, {"requests", {{"cpu", nullptr}}}})),
              HasSubstr("resource limits cannot be removed"));
  EXPECT_THAT(refused(with({{"limits", {{"example.com/gpu", "1"}}}})),
              HasSubstr("spec: Forbidden: only cpu and memory resources are mutable"));
  EXPECT_THAT(refused({{"spec", {{"containers", {{{"name", "more"}, {"image", "i"}}}}}}}),
              HasSubstr("containers may not be added or removed on resize"));
  merge(
      pods_ + "/p/status",
      {{"status",
        {{"containerStatuses", {{{"name", "main"}, {"state", {{"running", Json::object()}}}}}}}}});
  EXPECT_THAT(refused(with({{"limits", {{"cpu", "2"}}}, {"requests", {{"cpu", "2"}}}})),
              HasSubstr("Pod running on node without support for resize"));
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
