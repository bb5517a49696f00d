// An operator for some namespaces: with exactly the rights of config/namespaced it does its work
// there, asks for nothing that it may not have, and leaves everything else alone.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "devcluster/yaml.hpp"
#include "files/shell.hpp"
#include "files/temporary_folder.hpp"
#include "support/simulation.hpp"

namespace swo::test {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Documents = std::vector<Json>;

// What `kubectl apply -k` would send.
Documents kustomize(const fs::path& folder) {
  const std::string command = "kubectl kustomize " + folder.string();
  const Output output = sh(command);
  if (output.exit != 0) {
    throw std::runtime_error(command + ": " + output.text);
  }
  return devcluster::yaml_documents(output.text);
}

const fs::path namespaced = fs::path(SWO_SOURCE_DIR) / "config/namespaced";

// A person's own overlay, as docs/operations.md has it, for one namespace more.
Documents with_second_namespace() {
  const TemporaryFolder folder;
  const fs::path path = fs::canonical(folder.path());
  std::ofstream(path / "kustomization.yaml")
      << "resources: [" << fs::relative(namespaced, path).string() << ", second.yaml]\n"
      << "patches:\n- path: watch.yaml\n";
  const auto copy = [&](const char* from, const char* to, const std::string& what,
                        const std::string& by) {
    std::ifstream in(namespaced / from);
    std::string text(std::istreambuf_iterator<char>(in), {});
    const std::size_t at = text.find(what);
    if (at == std::string::npos) {
      throw std::runtime_error(std::string(from) + " has no \"" + what + "\"");
    }
    std::ofstream(path / to) << text.replace(at, what.size(), by);
  };
  copy("role_binding.yaml", "second.yaml", "namespace: demo", "namespace: other");
  copy("watch_namespace.yaml", "watch.yaml", "value: demo", "value: demo,other");
  return kustomize(path);
}

SimulationOptions options_of(const Documents& documents) {
  SimulationOptions options;
  for (const Json& object : documents) {
    if (object["apiVersion"] == "rbac.authorization.k8s.io/v1") {
      options.rights.push_back(object);
    }
    if (object["kind"] != "Deployment") {
      continue;
    }
    const Json& container = object["spec"]["template"]["spec"]["containers"][0];
    for (const Json& variable : container["env"]) {
      if (variable["name"] == "WATCH_NAMESPACE") {
        std::istringstream names(variable["value"].get<std::string>());
        for (std::string name; std::getline(names, name, ',');) {
          options.namespaces.push_back(name);
        }
      }
    }
    const Json& arguments = container["args"];
    if (std::find(arguments.begin(), arguments.end(), "--machine-config=Preview") !=
        arguments.end()) {
      options.machine_config = platform::MachineConfigMode::kPreview;
    }
  }
  return options;
}

class Namespaced : public ::testing::Test {
 protected:
  void SetUp() override {
    if (sh("kubectl version --client").exit != 0) {
      GTEST_SKIP() << "kubectl is not installed";
    }
  }
  void start(const Documents& documents, const std::string& profile = "openshift-4.20") {
    SimulationOptions options = options_of(documents);
    options.profile = profile;
    simulation = std::make_unique<Simulation>(std::move(options));
    simulation->cluster().api().on_audit([this](const devcluster::AuditEvent& event) {
      if (event.status == 403) {
        refused.push_back(event.verb + " " + event.resource + " in " + event.ns);
      }
    });
  }
  void apply(const std::string& ns, Json spec = {{"image", "x"},
                                                 {"ports", {{{"name", "http"}, {"port", 80}}}},
                                                 {"route", Json::object()}}) {
    if (!simulation->admin().get("/api/v1/namespaces", ns)) {
      simulation->admin().create("/api/v1/namespaces", {{"metadata", {{"name", ns}}}});
    }
    simulation->admin().create(workloads(ns),
                               {{"apiVersion", "workloads.systemd-operator.dev/v1alpha1"},
                                {"kind", "SystemdWorkload"},
                                {"metadata", {{"name", "nginx"}, {"namespace", ns}}},
                                {"spec", std::move(spec)}});
  }
  static std::string workloads(const std::string& ns) {
    return "/apis/workloads.systemd-operator.dev/v1alpha1/namespaces/" + ns + "/systemdworkloads";
  }
  Json status(const std::string& ns) {
    return simulation->admin().get(workloads(ns), "nginx")->value("status", Json::object());
  }
  bool runs(const std::string& ns) { return status(ns).value("phase", "") == "Running"; }
  std::vector<Json> pods(const std::string& ns) {
    return simulation->admin().list("/api/v1/namespaces/" + ns + "/pods");
  }

  std::unique_ptr<Simulation> simulation;
  std::vector<std::string> refused;
};

TEST_F(Namespaced, InOneNamespaceItDoesAllItsWorkWithTheRightsThere) {
  start(kustomize(namespaced));
  apply("demo");
  apply("other");
  ASSERT_TRUE(simulation->until([&] { return runs("demo"); }))
      << status("demo").dump(2) << Simulation::log();
  simulation->admin().merge_patch(workloads("demo"), "nginx", {{"spec", {{"image", "y"}}}});
  ASSERT_TRUE(simulation->until([&] {
    const auto all = pods("demo");
    return runs("demo") && all.size() == 1 && all[0]["spec"]["containers"][0]["image"] == "y";
  }));
  simulation->admin().remove(workloads("demo"), "nginx");
  ASSERT_TRUE(simulation->until([&] { return pods("demo").empty(); }));
  EXPECT_THAT(refused, IsEmpty()) << Simulation::log();
  EXPECT_THAT(status("other"), IsEmpty()) << "of a namespace that it does not serve";
  EXPECT_THAT(pods("other"), IsEmpty());
}

TEST_F(Namespaced, InTwoNamespacesItServesBothAndNoThird) {
  start(with_second_namespace());
  for (const char* ns : {"demo", "other", "third"}) {
    apply(ns);
  }
  ASSERT_TRUE(simulation->until([&] { return runs("demo") && runs("other"); }))
      << status("other").dump(2) << Simulation::log();
  EXPECT_THAT(refused, IsEmpty()) << Simulation::log();
  EXPECT_THAT(status("third"), IsEmpty());
  EXPECT_THAT(pods("third"), IsEmpty());
}

TEST_F(Namespaced, ANamespaceThatItMayNotReadHoldsUpNoOther) {
  Documents documents = with_second_namespace();
  const auto binding = std::find_if(documents.begin(), documents.end(), [](const Json& object) {
    return object["kind"] == "RoleBinding" && object["metadata"].value("namespace", "") == "other";
  });
  ASSERT_NE(binding, documents.end());
  const Json lost = *binding;
  documents.erase(binding);
  start(documents);
  apply("demo");
  apply("other");
  ASSERT_TRUE(simulation->until([&] { return runs("demo"); })) << Simulation::log();
  EXPECT_THAT(status("other"), IsEmpty());

  simulation->admin().create("/apis/rbac.authorization.k8s.io/v1/namespaces/other/rolebindings",
                             lost);
  EXPECT_TRUE(simulation->until([&] { return runs("other"); }))
      << status("other").dump(2) << Simulation::log();
  EXPECT_EQ(pods("other").size(), 1U);
}

TEST_F(Namespaced, OfWhatTheClusterSharesItWritesItsConstraintsAlone) {
  start(kustomize(namespaced));
  apply("demo");
  ASSERT_TRUE(simulation->until([&] { return runs("demo"); }));
  simulation->admin().remove(workloads("demo"), "nginx");
  ASSERT_TRUE(simulation->until([&] { return pods("demo").empty(); }));
  simulation->advance(std::chrono::minutes(30));
  for (const auto& [write, count] : simulation->writes()) {
    EXPECT_THAT(
        write,
        AnyOf(HasSubstr("/demo/"), StartsWith("PATCH securitycontextconstraints/systemd-workload"),
              StartsWith("POST pods/demo"), StartsWith("POST controllerrevisions/demo")));
  }
  // Whether another operator's workloads use them it cannot see.
  EXPECT_TRUE(simulation->admin().get(sccs_path, "systemd-workload"));
}

TEST_F(Namespaced, NodesThatLackSomethingAreLeftToTheAdministratorWhoIsTold) {
  start(kustomize(namespaced), "openshift-4.8");
  apply("demo");
  simulation->advance(std::chrono::minutes(30));
  EXPECT_THAT(refused, IsEmpty());
  EXPECT_EQ(simulation->cluster().rollouts("worker"), 0);
  EXPECT_FALSE(runs("demo"));
  EXPECT_THAT(status("demo").dump(), HasSubstr("--machine-config")) << status("demo").dump(2);
}

TEST_F(Namespaced, OnPlainKubernetesTheSameRightsDo) {
  start(kustomize(namespaced), "kubernetes-1.33");
  apply("demo");
  ASSERT_TRUE(simulation->until([&] { return runs("demo"); }))
      << status("demo").dump(2) << Simulation::log();
  EXPECT_THAT(refused, IsEmpty());
}

TEST_F(Namespaced, AHostOfOnesOwnIsClaimedOnlyWithTheRightToSeeAllRoutes) {
  const Json spec = {{"image", "x"},
                     {"ports", {{{"name", "http"}, {"port", 80}}}},
                     {"route", {{"host", "nginx.apps.example.com"}}}};
  const auto has_route = [&] {
    return !simulation->admin().list("/apis/route.openshift.io/v1/namespaces/demo/routes").empty();
  };
  start(kustomize(namespaced));
  apply("demo", spec);
  simulation->advance(std::chrono::minutes(10));
  EXPECT_FALSE(has_route());
  EXPECT_EQ(status("demo").value("url", ""), "") << "whoever has the host answers there";
  EXPECT_THAT(status("demo")["conditions"], testing::Contains(testing::ResultOf(
                                                [](const Json& one) {
                                                  return one.value("type", "") +
                                                         one.value("status", "") +
                                                         one.value("reason", "");
                                                },
                                                "ExposedFalseHostUnknown")))
      << status("demo").dump(2);
  EXPECT_THAT(status("demo").dump(), HasSubstr("route_hosts.yaml"));
  std::ifstream file(namespaced / "route_hosts.yaml");
  for (const Json& object :
       devcluster::yaml_documents({std::istreambuf_iterator<char>(file), {}})) {
    const bool binding = object["kind"] == "ClusterRoleBinding";
    simulation->admin().create(std::string("/apis/rbac.authorization.k8s.io/v1/clusterrole") +
                                   (binding ? "bindings" : "s"),
                               object);
  }
  EXPECT_TRUE(simulation->until(has_route)) << Simulation::log();
}

// A role that is bound in the whole cluster has nothing in it that a namespace holds.
TEST_F(Namespaced, InTheWholeClusterItHoldsWhatNoNamespaceDoes) {
  const Documents documents = kustomize(namespaced);
  start(documents);
  std::map<std::string, Json> roles;
  for (const Json& object : documents) {
    if (object["kind"] == "ClusterRole") {
      roles[object["metadata"]["name"]] = object["rules"];
    }
  }
  int looked_at = 0;
  for (const Json& object : documents) {
    if (object["kind"] != "ClusterRoleBinding") {
      continue;
    }
    for (const Json& rule : roles.at(object["roleRef"]["name"])) {
      const std::string group = rule["apiGroups"][0];
      const std::string path = group.empty() ? "/api" : "/apis/" + group;
      const Json served = simulation->admin().get(path, "v1").value_or(Json::object());
      for (const Json& type : served.value("resources", Json::array())) {
        const Json& wanted = rule["resources"];
        if (std::find(wanted.begin(), wanted.end(), type["name"]) != wanted.end()) {
          EXPECT_EQ(type["namespaced"], false) << type["name"];
          ++looked_at;
        }
      }
    }
  }
  EXPECT_GE(looked_at, 8);
}

}  // namespace
}  // namespace swo::test
