// The main job against the cluster under test: a workload becomes its children. What needs a
// kubelet is left out where there is none.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/names.hpp"
#include "contract_fixture.hpp"
#include "devcluster/yaml.hpp"
#include "platform/collector.hpp"
#include "reconcile/operator.hpp"

namespace swo::contract {
namespace {

const std::string crds_path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

class TestClock : public runtime::Clock {
 public:
  kube::Instant now() const override { return cluster_under_test().now(); }
  std::chrono::system_clock::time_point wall() const override {
    return std::chrono::system_clock::now();
  }
};

// The operator, driven from this thread.
class Driven {
 public:
  Driven()
      : client_(cluster_under_test().transport()),
        collector_(client_, platform::CollectorOptions{}) {
    cluster_under_test().until([this] {
      collector_.step(clock_.now());
      return collector_.synced();
    });
    const auto facts = collector_.snapshot();
    reconcile::OperatorOptions options;
    options.world.kinds = {.route = facts->has_route,
                           .http_route = facts->has_gateway,
                           .scc = facts->has_scc,
                           .machine_config = facts->has_machine_config};
    // Only what is ours, and nothing of the cluster's nodes.
    options.world.namespaces = {ns()};
    options.machine_config = platform::MachineConfigMode::kOff;
    options.facts = [this] { return collector_.snapshot(); };
    options.prove = [](platform::UserNamespaceVia) {};
    options.facts_known = [this] { return collector_.synced(); };
    options.clock = &clock_;
    operator_ = std::make_unique<reconcile::Operator>(client_, std::move(options));
  }
  bool until(const std::function<bool()>& done) {
    return cluster_under_test().until([&] {
      collector_.step(clock_.now());
      while (operator_->step(clock_.now())) {
      }
      return done();
    });
  }

 private:
  TestClock clock_;
  kube::Client client_;
  platform::Collector collector_;
  std::unique_ptr<reconcile::Operator> operator_;
};

class Workload : public Contract {
 protected:
  void SetUp() override {
    std::ifstream file(SWO_SOURCE_DIR "/crds/workloads.systemd-operator.dev_systemdworkloads.yaml");
    std::stringstream text;
    text << file.rdbuf();
    const Json crd = devcluster::yaml_documents(text.str()).front();
    const Answer made = post(crds_path, crd);
    made_crd_ = made.status == 201;
    ASSERT_TRUE(made_crd_ || made.status == 409) << made.message();
    ASSERT_TRUE(cluster().until([&] { return get(workloads()).status == 200; }));
  }
  void TearDown() override {
    if (made_crd_) {
      remove(crds_path + "/" + std::string(api::kPlural) + "." + std::string(api::kGroup));
    }
  }
  static std::string workloads() {
    return "/apis/" + std::string(api::kGroup) + "/" + std::string(api::kVersion) + "/namespaces/" +
           ns() + "/" + std::string(api::kPlural);
  }
  static std::string in(const std::string& group, const std::string& plural) {
    return group + "/namespaces/" + ns() + "/" + plural;
  }

 private:
  bool made_crd_ = false;
};

TEST_F(Workload, BecomesItsChildrenAndIsRepairedAndToldOf) {
  if (get("/apis/security.openshift.io/v1").status == 200) {
    GTEST_SKIP() << "on OpenShift it would write SecurityContextConstraints of the whole cluster";
  }
  ASSERT_EQ(post(workloads(), {{"apiVersion", api::kApiVersion},
                               {"kind", api::kKind},
                               {"metadata", {{"name", "nginx"}}},
                               {"spec",
                                {{"image", "quay.io/ftweedal/test-nginx:latest"},
                                 {"ports", {{{"name", "http"}, {"port", 80}}}}}}})
                .status,
            201);
  const std::vector<std::string> children = {
      in("/api/v1", "serviceaccounts") + "/nginx-systemd", in("/api/v1", "services") + "/nginx",
      in("/api/v1", "services") + "/nginx-instances",
      in("/apis/policy/v1", "poddisruptionbudgets") + "/nginx"};
  Driven driven;
  ASSERT_TRUE(driven.until([&] {
    return std::all_of(children.begin(), children.end(),
                       [](const std::string& child) { return get(child).status == 200; });
  }));
  const Json workload = get(workloads() + "/nginx").body;
  for (const std::string& child : children) {
    const Json owner = get(child).body["metadata"]["ownerReferences"][0];
    EXPECT_EQ(owner["uid"], uid_of(workload)) << child;
    EXPECT_EQ(owner["controller"], true) << child;
  }
  merge(children[1], {{"spec", {{"ports", {{{"name", "http"}, {"port", 81}}}}}}});
  EXPECT_TRUE(driven.until([&] { return get(children[1]).body["spec"]["ports"][0]["port"] == 80; }))
      << get(children[1]).body.dump(2);
  EXPECT_TRUE(driven.until([&] {
    const Json live = get(workloads() + "/nginx").body;
    return live.contains("status") && live["status"]["observedGeneration"] == 1 &&
           live["status"]["conditions"].size() > 3;
  })) << get(workloads() + "/nginx").body.dump(2);
  if (cluster().has_kubelet()) {
    EXPECT_TRUE(driven.until([&] {
      return get(in("/api/v1", "pods") + "/nginx-0").body["spec"]["hostUsers"] == false;
    }));
  }
  remove(workloads() + "/nginx");
  if (cluster().has_controllers()) {
    EXPECT_TRUE(driven.until([&] { return get(children[1]).status == 404; }));
  }
}

}  // namespace
}  // namespace swo::contract
