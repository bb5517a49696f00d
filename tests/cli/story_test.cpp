// `diagnose`: the whole story of a workload for whoever may read all of it, and for a tenant.
#include "cli/story.hpp"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/plugin.hpp"
#include "support/simulation.hpp"

namespace swo::cli {
namespace {

using test::Simulation;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kRbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/demo/";

class StoryTest : public ::testing::Test {
 protected:
  StoryTest() {
    // As "edit" with config/rbac has it: neither Roles nor nodes.
    simulation.admin().create(std::string(kRbac) + "roles",
                              Json::parse(R"({"metadata":{"name":"editor"},"rules":[
          {"apiGroups":["workloads.systemd-operator.dev"],"resources":["systemdworkloads"],
           "verbs":["get","list","watch","patch"]},
          {"apiGroups":["","apps","policy","route.openshift.io"],
           "resources":["pods","pods/log","events","services","serviceaccounts",
                        "persistentvolumeclaims","controllerrevisions","poddisruptionbudgets",
                        "routes"],
           "verbs":["get","list","watch"]}]})"));
    simulation.admin().create(std::string(kRbac) + "rolebindings",
                              Json::parse(R"({"metadata":{"name":"editor"},
          "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"editor"},
          "subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"jane"}]})"));
    simulation.cluster().api().add_token("jane", "jane", {});
    simulation.cluster().api().add_token("root", "root", {"system:masters"});
    options.workload = {"demo", "nginx"};
    options.sleep_until = [this](kube::Instant) { ++slept; };
  }

  void apply(const Json& more = Json::object()) {
    Json spec = {{"image", "v1"}, {"route", Json::object()}};
    spec["ports"] = Json::array({{{"name", "http"}, {"port", 80}}});
    spec.merge_patch(more);
    simulation.apply("nginx", spec);
  }

  int tell(test::InProcessTransport& transport) {
    out.str("");
    err.str("");
    kube::Client client(transport);
    return tell_story(client, options, out, err);
  }

  Simulation simulation;
  test::InProcessTransport jane{simulation.cluster().api(), "jane"};
  test::InProcessTransport root{simulation.cluster().api(), "root"};
  StoryOptions options;
  std::ostringstream out, err;
  int slept = 0;
};

TEST_F(StoryTest, WhoMayReadAllOfItIsToldAllOfIt) {
  apply();
  ASSERT_TRUE(simulation.until([this] { return simulation.running("nginx"); }));
  EXPECT_EQ(tell(root), 0) << err.str();
  EXPECT_THAT(out.str(),
              AllOf(HasSubstr("SystemdWorkload demo/nginx: Running"), HasSubstr("user namespace: "),
                    Not(HasSubstr("Not readable")), Not(HasSubstr("has still to"))));
  EXPECT_EQ(slept, 0);
}

TEST_F(StoryTest, OfWhatATenantMayNotReadTheStatusTells) {
  apply();
  ASSERT_TRUE(simulation.until([this] { return simulation.running("nginx"); }));
  EXPECT_EQ(tell(jane), 0) << err.str();
  EXPECT_THAT(out.str(),
              AllOf(HasSubstr("SystemdWorkload demo/nginx: Running, http://"),
                    HasSubstr("Not readable for you: nodes, "), HasSubstr("roles"),
                    HasSubstr("securitycontextconstraints"), Not(HasSubstr("pods")),
                    HasSubstr("what depends on it is taken from the status\n"),
                    HasSubstr("Platform: OpenShift 4.20"), HasSubstr("PlatformReady=True"),
                    HasSubstr("Instances: 1/1 ready"), HasSubstr("nginx-0 on "),
                    Not(HasSubstr("has still to")), Not(HasSubstr("not of the spec"))));
}

TEST_F(StoryTest, ATenantIsToldTheCauseAndWhereTheOperatorDoesNotLook) {
  apply({{"image", "registry.example.com/nginx:missing"}});
  simulation.advance(std::chrono::minutes(2));
  EXPECT_EQ(tell(jane), 1);
  EXPECT_THAT(out.str(), AllOf(HasSubstr(": ImageNotFound"), HasSubstr("manifest unknown")));
  simulation.stop_operator();
  apply({{"image", "v2"}});
  EXPECT_EQ(tell(jane), 1);
  EXPECT_THAT(out.str(), HasSubstr("not of the spec as it is now: does the operator run"));
}

TEST_F(StoryTest, AGroupThatTheClusterLacksIsNotAskedFor) {
  apply();
  ASSERT_TRUE(simulation.until([this] { return simulation.running("nginx"); }));
  root.instead = [this](const kube::HttpRequest& request) -> std::optional<kube::HttpResponse> {
    EXPECT_THAT(request.target, Not(HasSubstr("poddisruptionbudgets")));
    if (request.target != "/apis") {
      return std::nullopt;
    }
    test::InProcessTransport plain(simulation.cluster().api(), "root");
    auto answer = plain.send(request);
    Json groups = Json::parse(answer->body);
    std::erase_if(groups["groups"].get_ref<Json::array_t&>(),
                  [](const Json& group) { return group["name"] == "policy"; });
    answer->body = groups.dump();
    return *answer;
  };
  EXPECT_EQ(tell(root), 0) << err.str() << out.str();
  EXPECT_THAT(out.str(), Not(HasSubstr("Not readable")));
}

TEST_F(StoryTest, AListThatFailsIsAskedForAgainWhenItsTimeHasCome) {
  apply();
  ASSERT_TRUE(simulation.until([this] { return simulation.running("nginx"); }));
  runtime::ManualClock clock;
  StoryOptions patient{.workload = {"demo", "nginx"},
                       .machine_config = options.machine_config,
                       .clock = clock,
                       .sleep_until = [&](kube::Instant when) {
                         ++slept;
                         clock.advance(when - clock.now());
                       }};
  int refused = 0;
  int at_most = 1;
  root.fate = [&](const kube::HttpRequest& request) {
    const bool refuse = request.target.find("/services?") != std::string::npos &&
                        refused < at_most && ++refused > 0;
    return refuse ? test::Fate::kRefuse : test::Fate::kAnswer;
  };
  kube::Client client(root);
  EXPECT_EQ(tell_story(client, patient, out, err), 0) << err.str();
  EXPECT_EQ(slept, 1);
  EXPECT_THAT(out.str(), Not(HasSubstr("Not readable")));

  at_most = 1000;
  out.str("");
  EXPECT_EQ(tell_story(client, patient, out, err), 0);
  EXPECT_THAT(out.str(), HasSubstr("Not readable for you: services: "));
  EXPECT_LT(slept, 10) << "not for ever";
}

TEST_F(StoryTest, WhatAClusterSaysDoesNotDriveTheTerminal) {
  apply();
  ASSERT_TRUE(simulation.until([this] { return simulation.running("nginx"); }));
  simulation.stop_operator();
  Json status = simulation.workload("nginx")["status"];
  status["conditions"][0]["message"] = "\033]0;title\007\u009B31m\u202Ebad";
  status["phase"] = "\033[2JRunning";
  simulation.admin().merge_patch(Simulation::workloads_path(), "nginx", {{"status", status}},
                                 "status");
  tell(jane);
  for (const char* evil : {"\033", "\007", "\u009B", "\u202E"}) {
    EXPECT_THAT(out.str(), Not(HasSubstr(evil)));
  }
}

TEST_F(StoryTest, AWorkloadThatIsNotThereIsSaidNotToBe) {
  options.workload.name = "ngnix";
  EXPECT_EQ(tell(jane), 1);
  EXPECT_THAT(err.str(), HasSubstr("no SystemdWorkload \"ngnix\" in namespace \"demo\""));
  options.workload.ns = "other";
  EXPECT_EQ(tell(jane), 1);
  EXPECT_THAT(err.str(), HasSubstr("cannot get"));
}

}  // namespace
}  // namespace swo::cli
