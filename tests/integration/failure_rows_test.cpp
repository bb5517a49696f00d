// Each known failure is met, named with its evidence and its remedy wherever a person would look,
// and over once its cause is.
#include "failure_rows.hpp"

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace swo::test {
namespace {

using std::chrono::hours;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Json status_of(Simulation& simulation) {
  return simulation.workload("nginx").value("status", Json::object());
}

Json condition(Simulation& simulation, const std::string& type) {
  const Json status = status_of(simulation);
  for (const Json& one : status.value("conditions", Json::array())) {
    if (one["type"] == type) {
      return one;
    }
  }
  return Json::object();
}

std::string diagnosis(Simulation& simulation) {
  const Json status = status_of(simulation);
  for (const Json& instance : status.value("instances", Json::array())) {
    if (const auto found = instance.find("diagnosis"); found != instance.end()) {
      return *found;
    }
  }
  return "";
}

// The messages of the Events about the workload of that reason.
std::vector<std::string> events(Simulation& simulation, const std::string& reason) {
  std::vector<std::string> messages;
  for (const Json& event : simulation.admin().list(core_path + "events")) {
    if (event["involvedObject"]["kind"] == "SystemdWorkload" && event["reason"] == reason) {
      messages.push_back(event["message"]);
    }
  }
  return messages;
}

// "PoolPaused 0/3 updated" → "PoolPaused".
std::string headline(Simulation& simulation) {
  const std::string phase = simulation.phase("nginx");
  return phase.substr(0, phase.find(' '));
}

auto tells(const FailureRow& row) { return AllOf(HasSubstr(row.evidence), HasSubstr(row.remedy)); }

bool is_told(Simulation& simulation, const FailureRow& row) {
  if (row.told == Told::kByWarning) {
    return condition(simulation, "PlatformReady").value("reason", "") == row.reason;
  }
  if (row.told == Told::kByDegraded) {
    return condition(simulation, "Degraded").value("reason", "") == row.reason;
  }
  const std::string text = condition(simulation, "Ready").value("message", "");
  return headline(simulation) == row.reason && text.find(row.evidence) != std::string::npos;
}

void expect_told_everywhere(Simulation& simulation, const FailureRow& row) {
  if (row.told == Told::kByWarning) {
    const Json platform = condition(simulation, "PlatformReady");
    EXPECT_EQ(platform["status"], "True");
    EXPECT_THAT(platform.value("message", ""), tells(row));
    return;
  }
  if (row.told == Told::kByDegraded) {
    const Json degraded = condition(simulation, "Degraded");
    EXPECT_EQ(degraded["status"], "True");
    EXPECT_THAT(degraded.value("message", ""), tells(row));
    EXPECT_TRUE(simulation.running("nginx"));
    return;
  }
  const Json ready = condition(simulation, "Ready");
  EXPECT_EQ(ready["status"], "False");
  EXPECT_EQ(ready["reason"], row.reason);
  EXPECT_THAT(ready.value("message", ""), tells(row));
  if (row.told == Told::kByInstance) {
    EXPECT_THAT(diagnosis(simulation), AllOf(StartsWith(row.reason + ": "), tells(row)));
  }
  EXPECT_THAT(events(simulation, row.reason), Contains(tells(row)));
}

void expect_over(Simulation& simulation, const FailureRow& row) {
  const bool over = simulation.until(
      [&] {
        return simulation.running("nginx") &&
               condition(simulation, "PlatformReady").value("reason", "") != row.reason &&
               condition(simulation, "Degraded").value("reason", "") != row.reason;
      },
      hours(3));
  ASSERT_TRUE(over) << simulation.workload("nginx").dump(2) << Simulation::log();
  EXPECT_EQ(condition(simulation, "Ready")["reason"], "Running");
  EXPECT_EQ(condition(simulation, "Degraded")["reason"], "AsExpected");
  EXPECT_EQ(condition(simulation, "PlatformReady")["status"], "True");
  EXPECT_EQ(diagnosis(simulation), "");
  EXPECT_THAT(events(simulation, "Running"), Not(testing::IsEmpty()));
  expect_at_rest(simulation);
}

class AWorkload : public testing::TestWithParam<FailureRow> {};

TEST_P(AWorkload, Meets) {
  const FailureRow& row = GetParam();
  Simulation simulation(
      {.profile = row.profile, .machine_config = row.machine_config, .adjust = row.adjust});
  if (row.hinder) {
    row.hinder(simulation);
  }
  Json spec = nginx("v1", 1);
  spec.merge_patch(row.spec);
  simulation.apply("nginx", spec);
  if (row.spoil) {
    ASSERT_TRUE(simulation.until([&] { return simulation.running("nginx"); }, hours(3)))
        << simulation.workload("nginx").dump(2) << Simulation::log();
    row.spoil(simulation);
  }
  ASSERT_TRUE(simulation.until([&] { return is_told(simulation, row); }, hours(3)))
      << testing::PrintToString(simulation.phases_seen("nginx"))
      << simulation.workload("nginx").dump(2) << Simulation::log();
  expect_told_everywhere(simulation, row);
  if (row.mend) {
    row.mend(simulation);
  }
  expect_over(simulation, row);
}

std::vector<FailureRow> all_rows() {
  std::vector<FailureRow> all;
  for (const auto& some : {whole_rows(), platform_rows(), warning_rows(), admission_rows(),
                           placement_rows(), container_rows(), boot_rows(), running_rows()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(FailureRows, AWorkload, testing::ValuesIn(all_rows()),
                         [](const auto& param_info) { return param_info.param.name; });

// Reasons of the guide that no row meets, and why not.
const char* const well = "no failure";
const char* const on_the_way = "no failure, but a step on the way";
const char* const no_means = "the stand-in's scheduler has no such filter: diagnose_test";
const char* const replaced = "the instance is replaced at once: plan_test, pod_life_test";
const char* const words = "words of a kubelet alone: diagnose_test";
const char* const rights = "rights_test takes away each right in turn";
const std::map<std::string, std::string> met_elsewhere = {
    {"Admitted", well},
    {"AddressAssigned", well},
    {"AsExpected", well},
    {"AsNeeded", well},
    {"NoPodYet", well},
    {"NotNeeded", well},
    {"NotRequested", well},
    {"Running", well},
    {"Stable", well},
    {"ContainerCreating", on_the_way},
    {"Deleting", on_the_way},
    {"Exposing", on_the_way},
    {"Hibernated", on_the_way},
    {"Hibernating", on_the_way},
    {"InitEnded", on_the_way},
    {"Paused", on_the_way},
    {"Pending", on_the_way},
    {"Resizing", on_the_way},
    {"ScaledToZero", on_the_way},
    {"ScalingDown", on_the_way},
    {"Starting", on_the_way},
    {"Updating", on_the_way},
    {"WaitingForRouter", on_the_way},
    {"WaitingForScc", on_the_way},
    {"HostPortTaken", no_means},
    {"SchedulingGated", no_means},
    {"SpreadUnsatisfied", no_means},
    {"Unschedulable", no_means},
    {"VolumeOnOtherNode", no_means},
    {"Evicted", replaced},
    {"NodeRefused", replaced},
    {"NodeShutdown", replaced},
    {"Preempted", replaced},
    {"ImageNameInvalid", words},
    {"ImageNotOnNode", words},
    {"ImageSignatureRefused", words},
    {"PodUnknown", words},
    {"ResizeInfeasible", "resize_test"},
    {"SeedingStorage", "the stand-in's simulated node copies nothing: diagnose_test"},
    {"EmergencyMode", "a shell of systemd's own, which the stand-in does not open: diagnose_test"},
    {"AccessRefused", rights},
    {"RouteRefused", rights},
    {"HostUnknown", rights},
    {"RouteNotAdmitted", "another namespace's host is refused before a router is asked"},
    {"InvalidSpec", "the API server's schema refuses it first: validate_test"},
    {"MachineConfigEdited", "rollout_test"},
    {"SelfHealing", "life_health_test"},
    {"SelfHealingExhausted", "life_health_test"},
    {"InstanceStopped", "life_health_test"},
    {"InstanceKilled", "life_health_test"},
    {"ClaimNotShrunk", "an Event alone: life_identity_test"},
    {"Resizing", "resize_test: the stand-in's kubelet resizes at once"},
    {"ResizeInfeasible", "resize_test: the stand-in's kubelet can always do it"},
    {"NamespaceTerminating", "other_actors_test: there is no recovery"},
    {"NoGatewayApi", "strategy_test: the stand-in serves the Gateway API wherever Routes lack"},
    {"UpdateStalled", "plan_test: the cause of the instance that stalls it comes first"},
};

TEST(FailureRows, MeetEachReasonOfTheGuideOrSayWhyNot) {
  std::set<std::string> met;
  for (const FailureRow& row : all_rows()) {
    met.insert(row.reason);
  }
  std::ostringstream guide;
  guide << std::ifstream(std::string(SWO_SOURCE_DIR) + "/docs/troubleshooting.md").rdbuf();
  const std::string text = guide.str();
  const std::regex reason("\n\\| ([A-Z]\\w+) \\|");
  std::set<std::string> documented;
  for (std::sregex_iterator at(text.begin(), text.end(), reason), end; at != end; ++at) {
    documented.insert((*at)[1]);
  }
  for (const auto& [name, why] : met_elsewhere) {
    EXPECT_FALSE(met.contains(name)) << name << " is met by a row: it need not be excused";
    met.insert(name);
  }
  EXPECT_EQ(met, documented);
}

}  // namespace
}  // namespace swo::test
