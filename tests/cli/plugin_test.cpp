// `kubectl sdw` by a person with rights in one namespace, against a cluster in virtual time with
// the operator at work.
#include "cli/plugin.hpp"

#include <array>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/plugin_commands.hpp"
#include "cli/plugin_status.hpp"
#include "support/simulation.hpp"

namespace swo::cli {
namespace {

using test::Simulation;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class PluginTest : public ::testing::Test {
 protected:
  PluginTest() {
    // The role that config/rbac aggregates into "edit".
    simulation.admin().create("/apis/rbac.authorization.k8s.io/v1/namespaces/demo/roles",
                              Json::parse(R"({"metadata":{"name":"editor"},"rules":[
          {"apiGroups":["workloads.systemd-operator.dev"],"resources":["systemdworkloads"],
           "verbs":["get","list","patch"]},
          {"apiGroups":[""],"resources":["pods/log"],"verbs":["get"]}]})"));
    simulation.admin().create("/apis/rbac.authorization.k8s.io/v1/namespaces/demo/rolebindings",
                              Json::parse(R"({"metadata":{"name":"editor"},
          "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"editor"},
          "subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"jane"}]})"));
    simulation.cluster().api().add_token("jane", "jane", {});
    simulation.apply("nginx", {{"image", "quay.io/ftweedal/test-nginx:latest"},
                               {"ports", Json::array({{{"name", "http"}, {"port", 80}}})},
                               {"route", Json::object()}});
    EXPECT_TRUE(simulation.until([this] { return simulation.running("nginx"); }));
  }

  PluginContext context(const std::string& ns = "demo") {
    out.str("");
    err.str("");
    return {client, ns, out, err, Paint(false)};
  }
  int change(Change change) { return plugin_change(context(), "nginx", change); }
  Json uid_of_instance() {
    const auto pod = simulation.admin().get(Simulation::pods_path(), "nginx-0");
    return pod ? (*pod)["metadata"]["uid"] : Json();
  }

  Simulation simulation;
  test::InProcessTransport transport{simulation.cluster().api(), "jane"};
  kube::Client client{transport};
  std::ostringstream out, err;
};

TEST_F(PluginTest, StatusShowsInstancesAndConditionsAndTellsByItsExitWhetherAllIsWell) {
  EXPECT_EQ(plugin_status(context(), "nginx"), 0);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("SystemdWorkload demo/nginx"), HasSubstr("1/1 ready"),
                               HasSubstr("http://nginx-demo.apps.example.com"),
                               HasSubstr("nginx-0   yes    Running  running  0"),
                               HasSubstr("Ready          True"), Not(HasSubstr("\033"))));
  simulation.apply("nginx", {{"image", "no.such/image:missing"}});
  simulation.advance(std::chrono::minutes(2));
  EXPECT_EQ(plugin_status(context(), "nginx"), 1);
}

TEST_F(PluginTest, ListHasTheColumnsOfKubectlGet) {
  EXPECT_EQ(plugin_list(context(), false), 0);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("NAME   READY  STATUS   SYSTEMD  URL"),
                               HasSubstr("nginx  1/1    Running  running  http://")));
  EXPECT_EQ(plugin_list(context("empty"), false), 1);
  EXPECT_THAT(err.str(), HasSubstr("cannot list")) << "jane has no rights there";
}

TEST_F(PluginTest, RestartReplacesTheInstance) {
  const Json before = uid_of_instance();
  EXPECT_EQ(change(Change::kRestart), 0);
  EXPECT_TRUE(
      simulation.until([&] { return uid_of_instance() != before && simulation.running("nginx"); }));
}

TEST_F(PluginTest, WhatIsPausedIsLeftAloneUntilItIsResumed) {
  const Json before = uid_of_instance();
  EXPECT_EQ(change(Change::kPause), 0);
  EXPECT_EQ(change(Change::kPause), 0);
  EXPECT_THAT(out.str(), HasSubstr("paused already"));
  EXPECT_EQ(change(Change::kRestart), 0);
  EXPECT_THAT(out.str(), HasSubstr("once it is resumed"));
  simulation.advance(std::chrono::minutes(5));
  EXPECT_EQ(uid_of_instance(), before);
  EXPECT_EQ(plugin_status(context(), "nginx"), 0) << "as it was asked for";
  EXPECT_EQ(change(Change::kResume), 0);
  EXPECT_TRUE(simulation.until([&] { return uid_of_instance() != before; }));
}

TEST_F(PluginTest, HibernationEndsTheInstancesAndWakingStartsThem) {
  EXPECT_EQ(change(Change::kHibernate), 0);
  EXPECT_TRUE(simulation.until([&] { return uid_of_instance().is_null(); }));
  EXPECT_TRUE(simulation.until([&] { return simulation.phase("nginx") == "Hibernated"; }));
  EXPECT_EQ(plugin_status(context(), "nginx"), 0);
  EXPECT_EQ(change(Change::kWake), 0);
  EXPECT_TRUE(simulation.until([&] { return simulation.running("nginx"); }));
}

TEST_F(PluginTest, LogsAreTheConsoleOfAnInstance) {
  EXPECT_EQ(plugin_logs(context(), {.name = "nginx", .tail = 1}), 0);
  EXPECT_THAT(out.str(), HasSubstr("Multi-User System"));
  const std::string shown = out.str();
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 1);
  EXPECT_EQ(plugin_logs(context(), {.name = "nginx", .instance = "7"}), 1);
  EXPECT_THAT(err.str(), HasSubstr("nginx-7"));
  EXPECT_EQ(plugin_logs(context(), {.name = "nginx", .instance = "other-0"}), 1);
  EXPECT_THAT(err.str(), HasSubstr("no instance of nginx"));
}

TEST_F(PluginTest, OnATerminalAConsoleIsShownWithoutWhatWouldSteerIt) {
  transport.instead = [](const kube::HttpRequest& request) -> std::optional<kube::HttpResponse> {
    if (request.target.find("/log") == std::string::npos) {
      return std::nullopt;
    }
    kube::HttpResponse answer;
    answer.status = 200;
    answer.body = "\033]0;title\007one\r\n\u009B2Jtwo\u202E";
    return answer;
  };
  PluginContext terminal{client, "demo", out, err, Paint(false), true};
  EXPECT_EQ(plugin_logs(terminal, {.name = "nginx"}), 0);
  EXPECT_EQ(out.str(), "one\n2Jtwo\n");
  EXPECT_EQ(plugin_logs(context(), {.name = "nginx"}), 0);
  EXPECT_EQ(out.str(), "\033]0;title\007one\r\n\u009B2Jtwo\u202E\n") << "a file gets all of it";
}

TEST_F(PluginTest, FollowingEndsWhereNobodyTakesTheOutput) {
  PluginContext gone = context();
  out.setstate(std::ios::badbit);
  EXPECT_EQ(plugin_logs(gone, {.name = "nginx", .follow = true}), 1);
}

TEST_F(PluginTest, AWorkloadThatIsNotThereIsSaidNotToBe) {
  EXPECT_EQ(plugin_status(context(), "ngnix"), 1);
  EXPECT_THAT(err.str(), HasSubstr("no SystemdWorkload \"ngnix\" in namespace \"demo\""));
  EXPECT_EQ(plugin_change(context("other"), "nginx", Change::kPause), 1);
  EXPECT_THAT(err.str(), HasSubstr("cannot get resource")) << "the server's own words";
}

TEST(PluginJournal, IsReadByKubectlInsideTheInstance) {
  EXPECT_THAT(journal_command({.connection = {"--context", "c"},
                               .ns = "demo",
                               .instance = "nginx-0",
                               .unit = "nginx.service",
                               .follow = true,
                               .tail = 5}),
              ElementsAre("kubectl", "--context", "c", "exec", "-n", "demo", "nginx-0", "-c",
                          "systemd", "--", "journalctl", "--no-pager", "--lines=5",
                          "--unit=nginx.service", "--follow"));
}

api::Condition condition(const std::string& type, const std::string& status,
                         const std::string& reason, const std::string& message = "") {
  api::Condition made;
  made.type = type;
  made.status = status;
  made.reason = reason;
  made.message = message;
  return made;
}

TEST(PluginStatusText, WhatAClusterSaysDoesNotDriveTheTerminal) {
  api::Workload workload;
  workload.ns = "demo";
  workload.name = "evil";
  workload.status.phase = "\033[2JRunning";
  workload.status.url = "http://a\nb";
  api::InstanceStatus instance;
  instance.name = "evil-0";
  instance.diagnosis = "\033]0;title\007 bad";
  workload.status.instances.push_back(instance);
  workload.status.conditions.push_back(condition("Ready", "True", "", "\033[31m"));
  const std::string text = status_text(workload, runtime::WallTime{}, Paint(false));
  EXPECT_THAT(text, AllOf(HasSubstr("Running"), Not(HasSubstr("\033")), Not(HasSubstr("\007"))));
}

TEST(PluginStatusText, ColoursSayWhatIsWellAndWhatSomeoneHasToEnd) {
  api::Workload workload;
  workload.status.phase = "Running";
  workload.status.conditions = {condition("Ready", "True", "Running")};
  const auto now = runtime::WallTime{};
  EXPECT_THAT(status_text(workload, now, Paint(true)), HasSubstr("\033[32mRunning\033[0m"));
  workload.status.phase = "UnitsFailed";
  workload.status.conditions = {condition("Ready", "False", "UnitsFailed"),
                                condition("Degraded", "True", "")};
  EXPECT_THAT(status_text(workload, now, Paint(true)), HasSubstr("\033[31mUnitsFailed\033[0m"));
  workload.status.conditions.pop_back();
  EXPECT_THAT(status_text(workload, now, Paint(true)), HasSubstr("\033[33mUnitsFailed\033[0m"));
}

TEST(PluginStatusText, AgesAreCountedAsKubectlDoes) {
  const auto start = *runtime::parse_rfc3339("2026-01-01T00:00:00Z");
  const auto age = [&](auto passed) { return age_text("2026-01-01T00:00:00Z", start + passed); };
  using namespace std::chrono;
  EXPECT_EQ(age(seconds(119)), "119s");
  EXPECT_EQ(age(minutes(2)), "2m");
  EXPECT_EQ(age(hours(49)), "2d");
  EXPECT_EQ(age(-hours(1)), "0s") << "a clock that is behind";
  EXPECT_EQ(age_text("yesterday", start), "");
}

struct Ended {
  int code;
  std::string out, err;
};

Ended call(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "kubectl-sdw");
  std::vector<char*> argv;
  argv.reserve(arguments.size());
  for (std::string& argument : arguments) argv.push_back(argument.data());
  std::ostringstream out, err;
  const int code = plugin_main(static_cast<int>(argv.size()), argv.data(), out, err);
  return {code, out.str(), err.str()};
}

TEST(PluginUsage, HelpSuffices) {
  const Ended help = call({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* command : {"status", "list", "diagnose", "logs", "restart", "pause", "resume",
                              "hibernate", "wake", "completion"}) {
    EXPECT_THAT(help.out, HasSubstr("\n  " + std::string(command) + " "));
  }
  EXPECT_EQ(call({}).code, 2);
  EXPECT_EQ(call({"status"}).code, 2);
  EXPECT_EQ(call({"logs", "nginx", "--previous", "--journal"}).code, 2);
  const Ended mode = call({"diagnose", "nginx", "--machine-config=Always"});
  EXPECT_EQ(mode.code, 2);
  EXPECT_THAT(mode.err, HasSubstr("Always not in {Apply,Off,Preview}"));
  const Ended config = call({"list", "--kubeconfig", "/no/such"});
  EXPECT_EQ(config.code, 2);
  EXPECT_THAT(config.err, HasSubstr("/no/such"));
}

}  // namespace
}  // namespace swo::cli
