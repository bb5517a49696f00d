#include "reconcile/workload_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../kube/scripted_transport.hpp"
#include "kube/client.hpp"
#include "runtime/metrics.hpp"

namespace swo::reconcile {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class WorkloadMetricsTest : public ::testing::Test {
 protected:
  WorkloadMetricsTest() {
    metrics.before_text([this] { workload_metrics.update(); });
  }

  void put(const std::string& name, std::uint64_t version, const Json& spec, const Json& status) {
    WorkloadFacts held;
    held.key = {"demo", name};
    held.uid = "uid-" + name;
    held.resource_version = version;
    held.text = Json{
        {"metadata", {{"name", name}, {"namespace", "demo"}}},
        {"spec", spec},
        {"status",
         status}}.dump();
    world.workloads.store().upsert(std::move(held));
  }
  static Json instance(const std::string& state, const Json& failed_units = Json::array()) {
    return {
        {"name", "i"}, {"ready", false}, {"systemdState", state}, {"failedUnits", failed_units}};
  }

  kube::test::ScriptedTransport transport;
  kube::Client client{transport};
  runtime::ManualClock clock;
  World world{client, {}};
  kube::Expectations expectations;
  platform::Facts facts;
  runtime::Metrics metrics;
  WorkloadMetrics workload_metrics{metrics.registry(), world, expectations,
                                   [this] { return std::make_shared<platform::Facts>(facts); },
                                   clock};
};

TEST_F(WorkloadMetricsTest, AWorkloadIsCountedUnderTheNamesThatTheAlertsUse) {
  put("ipa", 5, {{"replicas", 3}},
      {{"phase", "Updating 1/3"},
       {"readyReplicas", 1},
       {"instances",
        {instance("running"), instance("degraded", {"a.service", "b.mount"}), instance("")}}});
  const std::string text = metrics.text();
  for (
      const char* line :
      {R"(systemdworkload_info{namespace="demo",phase="Updating",workload="ipa"} 1)",
       R"(systemdworkload_replicas{namespace="demo",workload="ipa"} 3)",
       R"(systemdworkload_ready_replicas{namespace="demo",workload="ipa"} 1)",
       R"(systemdworkload_failed_units{namespace="demo",workload="ipa"} 2)",
       R"(systemdworkload_instances{namespace="demo",systemd_state="running",workload="ipa"} 1)",
       R"(systemdworkload_instances{namespace="demo",systemd_state="degraded",workload="ipa"} 1)",
       R"(systemdworkload_instances{namespace="demo",systemd_state="unknown",workload="ipa"} 1)"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(WorkloadMetricsTest, ANewWorkloadHasZeroReadyAndOneWanted) {
  put("nginx", 1, {{"image", "i"}}, nullptr);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr(R"(replicas{namespace="demo",workload="nginx"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(ready_replicas{namespace="demo",workload="nginx"} 0)"));
  EXPECT_THAT(text, HasSubstr(R"(phase="unknown",workload="nginx"} 1)"));
}

TEST_F(WorkloadMetricsTest, AHibernatingWorkloadWantsNoInstancesSoItAlarmsNobody) {
  put("nginx", 1, {{"replicas", 3}, {"hibernate", true}}, {{"phase", "Hibernated"}});
  EXPECT_THAT(metrics.text(),
              HasSubstr(R"(systemdworkload_replicas{namespace="demo",workload="nginx"} 0)"));
}

TEST_F(WorkloadMetricsTest, WhatIsNoLongerSoIsNoLongerShown) {
  put("nginx", 1, {}, {{"phase", "Starting"}, {"instances", {instance("starting")}}});
  EXPECT_THAT(metrics.text(), HasSubstr(R"(phase="Starting")"));
  put("nginx", 2, {}, {{"phase", "Running"}, {"instances", {instance("running")}}});
  std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr(R"(phase="Running")"));
  EXPECT_THAT(text, Not(HasSubstr(R"(phase="Starting")")));
  EXPECT_THAT(text, HasSubstr(R"(systemd_state="running")"));
  EXPECT_THAT(text, Not(HasSubstr(R"(systemd_state="starting")")));
}

TEST_F(WorkloadMetricsTest, AWorkloadThatIsGoneTakesItsSeriesWithIt) {
  put("nginx", 1, {}, {{"phase", "Running"}, {"instances", {instance("running")}}});
  put("other", 2, {}, {{"phase", "Running"}});
  EXPECT_THAT(metrics.text(), HasSubstr(R"(workload="nginx")"));
  world.workloads.store().remove({"demo", "nginx"}, 3);
  const std::string text = metrics.text();
  EXPECT_THAT(text, Not(HasSubstr(R"(workload="nginx")")));
  EXPECT_THAT(text, HasSubstr(R"(workload="other")"));
}

TEST_F(WorkloadMetricsTest, AStatusOfOddTypesIsReadAsFarAsItGoes) {
  put("odd", 1, {{"replicas", "three"}},
      {{"phase", 7}, {"readyReplicas", nullptr}, {"instances", {1, "x", {{"failedUnits", 5}}}}});
  EXPECT_THAT(metrics.text(), HasSubstr(R"(ready_replicas{namespace="demo",workload="odd"} 0)"));
}

TEST_F(WorkloadMetricsTest, NamesFromOutsideCannotForgeALine) {
  put("nginx", 1, {}, {{"phase", "A\"}\nforged_total 7"}});
  EXPECT_THAT(metrics.text(), Not(HasSubstr("\nforged_total")));
}

TEST_F(WorkloadMetricsTest, ARolloutIsFollowedByItsPool) {
  platform::PoolFacts pool;
  pool.name = "worker";
  pool.machine_count = 5;
  pool.updated_count = 2;
  pool.degraded_count = 1;
  facts.pools = {pool};
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr(R"(systemdworkload_pool_machines{pool="worker"} 5)"));
  EXPECT_THAT(text, HasSubstr(R"(systemdworkload_pool_updated_machines{pool="worker"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(systemdworkload_pool_degraded_machines{pool="worker"} 1)"));
  facts.pools.clear();
  EXPECT_THAT(metrics.text(), Not(HasSubstr(R"(pool="worker")")));
}

TEST_F(WorkloadMetricsTest, AWatchAgesWhileItIsSilent) {
  EXPECT_THAT(
      metrics.text(),
      HasSubstr(
          R"(watch_age_seconds{resource="systemdworkloads.workloads.systemd-operator.dev"} +Inf)"));
  transport.will_answer(200, R"({"metadata":{"resourceVersion":"9"},"items":[]})");
  transport.will_open();
  world.workloads.step(clock.now());
  clock.advance(std::chrono::seconds(42));
  const std::string text = metrics.text();
  EXPECT_THAT(
      text,
      HasSubstr(
          R"(watch_age_seconds{resource="systemdworkloads.workloads.systemd-operator.dev"} 42)"));
  EXPECT_THAT(text, HasSubstr(R"(watch_age_seconds{resource="pods"} +Inf)"));
  EXPECT_THAT(text, HasSubstr(R"(systemdworkload_watch_restarts_total{resource="pods"} 0)"));
}

TEST_F(WorkloadMetricsTest, AWaitForAWriteThatNoWatchShowsIsCountedOnceItIsOver) {
  expectations.wrote({"demo", "nginx"}, world.pods.store(), {"demo", "nginx-0"}, 7, clock.now());
  EXPECT_THAT(metrics.text(), HasSubstr("systemdworkload_expectations_pending 1"));
  clock.advance(std::chrono::minutes(1));
  EXPECT_TRUE(expectations.satisfied({"demo", "nginx"}, clock.now()));
  EXPECT_THAT(metrics.text(), HasSubstr("systemdworkload_expectation_timeouts_total 1"));
  EXPECT_THAT(metrics.text(), HasSubstr("systemdworkload_expectations_pending 0"));
}

}  // namespace
}  // namespace swo::reconcile
