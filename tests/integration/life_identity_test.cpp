// An instance is somebody: a name, a host name, a machine id and claims that outlive its Pod.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "life.hpp"
#include "scenarios.hpp"

namespace swo::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// What makes it the same machine for its neighbours and for itself.
Json identity(const Json& pod) {
  Json found = {{"hostname", pod["spec"].value("hostname", "")},
                {"subdomain", pod["spec"].value("subdomain", "")}};
  for (const Json& variable : pod["spec"]["containers"][0]["env"]) {
    if (variable["name"] == "container_uuid") {
      found["machine"] = variable["value"];
    }
  }
  return found;
}

TEST(LifeOfAnInstance, ItIsTheSameMachineAfterItsPodWasReplacedAndAfterHibernation) {
  Life life;
  life.apply({{"image", "v1"}, {"replicas", 2}});
  ASSERT_TRUE(life.runs());
  const Json first = identity(life.pod("nginx-0"));
  const Json second = identity(life.pod("nginx-1"));
  EXPECT_EQ(first["hostname"], "nginx-0");
  EXPECT_EQ(first["subdomain"], "nginx-instances");
  EXPECT_NE(first["machine"], second["machine"]);
  EXPECT_FALSE(first["machine"].get<std::string>().empty());

  const std::string uid = life.uid("nginx-0");
  life.simulation.admin().remove(Simulation::pods_path(), "nginx-0");
  ASSERT_TRUE(life.simulation.until(
      [&] { return !life.uid("nginx-0").empty() && life.uid("nginx-0") != uid; }));
  EXPECT_EQ(identity(life.pod("nginx-0")), first);

  life.apply({{"hibernate", true}});
  ASSERT_TRUE(
      life.simulation.until([&] { return life.simulation.phase("nginx") == "Hibernated"; }));
  EXPECT_THAT(life.names(Simulation::pods_path()), IsEmpty());
  life.apply({{"hibernate", false}});
  ASSERT_TRUE(life.runs());
  EXPECT_EQ(identity(life.pod("nginx-0")), first);
  EXPECT_EQ(identity(life.pod("nginx-1")), second);

  life.simulation.remove("nginx");
  ASSERT_TRUE(life.simulation.until([&] { return life.names(Simulation::pods_path()).empty(); }));
  life.apply({{"image", "v1"}, {"replicas", 2}});
  ASSERT_TRUE(life.runs());
  EXPECT_EQ(identity(life.pod("nginx-0"))["hostname"], first["hostname"]);
  EXPECT_NE(identity(life.pod("nginx-0"))["machine"], first["machine"]) << "another workload";
}

TEST(LifeOfAnInstance, TheyComeInOrderAndGoFromTheTopByTheScaleSubresource) {
  Life life;
  life.apply({{"image", "v1"}});
  ASSERT_TRUE(life.runs());
  std::vector<std::size_t> counts;
  const auto scale_to = [&](std::size_t replicas) {
    const auto count = [&] { return life.names(Simulation::pods_path()).size(); };
    counts = {count()};
    life.simulation.admin().merge_patch(Simulation::workloads_path(), "nginx",
                                        {{"spec", {{"replicas", replicas}}}}, "scale");
    return life.simulation.until([&] {
      if (counts.back() != count()) {
        counts.push_back(count());
        // The one below was ready when the newest came.
        const Json below = life.pod("nginx-" + std::to_string(counts.back() - 2));
        EXPECT_TRUE(below.is_null() || below["status"]["containerStatuses"][0]["ready"] == true);
      }
      return count() == replicas && life.status().value("readyReplicas", 0U) == replicas;
    });
  };
  ASSERT_TRUE(scale_to(3));
  EXPECT_THAT(counts, ElementsAre(1, 2, 3));
  ASSERT_TRUE(scale_to(1));
  EXPECT_THAT(counts, ElementsAre(3, 2, 1));
  EXPECT_THAT(life.names(Simulation::pods_path()), ElementsAre("nginx-0"));
}

TEST(LifeOfAnInstance, ItsClaimOutlivesItsPodAndByDefaultItsWorkload) {
  Life life;
  life.apply({{"image", "v1"}, {"replicas", 2}, {"storage", Life::storage("1Gi")}});
  ASSERT_TRUE(life.runs());
  EXPECT_THAT(life.names(Life::claims_path()),
              UnorderedElementsAre("data-nginx-0", "data-nginx-1"));
  const Json claim = *life.simulation.admin().get(Life::claims_path(), "data-nginx-0");
  life.apply({{"image", "v2"}, {"replicas", 1}});
  ASSERT_TRUE(life.runs());
  life.simulation.remove("nginx");
  life.simulation.advance(std::chrono::minutes(5));
  EXPECT_THAT(life.names(Simulation::pods_path()), IsEmpty());
  EXPECT_THAT(life.names(Life::claims_path()),
              UnorderedElementsAre("data-nginx-0", "data-nginx-1"));
  EXPECT_EQ(life.simulation.admin().get(Life::claims_path(), "data-nginx-0")->at("metadata")["uid"],
            claim["metadata"]["uid"]);
  // A workload of that name finds its machines' disks again.
  life.apply({{"image", "v1"}, {"storage", Life::storage("1Gi")}});
  ASSERT_TRUE(life.runs());
  EXPECT_EQ(life.simulation.admin().get(Life::claims_path(), "data-nginx-0")->at("metadata")["uid"],
            claim["metadata"]["uid"]);
}

// By which Argo CD would take it for its own, and prune it.
TEST(LifeOfAnInstance, ItsClaimLosesTheLabelThatAnEarlierOperatorGaveIt) {
  Life life;
  life.apply({{"image", "v1"}, {"storage", Life::storage("1Gi")}});
  ASSERT_TRUE(life.runs());
  life.simulation.stop_operator();
  Json earlier = *life.simulation.admin().get(Life::claims_path(), "data-nginx-0");
  Json& metadata = earlier["metadata"];
  Json labels = metadata["labels"];
  labels["app.kubernetes.io/instance"] = "nginx";
  metadata = {{"name", "data-nginx-0"}, {"namespace", "demo"}, {"labels", labels}};
  earlier.erase("status");
  devcluster::Request request;
  request.trusted = true;
  request.method = "PATCH";
  request.target =
      Life::claims_path() + "/data-nginx-0?fieldManager=systemd-workload-operator&force=true";
  request.headers["content-type"] = "application/apply-patch+yaml";
  request.body = earlier.dump();
  ASSERT_EQ(life.simulation.cluster().api().handle(request).response.status, 200);
  life.simulation.start_operator();
  const auto labelled = [&] {
    return life.simulation.admin()
        .get(Life::claims_path(), "data-nginx-0")
        ->at("metadata")["labels"]
        .contains("app.kubernetes.io/instance");
  };
  EXPECT_TRUE(labelled());
  EXPECT_TRUE(life.simulation.until([&] { return !labelled(); }));
}

TEST(LifeOfAnInstance, ItsClaimGoesWithItWhereTheSpecSaysSo) {
  Life life;
  const Json retention = {{"whenScaled", "Delete"}, {"whenDeleted", "Delete"}};
  life.apply({{"image", "v1"}, {"replicas", 2}, {"storage", Life::storage("1Gi", retention)}});
  ASSERT_TRUE(life.runs());
  life.apply({{"replicas", 1}});
  ASSERT_TRUE(life.simulation.until([&] { return life.names(Life::claims_path()).size() == 1; }));
  EXPECT_TRUE(life.pod("nginx-1").is_null()) << "the claim went before its instance";
  life.simulation.remove("nginx");
  life.simulation.advance(std::chrono::minutes(5));
  EXPECT_THAT(life.names(Life::claims_path()), IsEmpty());
}

TEST(LifeOfAnInstance, WhatBecomesOfItsClaimMayBeDecidedLater) {
  Life life;
  life.apply({{"image", "v1"}, {"storage", Life::storage("1Gi", {{"whenDeleted", "Delete"}})}});
  ASSERT_TRUE(life.runs());
  const auto owned = [&] {
    return life.simulation.admin()
        .get(Life::claims_path(), "data-nginx-0")
        ->at("metadata")
        .contains("ownerReferences");
  };
  EXPECT_TRUE(owned());
  life.apply({{"storage", {{"retention", {{"whenDeleted", "Retain"}}}}}});
  EXPECT_TRUE(life.simulation.until([&] { return !owned(); }));
  life.apply({{"storage", {{"retention", {{"whenDeleted", "Delete"}}}}}});
  EXPECT_TRUE(life.simulation.until(owned));
}

TEST(LifeOfAnInstance, ItsClaimGrowsUnderTheRunningPod) {
  Life life;
  life.apply({{"image", "v1"}, {"storage", Life::storage("1Gi")}});
  ASSERT_TRUE(life.runs());
  const std::string uid = life.uid("nginx-0");
  life.apply({{"storage", Life::storage("2Gi")}});
  ASSERT_TRUE(life.simulation.until([&] {
    return life.simulation.admin()
               .get(Life::claims_path(), "data-nginx-0")
               ->at("spec")["resources"]["requests"]["storage"] == "2Gi";
  }));
  ASSERT_TRUE(life.runs());
  EXPECT_EQ(life.uid("nginx-0"), uid);
}

TEST(LifeOfAnInstance, ItsClaimDoesNotShrinkAndThatIsSaidOnce) {
  Life life;
  life.apply({{"image", "v1"}, {"storage", Life::storage("2Gi")}});
  ASSERT_TRUE(life.runs());
  EXPECT_THAT(life.events("ClaimNotShrunk"), IsEmpty());
  const std::string uid = life.uid("nginx-0");
  life.apply({{"storage", Life::storage("1Gi")}});
  life.simulation.advance(std::chrono::minutes(5));
  ASSERT_TRUE(life.runs());
  EXPECT_THAT(life.events("ClaimNotShrunk"), ElementsAre(HasSubstr("data-nginx-0 stays at 2Gi")));
  EXPECT_EQ(life.uid("nginx-0"), uid);
  // Neither another change nor another operator says it again.
  life.apply({{"revisionHistoryLimit", 3}});
  life.simulation.advance(std::chrono::minutes(5));
  life.simulation.stop_operator();
  life.simulation.start_operator();
  life.simulation.advance(std::chrono::hours(2));
  life.apply({{"revisionHistoryLimit", 4}});
  life.simulation.advance(std::chrono::minutes(5));
  int told = 0;
  for (const Json& event : life.simulation.admin().list("/api/v1/namespaces/demo/events")) {
    told += event.value("reason", "") == "ClaimNotShrunk" ? event.value("count", 1) : 0;
  }
  EXPECT_EQ(told, 1);
}

// kube-apiserver's words: plugin PersistentVolumeClaimResize, and validation of a claim's update.
TEST(LifeOfAnInstance, ItsClaimThatMayNotChangeItsSizeIsSaidAndItRunsOn) {
  struct Answer {
    int code;
    const char* reason;
    const char* message;
  };
  constexpr Answer answers[] = {
      {403, "Forbidden",
       "persistentvolumeclaims \"data-nginx-0\" is forbidden: only dynamically provisioned pvc can "
       "be resized and the storageclass that provisions the pvc must support resize"},
      {422, "Invalid",
       "PersistentVolumeClaim \"data-nginx-0\" is invalid: spec.resources.requests.storage: "
       "Forbidden: field can not be less than status.capacity"}};
  for (const auto& [code, reason, message] : answers) {
    SCOPED_TRACE(message);
    Life life;
    life.apply({{"image", "v1"}, {"storage", Life::storage("1Gi")}});
    ASSERT_TRUE(life.runs());
    const std::string uid = life.uid("nginx-0");
    int refused = 0;
    life.simulation.instead =
        [&](const kube::HttpRequest& request) -> std::optional<kube::HttpResponse> {
      const bool is_it = request.method == "PATCH" &&
                         request.target.find("/persistentvolumeclaims/") != std::string::npos;
      refused += is_it ? 1 : 0;
      return is_it ? std::optional(refusal(code, reason, message)) : std::nullopt;
    };
    life.apply({{"storage", Life::storage("2Gi")}});
    ASSERT_TRUE(life.simulation.until([&] { return refused > 0; }));
    life.simulation.advance(std::chrono::hours(1));
    EXPECT_THAT(life.condition("Degraded")["status"], "True");
    EXPECT_THAT(life.condition("Degraded")["message"], HasSubstr(message));
    EXPECT_THAT(life.condition("Ready")["status"], "True");
    EXPECT_EQ(life.uid("nginx-0"), uid);
    EXPECT_LT(refused, 60) << "it is tried more and more rarely";
    life.apply({{"storage", Life::storage("1Gi")}});
    ASSERT_TRUE(life.runs());
    EXPECT_EQ(life.condition("Degraded")["status"], "False");
  }
}

}  // namespace
}  // namespace swo::test
