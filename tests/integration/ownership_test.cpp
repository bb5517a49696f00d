// Who owns what: names and hosts that two want, objects of others, the last user of a shared
// object, and objects whose owner has gone or has been replaced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "devcluster/faults.hpp"
#include "scenarios.hpp"

namespace swo::test {
namespace {

using std::chrono::minutes;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string routes_path = "/apis/route.openshift.io/v1/namespaces/demo/routes";

bool is_running(Simulation& simulation, const std::string& name) {
  return simulation.until([&] { return simulation.running(name); }, minutes(5));
}

// All that the workload's conditions say.
std::string conditions(Simulation& simulation, const std::string& name) {
  return simulation.workload(name)
      .value("status", Json::object())
      .value("conditions", Json())
      .dump();
}

std::string url(Simulation& simulation, const std::string& name) {
  return simulation.workload(name).value("status", Json::object()).value("url", "");
}

std::string exposed(Simulation& simulation, const std::string& name) {
  const Json workload = simulation.workload(name);
  for (const Json& one : workload["status"]["conditions"]) {
    if (one["type"] == "Exposed") {
      return one.value("status", "") + " " + one.value("reason", "");
    }
  }
  return "";
}

// Nothing is written in `time`, but for a status that tells of it.
void expect_rest(Simulation& simulation, minutes time = minutes(10)) {
  simulation.advance(minutes(1));
  simulation.forget_writes();
  simulation.advance(time);
  EXPECT_THAT(simulation.writes(), IsEmpty());
}

TEST(Ownership, AHostThatAnotherRouteHasIsNotTakenAndComesFreeWithIt) {
  Simulation simulation;
  const Json spec = nginx("v1", 1);
  simulation.apply("first", spec);
  ASSERT_TRUE(is_running(simulation, "first"));
  simulation.admin().create("/api/v1/namespaces", {{"metadata", {{"name", "other"}}}});
  const std::string theirs =
      "/apis/workloads.systemd-operator.dev/v1alpha1/namespaces/other/systemdworkloads";
  simulation.admin().create(theirs, {{"apiVersion", "workloads.systemd-operator.dev/v1alpha1"},
                                     {"kind", "SystemdWorkload"},
                                     {"metadata", {{"name", "second"}}},
                                     {"spec", spec}});
  simulation.apply("third", spec);
  expect_rest(simulation);
  EXPECT_THAT(simulation.admin().get(theirs, "second")->at("status")["conditions"].dump(2),
              AllOf(HasSubstr("HostClaimed"), HasSubstr("nginx.apps.example.com"),
                    HasSubstr("belongs to Route demo/")));
  EXPECT_THAT(conditions(simulation, "third"), HasSubstr("HostAlreadyClaimed"));
  // What answers there is the first.
  EXPECT_EQ(url(simulation, "first"), "http://nginx.apps.example.com");
  EXPECT_EQ(url(simulation, "third"), "");
  EXPECT_EQ(exposed(simulation, "third"), "False RouteNotAdmitted");
  EXPECT_TRUE(simulation.running("first"));
  simulation.remove("first");
  simulation.remove("third");
  EXPECT_TRUE(simulation.until(
      [&] { return simulation.admin().get(theirs, "second")->at("status")["phase"] == "Running"; },
      minutes(10)));
}

const Json their_service = {{"metadata", {{"name", "nginx"}}},
                            {"spec", {{"ports", {{{"name", "http"}, {"port", 80}}}}}}};

TEST(Ownership, ANewRouteIsNotMadeToLeadToAServiceOfSomeoneElse) {
  for (const char* profile : {"openshift-4.20", "kubernetes-1.33"}) {
    SCOPED_TRACE(profile);
    Simulation simulation({.profile = profile});
    simulation.admin().create(core_path + "services", their_service);
    simulation.apply("nginx", nginx("v1", 1));
    expect_rest(simulation);
    EXPECT_EQ(simulation.writes_to("PATCH routes/demo/nginx"), 0);
    EXPECT_THAT(simulation.admin().list(std::string(profile) == "kubernetes-1.33"
                                            ? "/apis/networking.k8s.io/v1/namespaces/demo/ingresses"
                                            : routes_path),
                IsEmpty());
    EXPECT_EQ(exposed(simulation, "nginx"), "False NameTaken");
    EXPECT_EQ(url(simulation, "nginx"), "");
    simulation.admin().remove(core_path + "services", "nginx");
    EXPECT_TRUE(is_running(simulation, "nginx")) << Simulation::log();
    EXPECT_EQ(url(simulation, "nginx"), "http://nginx.apps.example.com");
  }
}

TEST(Ownership, ARouteThatHasComeToLeadToAServiceOfSomeoneElseIsNoLongerShownAsTheUrl) {
  Simulation simulation;
  simulation.apply("nginx", nginx("v1", 1));
  ASSERT_TRUE(is_running(simulation, "nginx"));
  simulation.stop_operator();
  simulation.admin().remove(core_path + "services", "nginx");
  simulation.admin().create(core_path + "services", their_service);
  simulation.start_operator();
  expect_rest(simulation);
  EXPECT_EQ(exposed(simulation, "nginx"), "False NameTaken");
  EXPECT_EQ(url(simulation, "nginx"), "");
}

TEST(Ownership, TwoWorkloadsThatWantOneNameDoNotFlap) {
  Simulation simulation;
  // The headless Service of one has the name of the other's Service.
  simulation.apply("nginx", nginx("v1", 1));
  ASSERT_TRUE(is_running(simulation, "nginx"));
  simulation.apply("nginx-instances", {{"image", "v1"}, {"ports", {{{"name", "a"}, {"port", 1}}}}});
  expect_rest(simulation);
  EXPECT_THAT(conditions(simulation, "nginx-instances"),
              AllOf(HasSubstr("NameTaken"), HasSubstr(R"(SystemdWorkload \"nginx\")")));
  EXPECT_TRUE(simulation.running("nginx"));
  simulation.remove("nginx");
  EXPECT_TRUE(simulation.until([&] {
    return conditions(simulation, "nginx-instances").find("NameTaken") == std::string::npos &&
           simulation.running("nginx-instances");
  }));
}

struct Foreign {
  const char* name;
  std::string collection;
  Json object;
};

const Foreign foreign_objects[] = {
    {"Service",
     core_path + "services",
     {{"metadata", {{"name", "nginx"}}}, {"spec", {{"ports", {{{"port", 1}}}}}}}},
    {"ServiceAccount", core_path + "serviceaccounts", {{"metadata", {{"name", "nginx-systemd"}}}}},
    {"Role",
     rbac_path + "roles",
     {{"metadata", {{"name", "nginx-systemd"}}}, {"rules", Json::array()}}},
    {"PodDisruptionBudget",
     "/apis/policy/v1/namespaces/demo/poddisruptionbudgets",
     {{"metadata", {{"name", "nginx"}}}, {"spec", {{"maxUnavailable", 3}}}}},
    {"Route",
     "/apis/route.openshift.io/v1/namespaces/demo/routes",
     {{"metadata", {{"name", "nginx"}}},
      {"spec", {{"to", {{"kind", "Service"}, {"name", "other"}}}}}}},
    {"Pod",
     core_path + "pods",
     {{"metadata", {{"name", "nginx-0"}}},
      {"spec", {{"containers", {{{"name", "c"}, {"image", "busybox"}}}}}}}},
};

class ForeignObject : public testing::TestWithParam<Foreign> {};

TEST_P(ForeignObject, OfOurNameIsLeftAloneAndNamedUntilItGoes) {
  Simulation simulation;
  const Foreign& foreign = GetParam();
  const Json theirs = simulation.admin().create(foreign.collection, foreign.object);
  simulation.apply("nginx", nginx("v1", 1));
  expect_rest(simulation, minutes(3));
  const std::string name = foreign.object["metadata"]["name"];
  const auto still = simulation.admin().get(foreign.collection, name);
  ASSERT_TRUE(still);
  EXPECT_EQ((*still)["metadata"]["uid"], theirs["metadata"]["uid"]);
  EXPECT_FALSE((*still)["metadata"].contains("ownerReferences"));
  EXPECT_THAT(conditions(simulation, "nginx"), AllOf(HasSubstr("NameTaken"), HasSubstr(name)));
  simulation.admin().remove(foreign.collection, name, 0);
  ASSERT_TRUE(simulation.until(
      [&] {
        return settled_at(simulation, 1, "v1") &&
               conditions(simulation, "nginx").find("NameTaken") == std::string::npos;
      },
      minutes(10)))
      << simulation.workload("nginx").dump(2) << Simulation::log();
}

INSTANTIATE_TEST_SUITE_P(Each, ForeignObject, testing::ValuesIn(foreign_objects),
                         [](const auto& foreign) { return foreign.param.name; });

Json with_claim(const std::string& name) {
  return {{"image", "v1"},
          {"storage", {{"claims", {{{"name", name}, {"mountPath", "/data"}, {"size", "1Gi"}}}}}}};
}

// Both names make data-a-b-0.
TEST(Ownership, NoInstanceIsMadeOnAClaimThatAnotherWorkloadHas) {
  Simulation simulation;
  simulation.apply("a-b", with_claim("data"));
  ASSERT_TRUE(is_running(simulation, "a-b"));
  simulation.apply("b", with_claim("data-a"));
  simulation.advance(minutes(10));
  EXPECT_THAT(conditions(simulation, "b"), HasSubstr("NameTaken"));
  EXPECT_FALSE(simulation.admin().get(Simulation::pods_path(), "b-0"));
}

TEST(Ownership, WhatNoInstanceNeedsMayBeRefusedWithoutKeepingOneFromStarting) {
  Simulation simulation;
  simulation.cluster().api().add_admission(
      [](const devcluster::AdmissionRequest& request, Json&) -> std::optional<std::string> {
        if (request.resource == "routes" || request.resource == "poddisruptionbudgets") {
          return "not here";
        }
        return std::nullopt;
      });
  simulation.apply("nginx", nginx("v1", 1));
  EXPECT_TRUE(simulation.until([&] {
    return simulation.workload("nginx").value("status", Json::object()).value("ready", "") == "1/1";
  })) << conditions(simulation, "nginx");
}

// Routes are served by an aggregated API server, which may be down while the rest is well.
TEST(Ownership, AnApiGroupThatFailsKeepsNoInstanceFromStartingAndIsNamed) {
  Simulation simulation;
  bool down = true;
  simulation.instead = [&](const kube::HttpRequest& request) -> std::optional<kube::HttpResponse> {
    if (down && is_write(request) && request.target.find("/routes/") != std::string::npos) {
      return refusal(503, "ServiceUnavailable", "route.openshift.io does not answer");
    }
    return std::nullopt;
  };
  simulation.apply("nginx", nginx("v1", 1));
  EXPECT_TRUE(simulation.until([&] {
    return exposed(simulation, "nginx") == "False RouteRefused";
  })) << conditions(simulation, "nginx");
  EXPECT_THAT(conditions(simulation, "nginx"), HasSubstr("route.openshift.io does not answer"));
  EXPECT_TRUE(simulation.until([&] {
    return simulation.workload("nginx")["status"]["ready"] == "1/1";
  })) << conditions(simulation, "nginx");
  down = false;
  EXPECT_TRUE(simulation.until([&] { return simulation.running("nginx"); }));
}

TEST(Ownership, ASharedSccStaysUntilItsLastUserIsGone) {
  Simulation simulation;
  simulation.apply("one", {{"image", "v1"}});
  simulation.apply("two", {{"image", "v1"}});
  ASSERT_TRUE(is_running(simulation, "one") && is_running(simulation, "two"));
  simulation.remove("one");
  simulation.advance(minutes(5));
  EXPECT_TRUE(simulation.admin().get(sccs_path, "systemd-workload"));
  // Without an operator to see it; the next one does.
  simulation.stop_operator();
  simulation.remove("two");
  simulation.advance(minutes(1));
  EXPECT_TRUE(simulation.admin().get(sccs_path, "systemd-workload"));
  simulation.start_operator();
  simulation.advance(minutes(1));
  EXPECT_FALSE(simulation.admin().get(sccs_path, "systemd-workload"));
}

// As `kubectl delete --cascade=orphan` leaves them, and as a backup restores them.
TEST(Ownership, OrphansLiveOnAndAreTakenBackByAWorkloadOfTheSameName) {
  Simulation simulation;
  simulation.apply("nginx", nginx("v1", 2));
  ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 2, "v1"); }));
  const auto instance = [&] { return *simulation.admin().get(Simulation::pods_path(), "nginx-0"); };
  const Json before = instance();
  devcluster::Request orphan;
  orphan.trusted = true;
  orphan.method = "DELETE";
  orphan.target = Simulation::workloads_path() + "/nginx";
  orphan.body = R"({"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Orphan"})";
  ASSERT_LT(simulation.cluster().api().handle(orphan).response.status, 300);
  simulation.advance(minutes(5));
  EXPECT_EQ(simulation.workload("nginx"), Json::object());
  EXPECT_EQ(instance()["metadata"]["uid"], before["metadata"]["uid"]);
  simulation.apply("nginx", nginx("v1", 2));
  ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 2, "v1"); }))
      << simulation.workload("nginx").dump(2) << Simulation::log();
  EXPECT_EQ(instance()["metadata"]["uid"], before["metadata"]["uid"]) << "it has run on";
  const Json uid = simulation.workload("nginx")["metadata"]["uid"];
  for (const std::string& collection :
       {core_path + "pods", core_path + "services", core_path + "serviceaccounts", routes_path,
        std::string("/apis/apps/v1/namespaces/demo/controllerrevisions")}) {
    for (Json child : simulation.admin().list(collection)) {
      Json& metadata = child["metadata"];
      if (metadata["labels"]["app.kubernetes.io/managed-by"] == "systemd-workload-operator") {
        EXPECT_EQ(metadata["ownerReferences"][0]["uid"], uid) << child.dump(2);
      }
    }
  }
  expect_rest(simulation);
}

TEST(Identity, AWorkloadOfTheSameNameGetsInstancesOfItsOwnThoughTheOldEventsComeLate) {
  for (const bool background : {false, true}) {
    Simulation simulation;
    simulation.apply("nginx", nginx("v1", 2));
    ASSERT_TRUE(is_running(simulation, "nginx"));
    simulation.transport().frozen = true;
    simulation.remove("nginx");
    if (background) {
      simulation.advance(minutes(1));  // the old children are collected before the new one comes
    }
    simulation.apply("nginx", nginx("v2", 2));
    simulation.advance(std::chrono::seconds(20));
    simulation.forget_writes();
    simulation.transport().frozen = false;
    ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 2, "v2"); }))
        << simulation.workload("nginx").dump(2) << Simulation::log();
    const Json uid = simulation.workload("nginx")["metadata"]["uid"];
    for (const char* collection : {"pods", "services"}) {
      for (const Json& child : simulation.admin().list(core_path + collection)) {
        EXPECT_EQ(child["metadata"]["ownerReferences"][0]["uid"], uid) << child.dump(2);
      }
    }
    EXPECT_EQ(simulation.writes_to("POST pods/demo"), 2);
    EXPECT_TRUE(simulation.admin().get(sccs_path, "systemd-workload"));
  }
}

TEST(Identity, NothingIsMadeAgainForAWorkloadWhoseDeletionTheWatchHasNotTold) {
  Simulation simulation;
  simulation.longest_step = std::chrono::seconds(5);
  simulation.apply("nginx", nginx("v1", 1));
  ASSERT_TRUE(is_running(simulation, "nginx"));
  simulation.forget_writes();
  // Only the workloads are not heard of: their garbage is collected under the operator's eyes.
  simulation.cluster().api().faults().add("watch:systemdworkloads@1+*=error:403");
  simulation.transport().breaks = [] { return true; };
  simulation.settle();
  simulation.transport().breaks = nullptr;
  simulation.remove("nginx");
  simulation.advance(minutes(10));
  EXPECT_THAT(simulation.writes(), IsEmpty());
  EXPECT_THAT(simulation.admin().list(Simulation::pods_path()), IsEmpty());
}

TEST(Identity, APodThatWasReplacedMeanwhileIsNotDeletedForTheOldOne) {
  Simulation simulation;
  simulation.apply("nginx", nginx("v1", 1));
  ASSERT_TRUE(is_running(simulation, "nginx"));
  Json theirs;
  simulation.fate = [&](const kube::HttpRequest& request) {
    if (request.method == "DELETE" && request.target.find("/pods/") != std::string::npos &&
        theirs.is_null()) {
      EXPECT_THAT(request.body, HasSubstr("preconditions"));
      simulation.admin().remove(Simulation::pods_path(), "nginx-0", 0);
      theirs = simulation.admin().create(
          Simulation::pods_path(),
          {{"metadata", {{"name", "nginx-0"}}},
           {"spec", {{"containers", {{{"name", "c"}, {"image", "busybox"}}}}}}});
    }
    return Fate::kAnswer;
  };
  simulation.apply("nginx", nginx("v2", 1));
  simulation.advance(minutes(5));
  ASSERT_FALSE(theirs.is_null());
  const auto live = simulation.admin().get(Simulation::pods_path(), "nginx-0");
  ASSERT_TRUE(live);
  EXPECT_EQ((*live)["metadata"]["uid"], theirs["metadata"]["uid"]);
  EXPECT_FALSE((*live)["metadata"].contains("deletionTimestamp"));
  EXPECT_THAT(conditions(simulation, "nginx"), HasSubstr("NameTaken"));
}

// Someone else's Service has the name by the time that ours is to be mended.
TEST(Identity, AChildThatWasReplacedMeanwhileIsLeftToWhoeverMadeTheOther) {
  for (const bool controlled : {false, true}) {
    SCOPED_TRACE(controlled ? "controlled by another" : "controlled by none");
    Simulation simulation;
    simulation.apply("nginx", nginx("v1", 1));
    ASSERT_TRUE(is_running(simulation, "nginx"));
    Json theirs;
    simulation.fate = [&](const kube::HttpRequest& request) {
      if (request.method == "PATCH" && theirs.is_null() &&
          request.target.find("/services/nginx?") != std::string::npos) {
        simulation.admin().remove(core_path + "services", "nginx", 0);
        Json metadata = {{"name", "nginx"}};
        if (controlled) {
          const Json owner = simulation.admin().create(core_path + "configmaps",
                                                       {{"metadata", {{"name", "web"}}}});
          metadata["ownerReferences"] = {{{"apiVersion", "v1"},
                                          {"kind", "ConfigMap"},
                                          {"name", "web"},
                                          {"uid", owner["metadata"]["uid"]},
                                          {"controller", true}}};
        }
        theirs = simulation.admin().create(
            core_path + "services",
            {{"metadata", metadata},
             {"spec", {{"selector", {{"app", "web"}}}, {"ports", {{{"port", 8080}}}}}}});
      }
      return Fate::kAnswer;
    };
    simulation.cluster().api().faults().add("watch:services@1+*=error:403");
    Json spec = nginx("v1", 1);
    spec["ports"] = {{{"name", "http"}, {"port", 81}}};
    simulation.apply("nginx", spec);
    simulation.settle();
    ASSERT_FALSE(theirs.is_null());
    const auto live = simulation.admin().get(core_path + "services", "nginx");
    ASSERT_TRUE(live);
    EXPECT_EQ((*live)["spec"], theirs["spec"]);
    EXPECT_EQ((*live)["metadata"].value("ownerReferences", Json()),
              theirs["metadata"].value("ownerReferences", Json()));
    simulation.advance(minutes(10));
    EXPECT_EQ((*simulation.admin().get(core_path + "services", "nginx"))["spec"], theirs["spec"]);
    EXPECT_THAT(conditions(simulation, "nginx"), HasSubstr("NameTaken"));
  }
}

// Another replica has led until now, and made what this one's watch of workloads is silent about.
TEST(Identity, NothingIsDeletedForASpecThatHasChangedUnheard) {
  Simulation simulation;
  Json spec = nginx("v1", 1);
  spec["storage"] = {{"claims", {{{"name", "data"}, {"mountPath", "/data"}, {"size", "1Gi"}}}},
                     {"retention", {{"whenScaled", "Delete"}}}};
  simulation.apply("nginx", spec);
  ASSERT_TRUE(is_running(simulation, "nginx"));
  simulation.cluster().api().faults().add("watch:systemdworkloads@1+*=error:403");
  simulation.transport().breaks = [] { return true; };
  simulation.settle();
  simulation.transport().breaks = nullptr;
  simulation.apply("nginx", {{"replicas", 2}});
  const auto copy = [&](const std::string& collection, std::string name) {
    Json object = *simulation.admin().get(collection, name);
    name.back() = '1';
    const Json metadata = object["metadata"];
    object["metadata"] = {{"name", name},
                          {"labels", metadata["labels"]},
                          {"ownerReferences", metadata.value("ownerReferences", Json::array())},
                          {"annotations", metadata.value("annotations", Json::object())}};
    object["metadata"]["labels"]["workloads.systemd-operator.dev/ordinal"] = "1";
    object.erase("status");
    simulation.admin().create(collection, object);
  };
  copy(core_path + "persistentvolumeclaims", "data-nginx-0");
  copy(core_path + "pods", "nginx-0");
  simulation.advance(minutes(5));
  EXPECT_TRUE(simulation.admin().get(core_path + "pods", "nginx-1"));
  EXPECT_TRUE(simulation.admin().get(core_path + "persistentvolumeclaims", "data-nginx-1"));
}

}  // namespace
}  // namespace swo::test
