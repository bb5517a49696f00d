// What a watch and its lists can do, all through each scenario: the end is the same as without it
// (oracle L), and so is the number of writes to each object (oracle S).
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "devcluster/faults.hpp"
#include "scenarios.hpp"

namespace swo::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

struct WatchFault {
  const char* name;
  std::vector<std::string> rules;
};

const WatchFault watch_faults[] = {
    {"reset_after_each_event", {"watch:*@1+*=reset:1"}},
    {"cut_within_each_second_event", {"watch:*@1+*=cut:1"}},
    {"gone_after_each_event", {"watch:*@1+*=gone:1"}},
    {"byte_by_byte", {"watch:*@1+*=drip"}},
    {"silent_after_two_events", {"watch:*@1+*=silent:2"}},
    {"gone_on_opening", {"watch:*@1+40=error:410"}},
    {"gone_on_listing", {"watch:*@1+*=gone:2", "list:*@30+20=error:410"}},
    {"too_many_requests",
     {"watch:*@1+*=reset:3", "watch:*@5+40=error:429", "list:*@5+9=error:429"}},
    {"server_errors", {"list:*@3+7=error:500", "watch:*@1+20=error:503", "watch:*@1+*=gone:2"}},
    {"token_rotated", {"list:*@3+3=error:401", "watch:*@1+*=reset:2", "watch:*@30+9=error:401"}},
    {"rights_revoked_and_restored", {"list:*@3+9=error:403", "watch:*@9+40=error:403"}},
    {"connections_dropped", {"list:*@2+5=drop", "watch:*@1+20=drop", "get:*@1+2=drop"}},
};

class WatchFaults : public testing::TestWithParam<WatchFault> {};

TEST_P(WatchFaults, ChangeNothingInTheEnd) {
  const auto index = place_of(watch_faults, GetParam().name);
  for (std::size_t i = 0; i < scenarios().size(); ++i) {
    if (!try_all() && (i + index + seed()) % 2 == 0) {
      continue;
    }
    const Scenario& scenario = scenarios()[i];
    SCOPED_TRACE(scenario.name + ", SWO_SEED=" + std::to_string(seed()));
    Simulation simulation;
    scenario.prepare(simulation);
    simulation.stop_operator();
    for (const std::string& rule : GetParam().rules) {
      simulation.cluster().api().faults().add(rule);
    }
    simulation.longest_step = seconds(1);
    simulation.start_operator();
    simulation.forget_writes();
    scenario.change(simulation);
    expect_as_undisturbed(simulation, scenario);
    EXPECT_GT(simulation.cluster().api().faults().struck(), 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Each, WatchFaults, testing::ValuesIn(watch_faults),
                         [](const auto& fault) { return fault.param.name; });

TEST(Watches, MayLoseAndMergeAnySubsetOfEvents) {
  for (std::uint32_t round = 0; round < 6; ++round) {
    const Scenario& scenario = scenarios()[round % scenarios().size()];
    SCOPED_TRACE("SWO_SEED=" + std::to_string(seed()) + ", round " + std::to_string(round) + ": " +
                 scenario.name);
    std::seed_seq mixed{seed(), round};
    std::mt19937 random(mixed);
    Simulation simulation;
    simulation.longest_step = seconds(1);
    scenario.prepare(simulation);
    simulation.forget_writes();
    // What happened while no watch was open is compacted away: it is seen as one change, if at all.
    simulation.transport().breaks = [&] { return random() % 16 == 0; };
    simulation.after_write = [&] {
      if (random() % 3 == 0) {
        simulation.cluster().api().compact(simulation.cluster().api().resource_version());
      }
    };
    scenario.change(simulation);
    expect_as_undisturbed(simulation, scenario);
  }
}

TEST(Watches, ThatFreezeForSomeEventsMakeNothingTwiceAndDeleteNoLivePod) {
  for (const int writes : {1, 2, 3, 5, 8}) {
    const Scenario& scenario = scenarios()[writes % 3];
    SCOPED_TRACE(scenario.name + ", frozen after write " + std::to_string(writes));
    Simulation simulation;
    simulation.longest_step = seconds(1);
    scenario.prepare(simulation);
    simulation.forget_writes();
    int seen = 0;
    simulation.after_write = [&] { simulation.transport().frozen = ++seen >= writes; };
    scenario.change(simulation);
    simulation.advance(seconds(40));
    simulation.after_write = nullptr;
    simulation.transport().frozen = false;
    expect_as_undisturbed(simulation, scenario);
  }
}

TEST(Watches, DeletesDuringADisconnectAreFoundAfterIt) {
  Simulation simulation;
  simulation.longest_step = seconds(1);
  simulation.apply("nginx", nginx("v1", 2));
  ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 2, "v1"); }));
  const std::string end = end_state(simulation);
  simulation.forget_writes();
  simulation.cluster().api().faults().add("watch:*@1+*=drop");
  simulation.transport().breaks = [] { return true; };
  simulation.admin().remove(Simulation::pods_path(), "nginx-1", 0);
  simulation.admin().remove("/api/v1/namespaces/demo/services", "nginx");
  simulation.advance(seconds(5));
  EXPECT_EQ(simulation.write_count(), 0);
  simulation.transport().breaks = nullptr;
  simulation.cluster().api().compact(simulation.cluster().api().resource_version());
  simulation.cluster().api().faults().clear();
  ASSERT_TRUE(simulation.until([&] {
    return settled_at(simulation, 2, "v1") &&
           simulation.admin().get("/api/v1/namespaces/demo/services", "nginx");
  })) << simulation.workload("nginx")["status"].dump(2);
  simulation.settle();
  EXPECT_EQ(end_state(simulation), end);
  EXPECT_EQ(simulation.writes_to("POST pods/demo"), 1);
  EXPECT_EQ(simulation.writes_to("PATCH services/demo/nginx"), 1);
}

// A write's event is waited for, but not for ever; then the operator goes on with what it knows.
TEST(Watches, OfWorkloadsThatIsSilentForLongLeavesNoOlderStatusBehind) {
  Simulation simulation;
  simulation.longest_step = seconds(1);
  simulation.apply("nginx", nginx("v1", 2));
  ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 2, "v1"); }));
  simulation.cluster().api().faults().add("watch:systemdworkloads@1+*=drop");
  bool broken = false;
  simulation.transport().breaks = [&] { return !broken; };
  simulation.advance(seconds(1));
  broken = true;
  simulation.advance(seconds(5));
  simulation.admin().remove(Simulation::pods_path(), "nginx-1", 0);
  ASSERT_TRUE(simulation.until([&] { return simulation.phase("nginx") == "Starting"; }));
  simulation.advance(std::chrono::minutes(1));
  EXPECT_EQ(simulation.phase("nginx"), "Starting") << "the workload is not seen, as it should be";
  simulation.cluster().api().faults().clear();
  EXPECT_TRUE(simulation.until([&] { return settled_at(simulation, 2, "v1"); }));
}

TEST(Watches, ThatReconnectToAServerWithAnOlderStateBelieveNoneOfIt) {
  Simulation simulation;
  simulation.longest_step = seconds(1);
  simulation.apply("nginx", nginx("v1", 3));
  ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 3, "v1"); }));
  // From here on what is listed and watched anew is as of now; the open watches go on.
  for (const char* rule : {"list:*@1+*=stale", "watch:*@1+*=stale"}) {
    simulation.cluster().api().faults().add(rule);
  }
  simulation.apply("nginx", nginx("v2", 1));
  ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 1, "v2"); }));
  const std::string end = end_state(simulation);
  simulation.forget_writes();
  // An older server: it knows neither the one Pod nor the spec, and says that all of it is old.
  simulation.cluster().api().faults().add("watch:*@1+*=gone:0");
  simulation.transport().breaks = [broken = 0]() mutable { return ++broken <= 40; };
  simulation.advance(std::chrono::minutes(3));
  EXPECT_EQ(simulation.write_count(), 0) << testing::PrintToString(simulation.writes());
  simulation.cluster().api().faults().clear();
  simulation.advance(std::chrono::minutes(3));
  EXPECT_EQ(simulation.write_count(), 0) << testing::PrintToString(simulation.writes());
  EXPECT_EQ(end_state(simulation), end);
}

TEST(Paging, IsOneListWhateverHappensBetweenThePages) {
  for (const bool expires : {false, true}) {
    for (const Scenario& scenario : scenarios()) {
      const bool removes = scenario.name == "delete" || scenario.name == "scale_down";
      if (!try_all() && removes != expires) {
        continue;
      }
      SCOPED_TRACE(scenario.name + (expires ? ", the token expires" : ", a change between pages"));
      Simulation simulation;
      simulation.longest_step = seconds(1);
      scenario.prepare(simulation);
      simulation.stop_operator();
      int pages = 0;
      simulation.instead = [&](const kube::HttpRequest& request) {
        if (request.target.find("continue=") != std::string::npos) {
          ++pages;
          auto& admin = simulation.admin();
          for (const Json& pod : admin.list(Simulation::pods_path())) {
            admin.merge_patch(Simulation::pods_path(), pod["metadata"]["name"],
                              {{"metadata", {{"annotations", {{"seen", std::to_string(pages)}}}}}});
          }
          if (expires) {
            simulation.cluster().api().compact(simulation.cluster().api().resource_version());
          }
        }
        return std::optional<kube::HttpResponse>();
      };
      simulation.start_operator();
      simulation.transport().page_size = 1;
      simulation.forget_writes();
      scenario.change(simulation);
      EXPECT_TRUE(simulation.until([&] { return scenario.done(simulation); }));
      EXPECT_EQ(writes_of_objects(simulation), undisturbed(scenario).writes);
      EXPECT_GT(pages, 0);
    }
  }
}

TEST(Watches, SayInTheLogWhatIsWrongOfThem) {
  Simulation simulation;
  simulation.longest_step = seconds(1);
  simulation.cluster().api().faults().add("watch:pods@1+*=error:403");
  simulation.transport().breaks = [] { return true; };
  simulation.settle();
  simulation.transport().breaks = nullptr;
  simulation.advance(seconds(10));
  EXPECT_THAT(Simulation::log(), HasSubstr("the watch of pods is in trouble"));
  simulation.cluster().api().faults().clear();
  simulation.advance(std::chrono::minutes(2));
  EXPECT_THAT(Simulation::log(), HasSubstr("the watch of pods works again"));
}

}  // namespace
}  // namespace swo::test
