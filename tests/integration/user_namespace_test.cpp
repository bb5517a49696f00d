// That no instance is ever root of its node: not by a switch to a way that the cluster does not
// have, nor by an API server that drops hostUsers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/simulation.hpp"

namespace swo::test {
namespace {

using std::chrono::minutes;
using ::testing::HasSubstr;

const Json kHostUsers = {{"image", "v1"}, {"platform", {{"userNamespace", "HostUsers"}}}};
const Json kAnnotation = {{"image", "v1"}, {"platform", {{"userNamespace", "Annotation"}}}};

std::optional<Json> instance(Simulation& simulation) {
  return simulation.admin().get(Simulation::pods_path(), "nginx-0");
}

// An API server whose gate is off, and tells nobody.
SimulationOptions dropping(const char* version) {
  return {.profile = "kubernetes-1.33", .adjust = [version](devcluster::Profile& profile) {
            profile.kubernetes = version;
            profile.host_users = false;
          }};
}

TEST(UserNamespace, ASwitchToAnAnnotationThatCrioDoesNotObeyLeavesTheInstanceAlone) {
  Simulation simulation;
  simulation.apply("nginx", {{"image", "v1"}});
  ASSERT_TRUE(simulation.until([&] { return simulation.running("nginx"); }));
  const Json before = (*instance(simulation))["metadata"]["uid"];
  simulation.apply("nginx", kAnnotation);
  simulation.advance(minutes(30));
  ASSERT_TRUE(instance(simulation));
  EXPECT_EQ((*instance(simulation))["metadata"]["uid"], before);
  EXPECT_EQ(simulation.phase("nginx"), "CrioNotConfigured");
  EXPECT_EQ(simulation.workload("nginx")["status"]["ready"], "1/1");
  simulation.apply("nginx", {{"platform", {{"userNamespace", "Auto"}}}});
  EXPECT_TRUE(simulation.until([&] { return simulation.running("nginx"); }));
  EXPECT_EQ((*instance(simulation))["metadata"]["uid"], before);
}

TEST(UserNamespace, WhereTheFieldIsDroppedNoInstanceStays) {
  Simulation simulation(dropping("v1.33.4"));
  simulation.apply("nginx", {{"image", "v1"}});
  simulation.advance(minutes(30));
  EXPECT_FALSE(instance(simulation));
  EXPECT_EQ(simulation.phase("nginx"), "UserNamespaceDropped");
  EXPECT_EQ(simulation.writes_to("DELETE pods/demo/nginx-0"), 1) << "after that it is tried first";
}

TEST(UserNamespace, WhereTheFieldMayBeDroppedNoInstanceIsMadeToFindOut) {
  Simulation simulation(dropping("v1.31.4"));
  bool made = false;
  simulation.after_write = [&] { made = made || instance(simulation); };
  simulation.apply("nginx", kHostUsers);
  simulation.advance(minutes(30));
  EXPECT_FALSE(made);
  EXPECT_EQ(simulation.phase("nginx"), "UserNamespaceDropped");
  EXPECT_THAT(simulation.condition_message("nginx", "Ready"), HasSubstr("UserNamespacesSupport"));
  // What has been told is not taken back by an operator that has just started.
  simulation.forget_writes();
  simulation.stop_operator();
  simulation.start_operator();
  simulation.advance(minutes(10));
  EXPECT_EQ(simulation.writes_to("PATCH systemdworkloads/demo/nginx/status"), 0);
}

TEST(UserNamespace, ThatHasBeenProvenIsStillSoAfterARestart) {
  Simulation simulation({.profile = "kubernetes-1.33", .adjust = [](devcluster::Profile& profile) {
                           profile.kubernetes = "v1.31.4";
                         }});
  simulation.apply("nginx", kHostUsers);
  ASSERT_TRUE(simulation.until([&] { return simulation.running("nginx"); }));
  simulation.advance(minutes(5));
  simulation.forget_writes();
  simulation.stop_operator();
  simulation.start_operator();
  simulation.advance(minutes(5));
  EXPECT_EQ(simulation.write_count(), 0) << testing::PrintToString(simulation.writes());
}

}  // namespace
}  // namespace swo::test
