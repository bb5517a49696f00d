// The controllers around the API server: owners, namespaces, routes, claims, budgets, endpoints;
// profiles.
#include <gmock/gmock.h>

#include "cluster_fixture.hpp"
#include "devcluster/kubeconfig.hpp"
#include "devcluster/scc.hpp"

namespace devcluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Controllers : public ClusterScenario {
 protected:
  void SetUp() override { start(); }
  const std::string maps = "/api/v1/namespaces/demo/configmaps";
  const std::string routes = "/apis/route.openshift.io/v1/namespaces/demo/routes";

  Json config_map(const std::string& name, const std::vector<Json>& owners = {},
                  bool blocks = false) {
    Json map = {{"apiVersion", "v1"},
                {"kind", "ConfigMap"},
                {"metadata", {{"name", name}, {"namespace", "demo"}}}};
    for (const auto& owner : owners) {
      map["metadata"]["ownerReferences"].push_back({{"apiVersion", "v1"},
                                                    {"kind", "ConfigMap"},
                                                    {"name", owner["metadata"]["name"]},
                                                    {"uid", owner["metadata"]["uid"]},
                                                    {"blockOwnerDeletion", blocks}});
    }
    return api->create(maps, map);
  }
  void remove(const std::string& path, const std::string& name, const std::string& policy) {
    Request request{"DELETE", path + "/" + name + "?propagationPolicy=" + policy, {}, "", true, "",
                    {}};
    EXPECT_LT(cluster->api().handle(request).response.status, 300);
  }
  Json route(const std::string& name, const std::string& host, const std::string& ns = "demo") {
    Json spec = {{"to", {{"kind", "Service"}, {"name", "nginx"}}}};
    if (!host.empty()) spec["host"] = host;
    return {{"apiVersion", "route.openshift.io/v1"},
            {"kind", "Route"},
            {"metadata", {{"name", name}, {"namespace", ns}}},
            {"spec", spec}};
  }
  Json admitted(const std::string& path, const std::string& name) {
    cluster->tick();
    return api->get(path, name)->value("/status/ingress/0/conditions/0"_json_pointer, Json());
  }
};

TEST_F(Controllers, WhatLosesItsLastOwnerIsRemoved) {
  const auto first = config_map("first");
  const auto second = config_map("second");
  config_map("child", {first, second});
  cluster->tick();
  api->remove(maps, "first");
  cluster->tick();
  ASSERT_TRUE(api->get(maps, "child"));
  EXPECT_EQ((*api->get(maps, "child"))["metadata"]["ownerReferences"].size(), 1U);
  api->remove(maps, "second");
  cluster->tick();
  EXPECT_FALSE(api->get(maps, "child"));
}

TEST_F(Controllers, AnOwnerThatNeverWasCountsAsGone) {
  config_map(
      "child",
      {{{"metadata", {{"name", "nobody"}, {"uid", "00000000-0000-0000-0000-000000000000"}}}}});
  cluster->tick();
  EXPECT_FALSE(api->get(maps, "child"));
}

TEST_F(Controllers, AnOwnerOfAnotherNameOrKindOrNamespaceCountsAsGoneWhateverItsUid) {
  const auto owner = config_map("owner");
  const auto refer = [&](const std::string& child, const std::string& field, const char* value) {
    Json map = {{"apiVersion", "v1"},
                {"kind", "ConfigMap"},
                {"metadata",
                 {{"name", child},
                  {"namespace", "demo"},
                  {"ownerReferences",
                   {{{"apiVersion", "v1"},
                     {"kind", "ConfigMap"},
                     {"name", "owner"},
                     {"uid", owner["metadata"]["uid"]}}}}}}};
    if (!field.empty()) map["metadata"]["ownerReferences"][0][field] = value;
    api->create(maps, map);
  };
  refer("right", "", "");
  refer("other-name", "name", "another");
  refer("other-kind", "kind", "Secret");
  api->create("/api/v1/namespaces",
              {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "other"}}}});
  auto elsewhere = *api->get(maps, "right");
  elsewhere["metadata"] = {{"name", "elsewhere"},
                           {"namespace", "other"},
                           {"ownerReferences", elsewhere["metadata"]["ownerReferences"]}};
  const std::string other_maps = "/api/v1/namespaces/other/configmaps";
  api->create(other_maps, elsewhere);
  cluster->tick();
  EXPECT_TRUE(api->get(maps, "right"));
  EXPECT_FALSE(api->get(maps, "other-name"));
  EXPECT_FALSE(api->get(maps, "other-kind"));
  EXPECT_FALSE(api->get(other_maps, "elsewhere"));
}

TEST_F(Controllers, OrphansAreSetFree) {
  config_map("child", {config_map("owner")});
  cluster->tick();
  remove(maps, "owner", "Orphan");
  cluster->tick();
  EXPECT_FALSE(api->get(maps, "owner"));
  ASSERT_TRUE(api->get(maps, "child"));
  EXPECT_FALSE((*api->get(maps, "child"))["metadata"].contains("ownerReferences"));
}

TEST_F(Controllers, InTheForegroundTheOwnerWaitsForWhatBlocksIt) {
  config_map("child", {config_map("owner")}, true);
  api->merge_patch(maps, "child", {{"metadata", {{"finalizers", {"example.com/hold"}}}}});
  cluster->tick();
  remove(maps, "owner", "Foreground");
  cluster->tick();
  EXPECT_TRUE(api->get(maps, "owner"));
  EXPECT_TRUE((*api->get(maps, "child"))["metadata"].contains("deletionTimestamp"));
  api->merge_patch(maps, "child", {{"metadata", {{"finalizers", nullptr}}}});
  cluster->tick();
  EXPECT_FALSE(api->get(maps, "owner"));
  EXPECT_FALSE(api->get(maps, "child"));
}

TEST_F(Controllers, ANamespaceGoesThoughATypeThatWasServedInItIsNoMore) {
  const std::string crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  api->create(crds, Json::parse(R"({"metadata": {"name": "probes.example.com"},
      "spec": {"group": "example.com", "scope": "Namespaced",
               "names": {"plural": "probes", "singular": "probe", "kind": "Probe"},
               "versions": [{"name": "v1", "served": true, "storage": true,
                             "schema": {"openAPIV3Schema": {"type": "object"}}}]}})"));
  live(seconds(1));
  api->create("/apis/example.com/v1/namespaces/demo/probes",
              {{"apiVersion", "example.com/v1"},
               {"kind", "Probe"},
               {"metadata", {{"name", "one"}, {"namespace", "demo"}}}});
  live(seconds(1));
  api->remove(crds, "probes.example.com");
  live(seconds(1));
  api->remove("/api/v1/namespaces", "demo");
  EXPECT_TRUE(until([&] { return !api->get("/api/v1/namespaces", "demo"); }));
}

TEST_F(Controllers, ATerminatingNamespaceIsEmptiedPodsGentlyAndGoes) {
  grant_systemd_scc();
  create(right_pod());
  ASSERT_TRUE(until_ready());
  config_map("left-behind");
  api->remove("/api/v1/namespaces", "demo");
  cluster->tick();
  EXPECT_TRUE(api->get("/api/v1/namespaces", "demo")) << "the Pod still stops";
  EXPECT_TRUE(until([&] { return !api->get("/api/v1/namespaces", "demo"); }, seconds(30)));
}

TEST_F(Controllers, ANamespaceHasADefaultAccountAndItsOwnRanges) {
  const std::string accounts = "/api/v1/namespaces/demo/serviceaccounts";
  EXPECT_TRUE(api->get(accounts, "default"));
  api->remove(accounts, "default");
  cluster->tick();
  EXPECT_TRUE(api->get(accounts, "default"));
  const auto other =
      api->create("/api/v1/namespaces",
                  {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "other"}}}});
  const auto demo = *api->get("/api/v1/namespaces", "demo");
  const char* const range = "openshift.io/sa.scc.uid-range";
  EXPECT_NE(other["metadata"]["annotations"][range], demo["metadata"]["annotations"][range]);
}

TEST_F(Controllers, ARouteWithoutHostGetsAGeneratedOneAndKeepsIt) {
  const auto [code, made] = as_tester("POST", routes, route("nginx", ""));
  ASSERT_EQ(code, 201) << made;
  EXPECT_EQ(made["spec"]["host"], "nginx-demo.apps.example.com");
  EXPECT_EQ(made["metadata"]["annotations"]["openshift.io/host.generated"], "true");
  EXPECT_EQ(admitted(routes, "nginx")["status"], "True");
  api->merge_patch(routes, "nginx", {{"spec", {{"host", nullptr}}}});
  EXPECT_EQ((*api->get(routes, "nginx"))["spec"]["host"], "nginx-demo.apps.example.com");
}

TEST_F(Controllers, AHostOfOnesOwnNeedsTheRightToIt) {
  const auto [code, answer] = as_tester("POST", routes, route("nginx", "www.example.com"));
  EXPECT_EQ(code, 403);
  EXPECT_THAT(answer["message"].get<std::string>(),
              HasSubstr("you do not have permission to set the host field"));
}

TEST_F(Controllers, AHostBelongsToTheNamespaceThatClaimedItFirst) {
  api->create("/api/v1/namespaces",
              {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "other"}}}});
  const std::string other_routes = "/apis/route.openshift.io/v1/namespaces/other/routes";
  api->create(routes, route("nginx", "www.example.com"));
  clock.advance(seconds(2));
  api->create(other_routes, route("thief", "www.example.com", "other"));
  const auto refused = admitted(other_routes, "thief");
  EXPECT_EQ(refused["status"], "False");
  EXPECT_EQ(refused["reason"], "HostAlreadyClaimed");
  EXPECT_EQ(admitted(routes, "nginx")["status"], "True");
  api->remove(routes, "nginx");
  EXPECT_EQ(admitted(other_routes, "thief")["status"], "True");
}

class Claims : public Controllers {
 protected:
  const std::string claims = "/api/v1/namespaces/demo/persistentvolumeclaims";

  void make(const std::string& name) {
    api->create(claims, {{"apiVersion", "v1"},
                         {"kind", "PersistentVolumeClaim"},
                         {"metadata", {{"name", name}, {"namespace", "demo"}}},
                         {"spec",
                          {{"accessModes", {"ReadWriteOnce"}},
                           {"resources", {{"requests", {{"storage", "2Gi"}}}}}}}});
  }
  static Json size(const char* storage) {
    return {{"spec", {{"resources", {{"requests", {{"storage", storage}}}}}}}};
  }
  std::string refused(int status, const std::string& name, const Json& patch) {
    const Request request{"PATCH",
                          claims + "/" + name,
                          {{"content-type", "application/merge-patch+json"}},
                          patch.dump(),
                          true,
                          "",
                          {}};
    const auto answer = cluster->api().handle(request).response;
    EXPECT_EQ(answer.status, status) << answer.body;
    return answer.body;
  }
};

TEST_F(Claims, AreBoundAtOnceToTheDefaultClassAndGrow) {
  make("data");
  cluster->tick();
  auto claim = *api->get(claims, "data");
  EXPECT_EQ(claim["status"]["phase"], "Bound");
  EXPECT_EQ(claim["spec"]["storageClassName"], "standard");
  api->merge_patch(claims, "data", size("4Gi"));
  cluster->tick();
  EXPECT_EQ((*api->get(claims, "data"))["status"]["capacity"]["storage"], "4Gi");
}

TEST_F(Claims, ChangeInNothingButTheirSizeAndNeverShrink) {
  make("data");
  EXPECT_THAT(refused(422, "data", size("4Gi")),
              HasSubstr("spec is immutable after creation except resources.requests for bound"));
  cluster->tick();
  EXPECT_THAT(refused(422, "data", {{"spec", {{"accessModes", {"ReadWriteMany"}}}}}),
              HasSubstr("spec is immutable after creation except resources.requests for bound"));
  EXPECT_THAT(refused(422, "data", size("1Gi")),
              HasSubstr("spec.resources.requests.storage: Forbidden: field can not be less than "
                        "status.capacity"));
  api->merge_patch("/apis/storage.k8s.io/v1/storageclasses", "standard",
                   {{"allowVolumeExpansion", false}});
  EXPECT_THAT(refused(403, "data", size("4Gi")),
              HasSubstr("is forbidden: only dynamically provisioned pvc can be resized"));
}

TEST_F(Claims, AreKeptWhileAPodOnANodeUsesThem) {
  grant_systemd_scc();
  make("data");
  auto user = right_pod();
  user["spec"]["volumes"] =
      Json::array({{{"name", "data"}, {"persistentVolumeClaim", {{"claimName", "data"}}}}});
  create(user);
  ASSERT_TRUE(until_ready());
  api->remove(claims, "data");
  live(seconds(30));
  ASSERT_TRUE(api->get(claims, "data")) << "the Pod still uses it";
  auto late = user;
  late["metadata"]["name"] = "late";
  create(late);
  cluster->tick();
  EXPECT_THAT(events("late"), HasSubstr("persistentvolumeclaim \"data\" is being deleted"));
  api->remove(pods_path("demo"), "nginx");
  EXPECT_TRUE(until([&] { return !api->get(claims, "data"); }));
}

TEST_F(Claims, ThatNothingUsesGoWhenTheyAreDeleted) {
  make("data");
  cluster->tick();
  api->remove(claims, "data");
  cluster->tick();
  EXPECT_FALSE(api->get(claims, "data"));
}

TEST_F(Controllers, EndpointsAndBudgetsFollowReadyPods) {
  grant_systemd_scc();
  api->create(
      "/api/v1/namespaces/demo/services",
      {{"apiVersion", "v1"},
       {"kind", "Service"},
       {"metadata", {{"name", "nginx"}, {"namespace", "demo"}}},
       {"spec", {{"selector", {{"app", "nginx"}}}, {"ports", Json::array({{{"port", 80}}})}}}});
  const std::string budgets = "/apis/policy/v1/namespaces/demo/poddisruptionbudgets";
  api->create(
      budgets,
      {{"apiVersion", "policy/v1"},
       {"kind", "PodDisruptionBudget"},
       {"metadata", {{"name", "nginx"}, {"namespace", "demo"}}},
       {"spec", {{"minAvailable", 0}, {"selector", {{"matchLabels", {{"app", "nginx"}}}}}}}});
  create(right_pod());
  cluster->tick();
  const std::string endpoints = "/api/v1/namespaces/demo/endpoints";
  EXPECT_FALSE((*api->get(endpoints, "nginx"))["subsets"][0].contains("addresses"));
  EXPECT_EQ((*api->get(budgets, "nginx"))["status"]["disruptionsAllowed"], 0);
  ASSERT_TRUE(until_ready());
  EXPECT_EQ((*api->get(endpoints, "nginx"))["subsets"][0]["addresses"][0]["ip"], status("/podIP"));
  EXPECT_EQ((*api->get(budgets, "nginx"))["status"]["disruptionsAllowed"], 1);
}

TEST_F(Controllers, ABudgetsShareIsOfItsControllersScale) {
  grant_systemd_scc();
  const std::string sets = "/apis/apps/v1/namespaces/demo/statefulsets";
  const std::string budgets = "/apis/policy/v1/namespaces/demo/poddisruptionbudgets";
  const auto set = api->create(
      sets, {{"apiVersion", "apps/v1"},
             {"kind", "StatefulSet"},
             {"metadata", {{"name", "nginx"}, {"namespace", "demo"}}},
             {"spec", {{"replicas", 3}, {"selector", {{"matchLabels", {{"app", "nginx"}}}}}}}});
  api->create(
      budgets,
      {{"apiVersion", "policy/v1"},
       {"kind", "PodDisruptionBudget"},
       {"metadata", {{"name", "nginx"}, {"namespace", "demo"}}},
       {"spec", {{"maxUnavailable", 1}, {"selector", {{"matchLabels", {{"app", "nginx"}}}}}}}});
  const auto told = [&](const char* field) {
    return (*api->get(budgets, "nginx"))["status"].value(field, Json());
  };
  auto owned = right_pod();
  owned["metadata"]["ownerReferences"] = Json::array({{{"apiVersion", "apps/v1"},
                                                       {"kind", "StatefulSet"},
                                                       {"name", "nginx"},
                                                       {"uid", set["metadata"]["uid"]},
                                                       {"controller", true}}});
  create(owned);
  ASSERT_TRUE(until_ready());
  EXPECT_EQ(told("expectedPods"), 3);
  EXPECT_EQ(told("desiredHealthy"), 2);
  EXPECT_EQ(told("disruptionsAllowed"), 0) << "one of three runs";

  api->merge_patch(sets, "nginx", {{"spec", {{"replicas", 1}}}});
  api->merge_patch(pods_path("demo"), "nginx", {{"metadata", {{"labels", {{"tier", "web"}}}}}});
  cluster->tick();
  EXPECT_EQ(told("expectedPods"), 1);
  EXPECT_EQ(told("disruptionsAllowed"), 1);

  owned["metadata"]["name"] = "lone";
  owned["metadata"]["ownerReferences"][0]["kind"] = "ConfigMap";
  owned["metadata"]["finalizers"] = {"example.com/hold"};
  create(owned);
  cluster->tick();
  EXPECT_EQ(told("conditions")[0]["reason"], "SyncFailed");
  EXPECT_EQ(told("conditions")[0]["message"], "found no controllers for pod \"lone\"");
  EXPECT_EQ(told("disruptionsAllowed"), 0);
}

TEST_F(Controllers, AnUnknownProfileIsRefusedWithTheKnownOnes) {
  ClusterOptions options;
  options.profile = "openshift-9.9";
  try {
    const Cluster impossible(std::move(options));
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("\"openshift-9.9\" is not known; choose one of openshift-4.8, "));
  }
}

TEST_F(Controllers, SccsAreTriedByPriorityThenRestrictivenessThenName) {
  auto sccs = default_sccs(*find_profile("openshift-4.20"));
  sort_sccs(sccs);
  std::vector<std::string> names;
  names.reserve(sccs.size());
  for (const auto& scc : sccs) names.push_back(scc["metadata"]["name"]);
  EXPECT_THAT(names, ElementsAre("anyuid", "restricted-v2", "restricted-v3", "restricted",
                                 "nonroot", "privileged"));
}

TEST_F(Controllers, ARequiredSccIsTheOnlyOneTried) {
  auto pod = right_pod();
  pod["metadata"]["annotations"]["openshift.io/required-scc"] = "restricted-v2";
  const auto [code, answer] = as_tester("POST", pods_path("demo"), pod);
  EXPECT_EQ(code, 403);
  EXPECT_THAT(answer["message"].get<std::string>(), HasSubstr("restricted-v2"));
  EXPECT_THAT(answer["message"].get<std::string>(), ::testing::Not(HasSubstr("anyuid")));
}

TEST_F(Controllers, TheKubeletTellsItsCgroupVersionFrom131On) {
  Request request;
  request.trusted = true;
  request.target = "/api/v1/nodes/worker-0/proxy/metrics";
  EXPECT_THAT(cluster->api().handle(request).response.body,
              HasSubstr("\nkubelet_cgroup_version 2\n"));
  start("openshift-4.16");
  EXPECT_THAT(cluster->api().handle(request).response.body,
              ::testing::Not(HasSubstr("kubelet_cgroup_version")));
}

TEST_F(Controllers, AServiceAccountsTokenIsThatAccountAndNoMore) {
  const auto token = service_account_token(cluster->api(), "demo", "default");
  Request request{
      "GET", "/api/v1/namespaces/demo/pods", {{"authorization", "Bearer " + token}}, "", false, "",
      {}};
  const auto answer = cluster->api().handle(request);
  EXPECT_EQ(answer.response.status, 403);
  EXPECT_THAT(answer.response.body, HasSubstr("system:serviceaccount:demo:default"));
}

class EveryProfile : public ClusterScenario, public ::testing::WithParamInterface<std::string> {};

TEST_P(EveryProfile, StartsComesToRestAndSaysWhatItIs) {
  start(GetParam());
  live(std::chrono::minutes(1));
  const auto before = cluster->api().resource_version();
  live(std::chrono::hours(1));
  EXPECT_EQ(cluster->api().resource_version(), before);
  for (const auto& node : api->list("/api/v1/nodes")) {
    EXPECT_EQ(node["status"]["nodeInfo"]["kubeletVersion"], cluster->profile().kubernetes);
    EXPECT_EQ(node["status"].contains("runtimeHandlers"), cluster->profile().minor() >= 31);
  }
  if (!cluster->profile().is_openshift()) return;
  EXPECT_EQ((*api->get("/apis/config.openshift.io/v1/clusterversions",
                       "version"))["status"]["desired"]["version"],
            cluster->profile().openshift);
}

TEST_P(EveryProfile, KeepsHostUsersOnlyWhereTheGenerationHasIt) {
  start(GetParam());
  const auto made = create(right_pod());
  EXPECT_EQ(made["spec"].contains("hostUsers"), cluster->profile().minor() >= 33);
}

TEST_P(EveryProfile, ResizesInPlaceOnlyFrom133On) {
  start(GetParam());
  create(right_pod());
  const Request request{"PATCH",
                        pods_path("demo") + "/nginx/resize",
                        {{"content-type", "application/merge-patch+json"}},
                        "{}",
                        true,
                        "",
                        {}};
  const bool served = cluster->profile().minor() >= 33;
  EXPECT_EQ(cluster->api().handle(request).response.status, served ? 200 : 404);
  const auto listed = api->get("/api", "v1")->dump().find("\"pods/resize\"");
  EXPECT_EQ(listed != std::string::npos, served);
}

INSTANTIATE_TEST_SUITE_P(All, EveryProfile, ::testing::ValuesIn(profile_names()),
                         [](const auto& param) {
                           auto name = param.param;
                           for (auto& c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace devcluster
