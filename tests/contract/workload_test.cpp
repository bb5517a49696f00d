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

const Json kNginx = {{"image", "quay.io/ftweedal/test-nginx:latest"},
                     {"ports", {{{"name", "http"}, {"port", 80}}}}};

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
    options.prove = [](platform::UserNamespaceVia, const std::string&) {};
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
    if (get("/apis/security.openshift.io/v1").status == 200) {
      GTEST_SKIP() << "on OpenShift it would write SecurityContextConstraints of the whole cluster";
    }
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
      const std::string crd =
          crds_path + "/" + std::string(api::kPlural) + "." + std::string(api::kGroup);
      remove(crd);
      // While it is terminating the next test could make no object of it.
      EXPECT_TRUE(cluster().until([&] { return get(crd).status == 404; }));
    }
  }
  static std::string workloads() {
    return "/apis/" + std::string(api::kGroup) + "/" + std::string(api::kVersion) + "/namespaces/" +
           ns() + "/" + std::string(api::kPlural);
  }
  static void ask_for(const std::string& name, const Json& spec) {
    const Answer made = post(workloads(), {{"apiVersion", api::kApiVersion},
                                           {"kind", api::kKind},
                                           {"metadata", {{"name", name}}},
                                           {"spec", spec}});
    ASSERT_EQ(made.status, 201) << made.message();
  }
  // The operator has seen the spec as it is, and told so.
  static bool told_of(const std::string& name) {
    const Json live = get(workloads() + "/" + name).body;
    return live.contains("status") &&
           live["status"]["observedGeneration"] == live["metadata"]["generation"];
  }
  static std::string condition(const std::string& name, const std::string& type) {
    const Json live = get(workloads() + "/" + name).body;
    const Json conditions = live.value("/status/conditions"_json_pointer, Json::array());
    for (const Json& one : conditions) {
      if (one["type"] == type) {
        return one["reason"].get<std::string>() + ": " + one["message"].get<std::string>();
      }
    }
    return "";
  }
  static std::string in(const std::string& group, const std::string& resources) {
    return group + "/namespaces/" + ns() + "/" + resources;
  }

 private:
  bool made_crd_ = false;
};

TEST_F(Workload, BecomesItsChildrenAndIsRepairedAndToldOf) {
  Json spec = kNginx;
  spec["replicas"] = 2;  // for which there is a disruption budget on every version
  ask_for("nginx", spec);
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

TEST_F(Workload, LosesWhatItsSpecNoLongerAsksFor) {
  ask_for("narrow", kNginx);
  const std::string service = in("/api/v1", "services") + "/narrow";
  Driven driven;
  ASSERT_TRUE(driven.until([&] { return get(service).status == 200; }));
  merge(workloads() + "/narrow", {{"spec", {{"ports", nullptr}}}});
  EXPECT_TRUE(driven.until([&] { return get(service).status == 404; }));
  EXPECT_EQ(get(in("/api/v1", "services") + "/narrow-instances").status, 200);
  remove(workloads() + "/narrow");
}

TEST_F(Workload, LeavesAnObjectOfItsNameAloneThatIsSomeoneElses) {
  const std::string services = in("/api/v1", "services");
  ASSERT_EQ(post(services, {{"apiVersion", "v1"},
                            {"kind", "Service"},
                            {"metadata", {{"name", "taken"}}},
                            {"spec", {{"ports", {{{"port", 8080}}}}}}})
                .status,
            201);
  Json without_instances = kNginx;
  without_instances["replicas"] = 0;
  ask_for("taken", without_instances);
  Driven driven;
  EXPECT_TRUE(driven.until([&] {
    return condition("taken", "Degraded").find("NameTaken") != std::string::npos;
  })) << condition("taken", "Degraded");
  const Json theirs = get(services + "/taken").body;
  EXPECT_EQ(theirs["spec"]["ports"][0]["port"], 8080);
  EXPECT_FALSE(theirs["metadata"].contains("ownerReferences"));
  remove(workloads() + "/taken");
  remove(services + "/taken");
}

TEST_F(Workload, KeepsItsClaimsByTheScaleSubresourceAndItsRevisions) {
  Json spec = kNginx;
  spec["storage"] = {{"claims", {{{"name", "data"}, {"mountPath", "/data"}, {"size", "1Gi"}}}},
                     {"retention", {{"whenDeleted", "Delete"}}}};
  ask_for("disk", spec);
  const auto claim = [&](int ordinal) {
    return get(in("/api/v1", "persistentvolumeclaims") + "/data-disk-" + std::to_string(ordinal));
  };
  Driven driven;
  ASSERT_TRUE(driven.until([&] { return claim(0).status == 200; }));
  merge(workloads() + "/disk/scale", {{"spec", {{"replicas", 2}}}});
  ASSERT_TRUE(driven.until([&] { return claim(1).status == 200; }));
  EXPECT_EQ(claim(0).body["metadata"]["ownerReferences"][0]["kind"], api::kKind);

  merge(workloads() + "/disk", {{"spec", {{"env", {{{"name", "A"}, {"value", "b"}}}}}}});
  const std::string revisions = in("/apis/apps/v1", "controllerrevisions") +
                                "?labelSelector=" + std::string(api::kLabelWorkload) + "%3Ddisk";
  EXPECT_TRUE(driven.until([&] { return get(revisions).body["items"].size() == 2; }))
      << get(revisions).body.dump(2);
  // The workload keeps its data where it is asked to later.
  merge(workloads() + "/disk",
        {{"spec", {{"storage", {{"retention", {{"whenDeleted", "Retain"}}}}}}}});
  EXPECT_TRUE(driven.until([&] { return !claim(0).body["metadata"].contains("ownerReferences"); }));
  remove(workloads() + "/disk");
  for (const int ordinal : {0, 1}) {
    remove(in("/api/v1", "persistentvolumeclaims") + "/data-disk-" + std::to_string(ordinal));
  }
}

TEST_F(Workload, IsNotWrittenAgainByAnotherOperator) {
  ask_for("rest", kNginx);
  const std::vector<std::string> objects = {
      workloads() + "/rest", in("/api/v1", "services") + "/rest",
      in("/api/v1", "services") + "/rest-instances",
      in("/api/v1", "serviceaccounts") + "/rest-systemd",
      in("/apis/policy/v1", "poddisruptionbudgets") + "/rest"};
  const auto versions = [&] {
    std::vector<std::uint64_t> all;
    for (const std::string& object : objects) {
      const Answer answer = get(object);
      all.push_back(answer.status == 200 ? version_of(answer.body) : 0);
    }
    return all;
  };
  // At rest: nothing has changed for some time.
  const auto rest = [&](Driven& driven) {
    auto last = versions();
    int quiet = 0;
    driven.until([&] {
      const auto now = versions();
      quiet = now == last ? quiet + 1 : 0;
      last = now;
      return quiet > 20;
    });
    return last;
  };
  std::vector<std::uint64_t> before;
  {
    Driven first;
    ASSERT_TRUE(first.until([&] { return told_of("rest"); }));
    before = rest(first);
  }
  Driven second;
  EXPECT_EQ(rest(second), before);
  remove(workloads() + "/rest");
}

}  // namespace
}  // namespace swo::contract
