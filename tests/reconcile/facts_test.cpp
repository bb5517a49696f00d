// What is kept of a Pod as the cluster shows it.
#include "reconcile/facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace swo::reconcile {
namespace {

Json status_of(const char* name, const Json& state) {
  return {{"name", name}, {"state", state}, {"restartCount", 3}, {"started", true}};
}

const Json running = {{"running", {{"startedAt", "2026-01-01T00:00:00Z"}}}};
const Json initializing = {{"waiting", {{"reason", "PodInitializing"}}}};

TEST(PodFacts, AreOfTheMachineWhereverAMeshHasPutItsSidecar) {
  const Json sidecar = {{"name", "istio-proxy"}, {"image", "proxy"}};
  const Json machine = {
      {"name", "systemd"}, {"image", "app:1"}, {"tty", true}, {"resources", {{"limits", {}}}}};
  for (const bool before : {true, false}) {
    Json containers = Json::array({machine});
    containers.insert(before ? containers.begin() : containers.end(), sidecar);
    const PodFacts facts =
        pod_facts({{"spec", {{"containers", containers}}},
                   {"status",
                    {{"containerStatuses",
                      {status_of("istio-proxy", {{"waiting", {{"reason", "CrashLoopBackOff"}}}}),
                       status_of("systemd", running)}}}}});
    EXPECT_EQ(facts.image, "app:1");
    EXPECT_TRUE(facts.tty);
    EXPECT_TRUE(facts.started);
    EXPECT_EQ(facts.restarts, 3);
    EXPECT_EQ(facts.trouble, nullptr);
  }
}

PodTrouble while_seeding(const Json& seed) {
  const PodFacts facts = pod_facts(
      {{"status",
        {{"initContainerStatuses",
          {status_of("istio-init", {{"waiting", {{"reason", "ImagePullBackOff"}}}}), seed}},
         {"containerStatuses", {status_of("systemd", initializing)}}}}});
  return facts.trouble == nullptr ? PodTrouble() : *facts.trouble;
}

TEST(PodFacts, TellOfTheSeedWhileTheMachineWaitsForIt) {
  EXPECT_TRUE(while_seeding(status_of("seed-storage", running)).seeding);

  const PodTrouble unpulled = while_seeding(status_of(
      "seed-storage", {{"waiting", {{"reason", "ErrImagePull"}, {"message", "not found"}}}}));
  EXPECT_EQ(unpulled.waiting_reason, "ErrImagePull");
  EXPECT_EQ(unpulled.waiting_message, "not found");

  Json failed = status_of("seed-storage", {{"waiting", {{"reason", "CrashLoopBackOff"}}}});
  failed["lastState"] = {
      {"terminated", {{"exitCode", 1}, {"reason", "Error"}, {"message", "cp: no space"}}}};
  EXPECT_EQ(while_seeding(failed).seed_failure, "cp: no space");
  failed["lastState"]["terminated"].erase("message");
  EXPECT_EQ(while_seeding(failed).seed_failure, "Error");
}

TEST(PodFacts, ForgetTheSeedOnceTheMachineHasBegun) {
  const PodFacts facts =
      pod_facts({{"status",
                  {{"initContainerStatuses",
                    {status_of("seed-storage", {{"terminated", {{"exitCode", 0}}}})}},
                   {"containerStatuses", {status_of("systemd", running)}}}}});
  EXPECT_EQ(facts.trouble, nullptr);
}

TEST(ServiceFacts, HaveTheAddressesOfTheLoadBalancer) {
  const Json service = Json::parse(R"({"metadata": {"name": "nginx"}, "status": {"loadBalancer":
      {"ingress": [{"ip": "203.0.113.7"}, {"hostname": "lb.example.com", "ip": ""}, {}]}}})");
  EXPECT_THAT(service_facts(service).addresses,
              testing::ElementsAre("203.0.113.7", "lb.example.com"));
  EXPECT_TRUE(service_facts(Json::parse(R"({"metadata": {}, "status": {}})")).addresses.empty());
}

}  // namespace
}  // namespace swo::reconcile
