#include "scenarios.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

#include "support/end_state.hpp"

namespace swo::test {

Json nginx(const std::string& image, int replicas) {
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

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = {
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
      {"scale_down",
       [](Simulation& simulation) {
         simulation.apply("nginx", nginx("v1", 3));
         ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 3, "v1"); }));
       },
       [](Simulation& simulation) {
         simulation.apply("nginx", {{"replicas", 1}, {"route", nullptr}});
       },
       [](Simulation& simulation) {
         return settled_at(simulation, 1, "v1") &&
                simulation.admin()
                    .list("/apis/route.openshift.io/v1/namespaces/demo/routes")
                    .empty();
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
                    .list(sccs_path, "labelSelector=workloads.systemd-operator.dev/shared")
                    .empty();
       }},
  };
  return all;
}

std::string end_state(Simulation& simulation) {
  return end_of(simulation.admin(), "demo") + simulation.phase("nginx");
}

std::map<std::string, int> writes_of_objects(const Simulation& simulation) {
  std::map<std::string, int> writes;
  for (const auto& [what, count] : simulation.writes()) {
    if (what.find("systemdworkloads") == std::string::npos) {
      writes[what] = count;
    }
  }
  return writes;
}

const Undisturbed& undisturbed(const Scenario& scenario) {
  static std::map<std::string, Undisturbed> known;
  const auto [entry, fresh] = known.try_emplace(scenario.name);
  if (fresh) {
    Simulation simulation;
    scenario.prepare(simulation);
    simulation.forget_writes();
    scenario.change(simulation);
    EXPECT_TRUE(simulation.until([&] { return scenario.done(simulation); })) << scenario.name;
    expect_at_rest(simulation);
    entry->second = {end_state(simulation), writes_of_objects(simulation)};
    EXPECT_FALSE(entry->second.writes.empty()) << scenario.name;
  }
  return entry->second;
}

void expect_as_undisturbed(Simulation& simulation, const Scenario& scenario) {
  undisturbed(scenario);  // first: the log is that of the newest simulation
  EXPECT_TRUE(simulation.until([&] { return scenario.done(simulation); }))
      << simulation.workload("nginx").dump(2) << Simulation::log();
  expect_end_as_undisturbed(simulation, scenario);
}

void expect_end_as_undisturbed(Simulation& simulation, const Scenario& scenario) {
  const Undisturbed& expected = undisturbed(scenario);
  const auto judge = [&](const char* when) {
    EXPECT_EQ(end_state(simulation), expected.end) << when;
    EXPECT_EQ(writes_of_objects(simulation), expected.writes) << when;
  };
  judge("as soon as it is done");
  expect_at_rest(simulation);
  judge("half an hour later");
}

void expect_at_rest(Simulation& simulation) {
  // What is done is told after it, and later still where a watch has lost its tongue: that takes
  // 75 s to be noticed, and a reconnection up to a minute of backoff.
  constexpr std::chrono::minutes kTold{5};
  simulation.writes_in(kTold);
  const auto before = simulation.writes();
  EXPECT_EQ(simulation.writes_in(std::chrono::minutes(30) - kTold), 0)
      << "before: " << testing::PrintToString(before)
      << ", then: " << testing::PrintToString(simulation.writes()) << Simulation::log();
}

bool is_write(const kube::HttpRequest& request) {
  return request.method != "GET" && request.target.find("/events") == std::string::npos;
}

kube::HttpResponse refusal(int code, const std::string& reason, const std::string& message) {
  kube::HttpResponse response;
  response.status = code;
  response.body = Json{{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Failure"},
                       {"reason", reason}, {"message", message}, {"code", code}}
                      .dump();
  return response;
}

Killer::Killer(Simulation& simulation, int write, Moment moment, Counts counts)
    : simulation_(simulation) {
  simulation.fate = [this, write, moment,
                     counts = std::move(counts)](const kube::HttpRequest& request) {
    if (dead_) {
      return Fate::kRefuse;
    }
    if (!counts(request) || ++writes_ != write) {
      return Fate::kAnswer;
    }
    dead_ = struck_ = true;
    return moment == Moment::kBefore ? Fate::kRefuse : Fate::kLoseAnswer;
  };
}

void Killer::revive() {
  if (dead_) {
    dead_ = false;
    simulation_.stop_operator();
    simulation_.start_operator();
    simulation_.settle();
  }
}

std::uint32_t seed() {
  const char* given = std::getenv("SWO_SEED");
  return given == nullptr ? 1 : static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10));
}

bool try_all() { return std::getenv("SWO_ALL_FAULTS") != nullptr; }

}  // namespace swo::test
