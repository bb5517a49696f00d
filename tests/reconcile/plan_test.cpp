// Scenarios of plan(): what is done, and what is said, in each situation.
#include "reconcile/plan.hpp"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_fixture.hpp"

namespace swo::reconcile {
namespace {

using test::condition;
using test::Scene;
using test::what;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Plan, ANewWorkloadGetsItsChildrenInOrderAndThePodLast) {
  EXPECT_THAT(what(Scene().plan()),
              ElementsAre("apply ServiceAccount demo/nginx-systemd",
                          "apply Role demo/nginx-systemd", "apply RoleBinding demo/nginx-systemd",
                          "apply Service demo/nginx-instances", "apply Service demo/nginx",
                          "apply Route demo/nginx", "apply PodDisruptionBudget demo/nginx",
                          "create ControllerRevision demo/nginx-" + Scene().revision(),
                          "create Pod demo/nginx-0"));
}

TEST(Plan, WhereUnhealthyPodsCannotBeEvictedASingleInstanceGetsNoBudgetThatHoldsUpItsNode) {
  Scene scene;
  scene.strategy.evict_unhealthy = false;
  EXPECT_THAT(what(scene.plan()), Not(Contains("apply PodDisruptionBudget demo/nginx")));
  scene.workload.spec.replicas = 2;
  EXPECT_THAT(what(scene.plan()), Contains("apply PodDisruptionBudget demo/nginx"));
}

TEST(Plan, AWorkloadThatIsAsWantedCausesNoAction) {
  Scene scene;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  const Plan plan = scene.plan();
  EXPECT_THAT(plan.actions, IsEmpty());
  EXPECT_EQ(plan.status.phase, "Running");
  EXPECT_EQ(plan.status.ready, "1/1");
  EXPECT_EQ(plan.status.systemd, "running");
  EXPECT_EQ(plan.status.url, "http://nginx.apps.example.com");
  EXPECT_EQ(condition(plan, "Ready").status, "True");
  EXPECT_EQ(condition(plan, "Exposed").status, "True");
  EXPECT_EQ(condition(plan, "Admitted").status, "True");
  EXPECT_EQ(condition(plan, "Progressing").status, "False");
  EXPECT_EQ(condition(plan, "Degraded").status, "False");
  EXPECT_EQ(plan.requeue_after, std::nullopt);
}

TEST(Plan, PlanningAgainOnItsOwnStatusChangesNothing) {
  Scene scene;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  const Plan first = scene.plan();
  scene.workload.status = first.status;
  const Plan second = scene.plan();
  EXPECT_EQ(second.status, first.status);
  EXPECT_THAT(second.notices, IsEmpty());
}

TEST(Plan, WhatIsKnownToBeInLineIsLookedAtAgainOnceAnythingOfItDiffers) {
  Scene scene;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  const auto in_line = scene.plan().in_line;
  ASSERT_TRUE(in_line);
  scene.memory.in_line = in_line;
  EXPECT_EQ(scene.plan().in_line, in_line);
  EXPECT_THAT(what(scene.plan()), IsEmpty());

  Scene edited = scene;
  auto service = std::make_shared<ChildFacts>(*edited.observed.children.at({"services", "nginx"}));
  service->digest += 1;
  edited.observed.children[{"services", "nginx"}] = service;
  EXPECT_THAT(what(edited.plan()), ElementsAre("apply Service demo/nginx"));

  Scene lost = scene;
  lost.observed.children.erase({"services", "nginx"});
  EXPECT_THAT(what(lost.plan()), ElementsAre("apply Service demo/nginx"));

  Scene without_route = scene;
  without_route.observed.route.reset();
  EXPECT_THAT(what(without_route.plan()), ElementsAre("apply Route demo/nginx"));

  Scene changed = scene;
  changed.workload.generation = 2;
  changed.workload.spec.ports[0].port = 81;
  EXPECT_THAT(what(changed.plan()), Contains("apply Service demo/nginx"));
}

TEST(Plan, AChildThatWasEditedIsAppliedAgain) {
  Scene scene;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  const ChildKey key{"services", "nginx"};
  auto edited = *scene.observed.children[key];
  edited.digest = 1;
  scene.observed.children[key] = std::make_shared<const ChildFacts>(edited);
  EXPECT_THAT(what(scene.plan()), ElementsAre("apply Service demo/nginx"));
}

TEST(Plan, AChildThatSomethingKeepsRewritingIsNotFoughtOver) {
  Scene scene;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  const ChildKey key{"services", "nginx"};
  auto rewritten = *scene.observed.children[key];
  const Digest wanted = rewritten.digest;
  rewritten.digest = 1;
  scene.observed.children[key] = std::make_shared<const ChildFacts>(rewritten);
  scene.memory.settled[key] = {1, wanted};
  EXPECT_THAT(scene.plan().actions, IsEmpty());
}

TEST(Plan, AnObjectOfOurNameThatSomeoneElseControlsIsLeftAloneAndTold) {
  Scene scene;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  const ChildKey key{"services", "nginx"};
  scene.observed.children.erase(key);
  scene.memory.foreign[key] = {&types::kService, "an object made by kubectl"};
  const Plan plan = scene.plan();
  EXPECT_THAT(what(plan), Not(Contains("apply Service demo/nginx")));
  EXPECT_EQ(plan.status.phase, "NameTaken");
  EXPECT_THAT(condition(plan, "Ready").message, HasSubstr("kubectl"));
}

TEST(Plan, ACertificateThatTheApiServerHasDroppedIsNotSaidToBeServed) {
  Scene scene;
  scene.workload.spec.route->tls = api::RouteTls{"edge", "", "nginx-tls", ""};
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  const Plan dropped = scene.plan();
  EXPECT_EQ(dropped.status.phase, "CertificateNotUsed");
  EXPECT_THAT(condition(dropped, "Exposed").message, HasSubstr("RouteExternalCertificate"));
  RouteFacts route = *scene.observed.route;
  route.own_certificate = true;
  scene.observed.route = std::make_shared<const RouteFacts>(route);
  EXPECT_EQ(scene.plan().status.phase, "Running");
}

TEST(Plan, TheSystemdColumnTellsTheWorstInSystemdsOwnWords) {
  Scene scene;
  scene.workload.spec.replicas = 2;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  scene.add(scene.pod(1, false));
  scene.observed.evidence["nginx-1"].systemd.state = "maintenance";
  EXPECT_EQ(scene.plan().status.systemd, "maintenance");
}

TEST(Plan, WithoutARouteInTheSpecTheRouteGoes) {
  Scene scene;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  scene.workload.spec.route.reset();
  scene.observed.former_routes = {{&types::kRoute, std::move(scene.observed.route)}};
  const Plan plan = scene.plan();
  EXPECT_THAT(what(plan), ElementsAre("delete Route demo/nginx"));
  EXPECT_EQ(plan.status.url, "");
}

struct OffOpenshift : test::Scene {
  OffOpenshift() {
    strategy.host_route = false;
    workload.spec.route->host.clear();
  }
  std::shared_ptr<const RouteFacts> exposed() const {
    RouteFacts route;
    route.key = {"demo", "nginx"};
    route.uid = "uid-route";
    route.owner_uid = workload.uid;
    return std::make_shared<const RouteFacts>(route);
  }
};

TEST(Plan, AnHttpRouteGoesAsWhatItIsWhenTheSpecAsksForNoRouteAnyMore) {
  OffOpenshift scene;
  scene.workload.spec.route.reset();
  scene.children_in_line();
  scene.observed.former_routes = {{&types::kHttpRoute, scene.exposed()}};
  EXPECT_THAT(what(scene.plan()), Contains("delete HTTPRoute demo/nginx"));
}

TEST(Plan, AnIngressInClearGoesWhenTlsIsAskedForThatItCannotHave) {
  OffOpenshift scene;
  scene.strategy.exposure_blocker = {.reason = "TerminationUnsupported", .message = "why"};
  scene.observed.former_routes = {{&types::kIngress, scene.exposed()}};
  const Plan plan = scene.plan();
  EXPECT_THAT(what(plan), Contains("delete Ingress demo/nginx"));
  EXPECT_THAT(what(plan), Not(Contains(HasSubstr("apply Ingress"))));
  EXPECT_EQ(condition(plan, "Exposed").reason, "TerminationUnsupported");
  EXPECT_EQ(plan.status.url, "");
}

TEST(Plan, AnIngressGivesWayToAnHttpRouteAndBack) {
  OffOpenshift scene;
  scene.workload.spec.route->parent_ref = Json{{"name", "gateway"}};
  scene.observed.former_routes = {{&types::kIngress, scene.exposed()}};
  std::vector<std::string> lines = what(scene.plan());
  EXPECT_THAT(lines, Contains("apply HTTPRoute demo/nginx"));
  EXPECT_THAT(lines, Contains("delete Ingress demo/nginx"));

  scene.workload.spec.route->parent_ref.reset();
  scene.observed.former_routes = {{&types::kHttpRoute, scene.exposed()}};
  lines = what(scene.plan());
  EXPECT_THAT(lines, Contains("apply Ingress demo/nginx"));
  EXPECT_THAT(lines, Contains("delete HTTPRoute demo/nginx"));
}

struct Stored : test::Scene {
  Stored() {
    api::Claim claim;
    claim.name = "data";
    claim.mount_path = "/data";
    claim.size = "10Gi";
    workload.spec.storage.claims = {claim};
    children_in_line();
    add(pod(0, true));
  }
  void replace(const std::function<void(ClaimFacts&)>& change) {
    auto claim = *observed.claims.at(0);
    change(claim);
    observed.claims = {std::make_shared<const ClaimFacts>(claim)};
  }
};

TEST(Plan, AClaimThatHasGrownElsewhereIsNotAskedToShrink) {
  Stored scene;
  scene.replace([](ClaimFacts& claim) {
    claim.requested = "20Gi";
    claim.digest = 7;  // its size is another's now
  });
  const Plan plan = scene.plan();
  ASSERT_THAT(what(plan), ElementsAre("apply PersistentVolumeClaim demo/data-nginx-0"));
  EXPECT_EQ(std::get<ApplyAction>(plan.actions[0].what)
                .document["spec"]["resources"]["requests"]["storage"],
            "20Gi");
}

TEST(Plan, AnInstanceIsMadeOnAClaimWhoseChangeIsRefused) {
  Stored scene;
  scene.observed.pods.clear();
  scene.memory.failures[{"persistentvolumeclaims", "data-nginx-0"}] = {};
  EXPECT_THAT(what(scene.plan()), Contains("create Pod demo/nginx-0"));
}

TEST(Plan, ACopyThatSomebodyMadeOfAClaimIsNotDeletedWithIt) {
  Stored scene;
  scene.workload.spec.storage.when_scaled = "Delete";
  scene.replace([](ClaimFacts& claim) { claim.ordinal = 2; });
  EXPECT_THAT(what(scene.plan()), Contains("delete PersistentVolumeClaim demo/data-nginx-0"));
  scene.replace([](ClaimFacts& claim) { claim.digest = kNothingOwned; });
  EXPECT_THAT(what(scene.plan()), Not(Contains("delete PersistentVolumeClaim demo/data-nginx-0")));
}

TEST(Plan, AnUpdateThatBootsIsNoStalledOne) {
  Scene scene;
  scene.workload.spec.replicas = 2;
  scene.children_in_line();
  PodFacts old = scene.pod(0, true);
  old.revision = "older";
  scene.add(old);
  PodFacts booting = scene.pod(1, false);
  booting.created = test::kNow;
  scene.add(booting);
  const Plan plan = scene.plan();
  EXPECT_THAT(what(plan), IsEmpty()) << "one after the other";
  EXPECT_THAT(plan.status.phase, StartsWith("Updating"));
  EXPECT_EQ(condition(plan, "Degraded").status, "False");
}

TEST(Plan, TheFirstInstanceOfAnUpdateGoesOnlyForAPodThatIsTaken) {
  Scene scene;
  scene.workload.spec.replicas = 2;
  scene.children_in_line();
  for (const int ordinal : {0, 1}) {
    PodFacts old = scene.pod(ordinal, true);
    old.revision = "older";
    scene.add(old);
  }
  const Plan first = scene.plan();
  ASSERT_THAT(what(first), ElementsAre("delete Pod demo/nginx-1"));
  const Json& successor = std::get<DeleteAction>(first.actions[0].what).successor;
  EXPECT_EQ(successor, render::pod(scene.workload, scene.strategy, 1));

  scene.observed.pods.pop_back();
  scene.add(scene.pod(1, true));
  const Plan next = scene.plan();
  ASSERT_THAT(what(next), ElementsAre("delete Pod demo/nginx-0"));
  EXPECT_TRUE(std::get<DeleteAction>(next.actions[0].what).successor.is_null());
}

TEST(Plan, WhereTheClusterHasNoDisruptionBudgetsThereIsNone) {
  test::Scene scene;
  scene.workload.spec.replicas = 3;
  EXPECT_THAT(what(scene.plan()), Contains("apply PodDisruptionBudget demo/nginx"));
  scene.strategy.disruption_budgets = false;
  EXPECT_THAT(what(scene.plan()), Not(Contains("apply PodDisruptionBudget demo/nginx")));
}

TEST(Plan, AHostOfAnotherNamespaceIsNotClaimed) {
  Scene scene;
  scene.observed.host_holder = "prod/shop";
  const Plan plan = scene.plan();
  EXPECT_THAT(what(plan), Not(Contains(HasSubstr("Route"))));
  EXPECT_EQ(plan.status.phase, "HostClaimed");
  EXPECT_THAT(condition(plan, "Exposed").message, HasSubstr("prod/shop"));
  EXPECT_EQ(plan.status.url, "");
}

TEST(Plan, ARouteWaitsWhileNobodyCouldBeAskedWhoseTheHostIs) {
  Scene scene;
  scene.observed.host_holder = std::nullopt;
  EXPECT_THAT(what(scene.plan()), Not(Contains(HasSubstr("apply Route "))));
}

TEST(Plan, PodsWaitForThePlatformAndTheStatusSaysHowFarItIs) {
  Scene scene;
  scene.strategy.blockers = {{"WaitingForNodes", "2/5 updated", "the pool is rolling", true, true}};
  const Plan plan = scene.plan();
  EXPECT_THAT(what(plan), Not(Contains("create Pod demo/nginx-0")));
  EXPECT_EQ(plan.status.phase, "WaitingForNodes 2/5 updated");
  EXPECT_EQ(condition(plan, "PlatformReady").status, "False");
  EXPECT_EQ(condition(plan, "PlatformReady").reason, "WaitingForNodes");
}

TEST(Plan, RunningInstancesGoOnWhileTheNodesRoll) {
  Scene scene;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  scene.strategy.blockers = {{"WaitingForNodes", "2/5 updated", "the pool is rolling", true, true}};
  const Plan plan = scene.plan();
  EXPECT_THAT(plan.actions, IsEmpty());
  EXPECT_EQ(plan.status.phase, "Running");
}

TEST(Plan, PodsWaitForTheSccThatAdmitsThem) {
  Scene scene;
  scene.observed.scc_exists = false;
  const Plan plan = scene.plan();
  EXPECT_THAT(what(plan), Not(Contains("create Pod demo/nginx-0")));
  EXPECT_EQ(plan.status.phase, "WaitingForScc");
}

TEST(Plan, AnSccOfOnesOwnThatIsNotThereIsNamedWithTheRemedy) {
  Scene scene;
  scene.observed.scc_exists = false;
  scene.workload.spec.platform.security_context_constraints = "mine";
  const Plan plan = scene.plan();
  EXPECT_EQ(plan.status.phase, "SccNotFound");
  EXPECT_THAT(condition(plan, "Admitted").message, HasSubstr("\"mine\""));
}

TEST(Plan, ARefusedWriteIsTold) {
  Scene scene;
  scene.children_in_line();
  kube::Error error;
  error.kind = kube::ErrorKind::kForbidden;
  error.message = "exceeded quota: pods";
  scene.memory.failures[{"poddisruptionbudgets", "nginx"}] = error;
  const Plan plan = scene.plan();
  EXPECT_EQ(condition(plan, "Degraded").status, "True");
  EXPECT_THAT(condition(plan, "Degraded").message, HasSubstr("exceeded quota"));
}

// Without a route, by the Service's load balancer.
Scene behind_a_load_balancer(const std::vector<std::string>& addresses) {
  Scene scene;
  scene.workload.spec.route.reset();
  scene.workload.spec.service.type = "LoadBalancer";
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  ServiceFacts service;
  static_cast<ChildFacts&>(service) = *scene.observed.children.at({"services", "nginx"});
  service.addresses = addresses;
  scene.observed.service = std::make_shared<const ServiceFacts>(service);
  return scene;
}

TEST(Plan, ALoadBalancerWithoutAnAddressIsWaitedFor) {
  const Plan plan = behind_a_load_balancer({}).plan();
  EXPECT_EQ(plan.status.phase, "WaitingForLoadBalancer");
  EXPECT_EQ(condition(plan, "Ready").status, "False");
  EXPECT_EQ(condition(plan, "Exposed").status, "False");
  EXPECT_EQ(condition(plan, "Exposed").reason, "WaitingForLoadBalancer");
  EXPECT_THAT(plan.status.addresses, IsEmpty());
  EXPECT_EQ(plan.status.url, "");
}

TEST(Plan, AnAddressOfTheLoadBalancerIsToldWithItsUrl) {
  const Plan plan = behind_a_load_balancer({"203.0.113.7", "lb.example.com"}).plan();
  EXPECT_EQ(plan.status.phase, "Running");
  EXPECT_EQ(condition(plan, "Ready").status, "True");
  EXPECT_EQ(condition(plan, "Exposed").reason, "AddressAssigned");
  EXPECT_THAT(plan.status.addresses, ElementsAre("203.0.113.7", "lb.example.com"));
  EXPECT_EQ(plan.status.url, "http://203.0.113.7");
}

TEST(Plan, WithARouteAnAddressIsOnlyTold) {
  Scene scene = behind_a_load_balancer({});
  scene.workload.spec.route = api::RouteSpec{};
  scene.workload.spec.route->host = "nginx.apps.example.com";
  scene.children_in_line();
  EXPECT_EQ(scene.plan().status.phase, "Running") << "the route serves without it";
  EXPECT_EQ(scene.plan().status.url, "http://nginx.apps.example.com");
}

TEST(Plan, APausedWorkloadIsOnlyWatched) {
  Scene scene;
  scene.workload.spec.paused = true;
  const Plan plan = scene.plan();
  EXPECT_THAT(plan.actions, IsEmpty());
  EXPECT_EQ(plan.status.phase, "Paused");
}

TEST(Plan, APausedWorkloadIsReadyWhileItIsAsAsked) {
  Scene scene;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  ASSERT_EQ(scene.plan().status.phase, "Running");
  scene.workload.spec.paused = true;
  const Plan plan = scene.plan();
  EXPECT_THAT(plan.actions, IsEmpty());
  EXPECT_EQ(plan.status.phase, "Paused");
  EXPECT_EQ(condition(plan, "Ready").status, "True");
  EXPECT_EQ(condition(plan, "Ready").reason, "Paused");
  EXPECT_EQ(condition(plan, "Progressing").status, "False");
}

TEST(Plan, APausedWorkloadIsNotReadyWhileAChangeWaitsForIt) {
  const std::vector<void (*)(Scene&)> changes = {
      [](Scene& scene) { scene.workload.spec.image = "v2"; },
      [](Scene& scene) { scene.workload.spec.replicas = 2; },
      [](Scene& scene) { scene.workload.spec.service.type = "NodePort"; },
      [](Scene& scene) { scene.workload.spec.hibernate = true; },
  };
  for (const auto change : changes) {
    Scene scene;
    scene.children_in_line();
    scene.add(scene.pod(0, true));
    scene.workload.spec.paused = true;
    change(scene);
    const Plan plan = scene.plan();
    EXPECT_THAT(plan.actions, IsEmpty());
    EXPECT_EQ(plan.status.phase, "Paused");
    EXPECT_EQ(condition(plan, "Ready").status, "False");
    EXPECT_THAT(condition(plan, "Ready").message, HasSubstr("not what is asked for"));
  }
}

TEST(Plan, APausedWorkloadThatDoesNotServeSaysWhy) {
  Scene scene;
  scene.children_in_line();
  scene.add(scene.pod(0, false));
  scene.workload.spec.paused = true;
  const Plan plan = scene.plan();
  EXPECT_EQ(condition(plan, "Ready").status, "False");
  EXPECT_THAT(condition(plan, "Ready").message, HasSubstr("instances ready: 0/1"));
}

TEST(Plan, AHibernatingWorkloadKeepsItsChildrenAndLosesItsPods) {
  Scene scene;
  scene.workload.spec.replicas = 2;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  scene.add(scene.pod(1, true));
  scene.workload.spec.hibernate = true;
  EXPECT_THAT(what(scene.plan()),
              ElementsAre("delete Pod demo/nginx-1", "delete Pod demo/nginx-0"));
  EXPECT_EQ(condition(scene.plan(), "Ready").status, "False");
  EXPECT_EQ(condition(scene.plan(), "Progressing").status, "True");
  EXPECT_EQ(condition(scene.plan(), "Progressing").reason, "Hibernating");
  scene.observed.pods.clear();
  EXPECT_EQ(scene.plan().status.phase, "Hibernated");
  EXPECT_EQ(condition(scene.plan(), "Ready").status, "True");
  EXPECT_EQ(condition(scene.plan(), "Ready").reason, "Hibernated");
  EXPECT_EQ(condition(scene.plan(), "Progressing").status, "False");
  EXPECT_EQ(scene.plan().status.ready, "0/0");
}

TEST(Plan, ADeletedWorkloadIsLeftToTheGarbageCollector) {
  Scene scene;
  scene.workload.deleting = true;
  EXPECT_THAT(scene.plan().actions, IsEmpty());
  EXPECT_EQ(scene.plan().status.phase, "Deleting");
}

TEST(Plan, EachChangeOfTheHeadlineIsOneNotice) {
  Scene scene;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  const Plan plan = scene.plan();
  ASSERT_EQ(plan.notices.size(), 1U);
  EXPECT_EQ(plan.notices[0].reason, "Running");
  EXPECT_FALSE(plan.notices[0].warning);
}

// ---- instances

TEST(Instances, AreMadeInOrderEachAfterTheOneBelowIsReady) {
  Scene scene;
  scene.workload.spec.replicas = 3;
  scene.children_in_line();
  EXPECT_THAT(what(scene.plan()), ElementsAre("create Pod demo/nginx-0"));
  scene.add(scene.pod(0, false));
  EXPECT_THAT(what(scene.plan()), IsEmpty());
  scene.observed.pods.clear();
  scene.add(scene.pod(0, true));
  EXPECT_THAT(what(scene.plan()), ElementsAre("create Pod demo/nginx-1"));
}

TEST(Instances, AreUnmadeFromTheTopOneAtATime) {
  Scene scene;
  scene.workload.spec.replicas = 3;
  scene.children_in_line();
  for (int ordinal = 0; ordinal < 3; ++ordinal) {
    scene.add(scene.pod(ordinal, true));
  }
  scene.workload.spec.replicas = 1;
  EXPECT_THAT(what(scene.plan()), ElementsAre("delete Pod demo/nginx-2"));
  PodFacts leaving = scene.pod(2, true);
  leaving.deleting = true;
  scene.observed.pods[2] = std::make_shared<const PodFacts>(leaving);
  EXPECT_THAT(what(scene.plan()), IsEmpty());
  scene.observed.pods.pop_back();
  EXPECT_THAT(what(scene.plan()), ElementsAre("delete Pod demo/nginx-1"));
}

TEST(Instances, AreReplacedFromTheHighestDownAsManyAsMayBeUnavailable) {
  Scene scene;
  scene.workload.spec.replicas = 3;
  scene.children_in_line();
  for (int ordinal = 0; ordinal < 3; ++ordinal) {
    scene.add(scene.pod(ordinal, true));
  }
  scene.workload.spec.image = "other";
  scene.keep_revision();
  EXPECT_THAT(what(scene.plan()), ElementsAre("delete Pod demo/nginx-2"));
  scene.workload.spec.update_strategy.max_unavailable = 2;
  EXPECT_THAT(what(scene.plan()),
              ElementsAre("apply PodDisruptionBudget demo/nginx", "delete Pod demo/nginx-2",
                          "delete Pod demo/nginx-1"));
}

TEST(Instances, AnUpdateStopsAtTheFirstReplacedOneThatIsNotReady) {
  Scene scene;
  scene.workload.spec.replicas = 2;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  const std::string old_image = scene.workload.spec.image;
  scene.workload.spec.image = "broken";
  scene.keep_revision();
  scene.add(scene.pod(1, false));
  const Plan stalled = scene.plan();
  EXPECT_THAT(what(stalled), IsEmpty());
  EXPECT_EQ(stalled.status.phase, "UpdateStalled 1/2");
  EXPECT_EQ(condition(stalled, "Degraded").reason, "UpdateStalled");
  // Putting the spec back makes the broken one the outdated one, and it is replaced at once.
  scene.workload.spec.image = old_image;
  scene.keep_revision();
  EXPECT_THAT(what(scene.plan()), ElementsAre("delete Pod demo/nginx-1"));
}

TEST(Instances, OfTheOldRevisionAreKeptThoughTheyFlapOnceTheNewOneHasFailed) {
  Scene scene;
  scene.workload.spec.replicas = 3;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  scene.add(scene.pod(1, false));
  scene.workload.spec.image = "does-not-boot";
  scene.keep_revision();
  PodFacts failed = scene.pod(2, false);
  failed.created = test::kNow - std::chrono::minutes(10);
  scene.add(failed);
  scene.observed.evidence["nginx-2"].diagnosis = diagnose::Diagnosis{.reason = "BootTimedOut"};
  const Plan plan = scene.plan();
  EXPECT_THAT(what(plan), IsEmpty());
  EXPECT_EQ(condition(plan, "Progressing").reason, "UpdateStalled");
  // Put back, the one that failed is the one that is outdated.
  scene.workload.spec.image = "quay.io/ftweedal/test-nginx:latest";
  scene.keep_revision();
  EXPECT_THAT(what(scene.plan()), ElementsAre("delete Pod demo/nginx-2"));
}

TEST(Instances, BelowThePartitionStayAtTheirRevision) {
  Scene scene;
  scene.workload.spec.replicas = 2;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  scene.add(scene.pod(1, true));
  scene.workload.spec.image = "other";
  scene.keep_revision();
  scene.workload.spec.update_strategy.partition = 2;
  EXPECT_THAT(what(scene.plan()), IsEmpty());
  scene.workload.spec.update_strategy.partition = 1;
  EXPECT_THAT(what(scene.plan()), ElementsAre("delete Pod demo/nginx-1"));
}

TEST(Instances, WithOnDeleteAreReplacedOnlyWhenSomeoneDeletesThem) {
  Scene scene;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  scene.workload.spec.image = "other";
  scene.keep_revision();
  scene.workload.spec.update_strategy.type = "OnDelete";
  const Plan waiting = scene.plan();
  EXPECT_THAT(what(waiting), IsEmpty());
  EXPECT_EQ(waiting.status.phase, "Running") << "it serves, and nobody is at it";
  EXPECT_THAT(condition(waiting, "Ready").message, HasSubstr("0/1 are of the new revision"));
  scene.observed.pods.clear();
  EXPECT_THAT(what(scene.plan()), ElementsAre("create Pod demo/nginx-0"));
}

TEST(Instances, AnUpdateThatThePlatformHoldsUpSaysSoThoughTheOldOnesAreReady) {
  Scene scene;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  scene.workload.spec.image = "other";
  scene.keep_revision();
  scene.strategy.blockers = {{.reason = "CrioNotConfigured", .message = "CRI-O lacks settings"}};
  const Plan plan = scene.plan();
  EXPECT_THAT(what(plan), IsEmpty());
  EXPECT_EQ(plan.status.phase, "CrioNotConfigured");
  EXPECT_EQ(condition(plan, "Progressing").reason, "CrioNotConfigured");
  scene.strategy.blockers[0].holds_pods = false;
  EXPECT_THAT(scene.plan().status.phase, StartsWith("Updating"));
}

TEST(Instances, WhoseUserNamespaceMayBeDroppedAreTriedFirst) {
  const auto tried_first = [](const Scene& scene) {
    const Plan plan = scene.plan();
    return std::get<CreateAction>(plan.actions.at(0).what).try_first;
  };
  Scene scene;
  scene.children_in_line();
  EXPECT_FALSE(tried_first(scene));
  scene.memory.failures[{"pods", "nginx-0"}].reason = "UserNamespaceDropped";
  EXPECT_TRUE(tried_first(scene)) << "it was dropped the last time";
  scene.memory.failures.clear();
  scene.strategy.host_users_doubtful = true;
  EXPECT_TRUE(tried_first(scene));
}

TEST(Instances, AreLookedAtEverLessOftenWhileTheyAreNotReady) {
  const auto next_look = [](std::chrono::seconds age) {
    Scene scene;
    scene.children_in_line();
    PodFacts pod = scene.pod(0, false);
    pod.created = test::kNow - age;
    scene.add(pod);
    return scene.plan().requeue_after;
  };
  using std::chrono::seconds;
  EXPECT_EQ(next_look(seconds(3)), seconds(15));
  EXPECT_EQ(next_look(seconds(60)), seconds(30));
  EXPECT_EQ(next_look(std::chrono::hours(5)), seconds(60));
}

TEST(Instances, AnEvictedPodIsClearedAwayBeforeItsSuccessorIsMade) {
  Scene scene;
  scene.children_in_line();
  PodFacts evicted = scene.pod(0, false);
  evicted.phase = "Failed";
  PodTrouble trouble;
  trouble.reason = "Evicted";
  evicted.trouble = std::make_shared<const PodTrouble>(trouble);
  scene.add(evicted);
  const Plan plan = scene.plan();
  EXPECT_THAT(what(plan), ElementsAre("delete Pod demo/nginx-0"));
  EXPECT_THAT(plan.actions[0].why, HasSubstr("Evicted"));
}

TEST(Instances, APodOnItsWayOutIsWaitedForSoThatTwoNeverShareAName) {
  Scene scene;
  scene.children_in_line();
  PodFacts leaving = scene.pod(0, false);
  leaving.deleting = true;
  scene.add(leaving);
  EXPECT_THAT(what(scene.plan()), IsEmpty());
}

TEST(Instances, PodsOfSomeoneElseAreNotCounted) {
  Scene scene;
  scene.children_in_line();
  PodFacts foreign = scene.pod(7, true);
  foreign.owner_uid = "someone";
  scene.add(foreign);
  EXPECT_THAT(what(scene.plan()), ElementsAre("create Pod demo/nginx-0"));
}

}  // namespace
}  // namespace swo::reconcile
