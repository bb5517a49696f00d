#include "scenario.hpp"

#include <algorithm>
#include <memory>
#include <regex>

#include "leftovers.hpp"

namespace e2e {
namespace {

using ::testing::IsEmpty;

constexpr const char* kGroup = "workloads.systemd-operator.dev/v1alpha1";
// A boot takes some seconds; with a machine that others use as well, more.
constexpr seconds kBoot{150};

// The one stand that runs now. When all tests are over it ends, and nothing may be left of any.
class Grounds : public ::testing::Environment {
 public:
  void SetUp() override { before_ = machine_state(); }
  void TearDown() override {
    stand_.reset();
    EXPECT_THAT(leftovers(), IsEmpty()) << "something is left behind";
    EXPECT_EQ(machine_state(), before_) << "the machine is not as it was";
  }
  Stand& stand(const StandOptions& wanted) {
    if (stand_ != nullptr && stand_->options() != wanted) stand_.reset();
    if (stand_ == nullptr) stand_ = std::make_unique<Stand>(wanted);
    return *stand_;
  }

 private:
  std::unique_ptr<Stand> stand_;
  std::vector<std::string> before_;
};

// gtest owns it.
auto* const grounds =
    dynamic_cast<Grounds*>(::testing::AddGlobalTestEnvironment(new Grounds));  // NOLINT

Json find_by(const Json& list, const char* key, const std::string& value) {
  for (const Json& one : list) {
    if (one.value(key, "") == value) return one;
  }
  return Json::object();
}

}  // namespace

void Scenario::SetUp() {
  static const std::string because = Stand::unsupported_because();
  if (!because.empty()) GTEST_SKIP() << "Pods cannot run for real here: " << because;
  static int count = 0;
  ns_ = "e2e-" + std::to_string(++count);
  stand().kubectl({"create", "namespace", ns_});
}

void Scenario::TearDown() {
  if (IsSkipped() || ns_.empty()) return;
  if (HasFailure()) {
    std::cerr << stand().kubectl({"get", "sdw,pods,events", "-n", ns_}, false)
              << stand().kubectl({"get", "sdw", "-n", ns_, "-o", "yaml"}, false) << stand().logs();
  }
  stand().kubectl({"delete", "namespace", ns_, "--wait=false"});
}

Stand& Scenario::stand() { return grounds->stand(wanted()); }

std::string Scenario::workloads() const {
  return std::string("/apis/") + kGroup + "/namespaces/" + ns_ + "/systemdworkloads";
}
std::string Scenario::pods() const { return in_namespace("pods"); }
std::string Scenario::in_namespace(const std::string& plural) const {
  return "/api/v1/namespaces/" + ns_ + "/" + plural;
}

Json Scenario::replaced(const std::string& pod_name) {
  const Json first = pod(pod_name);
  Watch watch(stand(), pods(), pod_name);
  stand().kubectl({"delete", "pod", "-n", ns(), pod_name});
  return watch.until([&](const Json& seen) {
    return seen.at("metadata").at("uid") != first.at("metadata").at("uid") && is_ready_pod(seen);
  });
}

Json Scenario::object(const char* api_version, const char* kind, const std::string& name,
                      const Json& rest) const {
  Json made = {{"apiVersion", api_version},
               {"kind", kind},
               {"metadata", {{"name", name}, {"namespace", ns_}}}};
  made.update(rest);
  return made;
}

Json Scenario::workload(const std::string& name, const Json& spec) const {
  Json made = object(kGroup, "SystemdWorkload", name,
                     {{"spec",
                       {{"image", "quay.io/ftweedal/test-nginx:latest"},
                        {"ports", {{{"name", "http"}, {"port", 80}}}},
                        {"route", Json::object()}}}});
  made["spec"].merge_patch(spec);
  return made;
}

Json Scenario::await_ready(const std::string& workload) {
  return Watch(stand(), workloads(), workload).until(is_ready, kBoot);
}

Json Scenario::await_reason(const std::string& workload, const std::string& reason) {
  return Watch(stand(), workloads(), workload)
      .until(
          [&](const Json& seen) {
            return condition(seen, "Ready").find(" " + reason + ": ") != std::string::npos;
          },
          kBoot);
}

node::HostView Scenario::init(const std::string& pod_name) {
  const Json found = pod(pod_name);
  const auto view = found.is_null() ? std::nullopt : init_of(stand().devcluster(), found);
  EXPECT_TRUE(view.has_value()) << "no process runs for Pod " << pod_name;
  return view.value_or(node::HostView{});
}

std::string Scenario::log(const std::string& pod_name, const std::vector<std::string>& flags) {
  static const std::regex kNoise("\x1b\\[[0-9;?]*[a-zA-Z]|\r");
  std::vector<std::string> arguments{"logs", "-n", ns_, pod_name};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  return std::regex_replace(stand().kubectl(arguments), kNoise, "");
}

std::string Scenario::diagnosis_of(const std::string& saved_log) {
  const swo::test::TemporaryFolder folder;
  return stand().run_operator({"diagnose", "--log", folder.write("console.log", saved_log)}).output;
}

std::vector<std::string> Scenario::events_of(const std::string& name) {
  std::vector<std::string> texts;
  const Json list = stand().get(in_namespace("events"));
  for (const Json& event : list.value("items", Json::array())) {
    if (event.at("involvedObject").value("name", "") != name) continue;
    texts.push_back(event.value("reason", "") + ": " + event.value("message", ""));
  }
  return texts;
}

std::string condition(const Json& object, const std::string& type) {
  const Json found =
      find_by(object.value("/status/conditions"_json_pointer, Json::array()), "type", type);
  if (found.empty()) return {};
  return found.value("status", "") + " " + found.value("reason", "") + ": " +
         found.value("message", "");
}

Json instance(const Json& workload, const std::string& name) {
  return find_by(workload.value("/status/instances"_json_pointer, Json::array()), "name", name);
}

bool is_ready(const Json& object) {
  return condition(object, "Ready").rfind("True ", 0) == 0 &&
         object.value("/status/observedGeneration"_json_pointer, 0) ==
             object.at("metadata").value("generation", 0);
}

bool is_ready_pod(const Json& pod) { return condition(pod, "Ready").rfind("True", 0) == 0; }

}  // namespace e2e
