// The operator is stopped before and after each of its writes, and started again: the end is the
// same as without it (oracle L), and so is the number of writes to each object (oracle S).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/simulation.hpp"

namespace swo::test {
namespace {

enum class Moment { kBefore, kAfter };

struct Scenario {
  const char* name;
  std::function<void(Simulation&)> prepare;  // undisturbed
  std::function<void(Simulation&)> change;   // disturbed from here on
  std::function<bool(Simulation&)> done;
};

Json nginx(const char* image, int replicas) {
  return {{"image", image},
          {"replicas", replicas},
          {"ports", {{{"name", "http"}, {"port", 80}}}},
          {"route", {{"host", "nginx.apps.example.com"}}}};
}

bool settled_at(Simulation& simulation, int replicas, const std::string& image) {
  if (!simulation.running("nginx")) {
    return false;
  }
  const auto pods = simulation.admin().list(Simulation::pods_path());
  return static_cast<int>(pods.size()) == replicas &&
         std::all_of(pods.begin(), pods.end(), [&](const Json& pod) {
           return pod["spec"]["containers"][0]["image"] == image &&
                  !pod["metadata"].contains("deletionTimestamp");
         });
}

const Scenario kScenarios[] = {
    {"create", [](Simulation&) {},
     [](Simulation& simulation) { simulation.apply("nginx", nginx("v1", 2)); },
     [](Simulation& simulation) { return settled_at(simulation, 2, "v1"); }},
    {"update",
     [](Simulation& simulation) {
       simulation.apply("nginx", nginx("v1", 2));
       ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 2, "v1"); }));
     },
     [](Simulation& simulation) { simulation.apply("nginx", nginx("v2", 2)); },
     [](Simulation& simulation) { return settled_at(simulation, 2, "v2"); }},
    {"scale down and drop the route",
     [](Simulation& simulation) {
       simulation.apply("nginx", nginx("v1", 3));
       ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 3, "v1"); }));
     },
     [](Simulation& simulation) {
       simulation.apply("nginx", {{"replicas", 1}, {"route", nullptr}});
     },
     [](Simulation& simulation) {
       return settled_at(simulation, 1, "v1") &&
              simulation.admin().list("/apis/route.openshift.io/v1/namespaces/demo/routes").empty();
     }},
    {"delete",
     [](Simulation& simulation) {
       simulation.apply("nginx", nginx("v1", 2));
       ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 2, "v1"); }));
     },
     [](Simulation& simulation) { simulation.remove("nginx"); },
     [](Simulation& simulation) {
       return simulation.admin().list(Simulation::pods_path()).empty() &&
              simulation.admin()
                  .list("/apis/security.openshift.io/v1/securitycontextconstraints",
                        "labelSelector=workloads.systemd-operator.dev/shared")
                  .empty();
     }},
};

// What differs between two runs that are equal: identity, addresses, times, placement.
void scrub(Json& value) {
  static const std::set<std::string> kVolatile = {
      "uid",       "resourceVersion", "creationTimestamp", "managedFields",
      "clusterIP", "clusterIPs",      "nodeName",          "status",
      "value",     "generation"};
  if (value.is_object()) {
    for (auto member = value.begin(); member != value.end();) {
      member = kVolatile.contains(member.key()) ? value.erase(member)
                                                : (scrub(*member), std::next(member));
    }
  } else if (value.is_array()) {
    for (Json& item : value) {
      scrub(item);
    }
  }
}

std::string end_state(Simulation& simulation) {
  std::string text;
  for (const char* collection : {"/api/v1/namespaces/demo/pods", "/api/v1/namespaces/demo/services",
                                 "/api/v1/namespaces/demo/serviceaccounts",
                                 "/apis/rbac.authorization.k8s.io/v1/namespaces/demo/roles",
                                 "/apis/rbac.authorization.k8s.io/v1/namespaces/demo/rolebindings",
                                 "/apis/route.openshift.io/v1/namespaces/demo/routes",
                                 "/apis/policy/v1/namespaces/demo/poddisruptionbudgets",
                                 "/apis/security.openshift.io/v1/securitycontextconstraints"}) {
    for (Json object : simulation.admin().list(collection)) {
      scrub(object);
      text += object.dump() + "\n";
    }
  }
  return text + simulation.phase("nginx");
}

// Writes per object, the status aside: how often a workload's story is told may differ, not what is
// done.
std::map<std::string, int> writes_of_objects(const Simulation& simulation) {
  std::map<std::string, int> writes;
  for (const auto& [what, count] : simulation.writes()) {
    if (what.find("systemdworkloads") == std::string::npos) {
      writes[what] = count;
    }
  }
  return writes;
}

// Runs the scenario; the operator stops at its `fatal`-th write (0: never). False when it made
// fewer.
bool run(Simulation& simulation, const Scenario& scenario, int fatal, Moment moment) {
  scenario.prepare(simulation);
  simulation.forget_writes();
  int writes = 0;
  bool dead = false;
  const auto decide = [&](const kube::HttpRequest& request) {
    if (dead) {
      return Fate::kRefuse;
    }
    const bool counts =
        request.method != "GET" && request.target.find("/events") == std::string::npos;
    if (!counts || ++writes != fatal) {
      return Fate::kAnswer;
    }
    dead = true;
    return moment == Moment::kBefore ? Fate::kRefuse : Fate::kLoseAnswer;
  };
  simulation.transport().fate = decide;
  scenario.change(simulation);
  const bool done = simulation.until([&] {
    if (dead) {
      dead = false;
      simulation.stop_operator();
      simulation.start_operator();
      fatal = 0;
      simulation.settle();
    }
    return scenario.done(simulation);
  });
  EXPECT_TRUE(done) << scenario.name << " does not end when stopped at write " << fatal << "\n"
                    << simulation.workload("nginx").dump(2);
  return fatal == 0;
}

class Crash : public testing::TestWithParam<Scenario> {};

TEST_P(Crash, AtAnyWriteChangesNeitherTheEndNorTheNumberOfWrites) {
  const Scenario& scenario = GetParam();
  Simulation undisturbed;
  run(undisturbed, scenario, 0, Moment::kBefore);
  const std::string end = end_state(undisturbed);
  const auto writes = writes_of_objects(undisturbed);
  ASSERT_FALSE(writes.empty());
  int crashes = 0;
  for (const Moment moment : {Moment::kBefore, Moment::kAfter}) {
    for (int fatal = 1;; ++fatal) {
      Simulation disturbed;
      if (!run(disturbed, scenario, fatal, moment)) {
        break;  // that many writes were not made: all have been tried
      }
      ++crashes;
      EXPECT_EQ(end_state(disturbed), end) << "stopped at write " << fatal;
      EXPECT_EQ(writes_of_objects(disturbed), writes) << "stopped at write " << fatal;
    }
  }
  RecordProperty("crashes", crashes);
  EXPECT_GT(crashes, 0);
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Crash, testing::ValuesIn(kScenarios), [](const auto& scenario) {
  std::string name = scenario.param.name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
});

}  // namespace
}  // namespace swo::test
