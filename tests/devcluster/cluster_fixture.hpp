// A cluster in virtual time with a namespace "demo", and what its scenarios ask of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "devcluster/virtual_clock.hpp"

namespace devcluster {

class ClusterScenario : public ::testing::Test {
 protected:
  void start(const std::string& profile = "openshift-4.20",
             const std::function<void(ClusterOptions&)>& adjust = {}) {
    ClusterOptions options;
    options.profile = profile;
    options.clock = clock.clock();
    if (adjust) adjust(options);
    cluster = std::make_unique<Cluster>(std::move(options));
    api = std::make_unique<Api>(cluster->api());
    api->create("/api/v1/namespaces",
                {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "demo"}}}});
    cluster->tick();
    cluster->api().add_token("tester", "tester", {});
    api->create("/apis/rbac.authorization.k8s.io/v1/clusterroles",
                {{"apiVersion", "rbac.authorization.k8s.io/v1"},
                 {"kind", "ClusterRole"},
                 {"metadata", {{"name", "tester"}}},
                 {"rules", Json::array({{{"apiGroups", {"", "route.openshift.io"}},
                                         {"resources", {"pods", "pods/log", "routes"}},
                                         {"verbs", {"*"}}}})}});
    api->create(
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        {{"apiVersion", "rbac.authorization.k8s.io/v1"},
         {"kind", "ClusterRoleBinding"},
         {"metadata", {{"name", "tester"}}},
         {"roleRef",
          {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "ClusterRole"}, {"name", "tester"}}},
         {"subjects", Json::array({{{"kind", "User"},
                                    {"apiGroup", "rbac.authorization.k8s.io"},
                                    {"name", "tester"}}})}});
  }

  // As an unprivileged user who may create Pods and Routes; the answer's status and body.
  std::pair<int, Json> as_tester(const std::string& method, const std::string& target,
                                 const Json& body = {}) {
    Request request{method,
                    target,
                    {{"authorization", "Bearer tester"}, {"content-type", "application/json"}},
                    body.is_null() ? "" : body.dump(),
                    false,
                    "",
                    {}};
    const auto answer = cluster->api().handle(request);
    return {answer.response.status, Json::parse(answer.response.body)};
  }

  // The SCC that lets systemd boot, usable by the namespace's ServiceAccount "default".
  void grant_systemd_scc() {
    Json scc = Json::parse(R"({"apiVersion": "security.openshift.io/v1",
      "kind": "SecurityContextConstraints", "metadata": {"name": "systemd"}, "priority": null,
      "allowHostDirVolumePlugin": false, "allowHostIPC": false, "allowHostNetwork": false,
      "allowHostPID": false, "allowHostPorts": false, "allowPrivilegeEscalation": true,
      "allowPrivilegedContainer": false, "allowedCapabilities": [], "readOnlyRootFilesystem": false,
      "fsGroup": {"type": "RunAsAny"}, "supplementalGroups": {"type": "RunAsAny"},
      "runAsUser": {"type": "MustRunAsRange", "uidRangeMin": 0, "uidRangeMax": 65534},
      "seLinuxContext": {"type": "MustRunAs", "seLinuxOptions": {"type": "container_init_t"}},
      "requiredDropCapabilities": ["MKNOD"], "seccompProfiles": ["runtime/default"],
      "users": ["system:serviceaccount:demo:default"], "groups": [],
      "volumes": ["configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"]})");
    if (cluster->profile().user_namespace_level) scc["userNamespaceLevel"] = "RequirePodLevel";
    api->create("/apis/security.openshift.io/v1/securitycontextconstraints", scc);
  }

  // The Pod that boots systemd on a current cluster; change it to taste.
  static Json right_pod(const std::string& name = "nginx") {
    return {{"apiVersion", "v1"},
            {"kind", "Pod"},
            {"metadata", {{"name", name}, {"namespace", "demo"}, {"labels", {{"app", name}}}}},
            {"spec",
             {{"hostUsers", false},
              {"automountServiceAccountToken", false},
              {"securityContext", {{"runAsUser", 0}}},
              {"terminationGracePeriodSeconds", 20},
              {"containers",
               Json::array({{{"name", "nginx"},
                             {"image", "quay.io/ftweedal/test-nginx:latest"},
                             {"command", {"/sbin/init"}},
                             {"tty", true},
                             {"readinessProbe",
                              {{"exec", {{"command", {"systemctl", "is-system-running"}}}},
                               {"periodSeconds", 5}}}}})}}}};
  }
  static Json& container(Json& pod) { return pod["spec"]["containers"][0]; }

  Json create(const Json& pod) { return api->create(pods_path("demo"), pod); }
  std::optional<Json> pod(const std::string& name = "nginx") {
    return api->get(pods_path("demo"), name);
  }
  Json status(const std::string& pointer, const std::string& name = "nginx") {
    const auto found = pod(name);
    return found ? found->value(Json::json_pointer("/status" + pointer), Json()) : Json();
  }
  std::string condition(const std::string& type, const std::string& name = "nginx") {
    const auto conditions = status("/conditions", name);
    for (const auto& c : conditions) {
      if (c["type"] == type) return c["status"];
    }
    return "";
  }
  bool until(const std::function<bool()>& done,
             std::chrono::seconds limit = std::chrono::minutes(10)) {
    return run_until(*cluster, clock, done, limit);
  }
  void live(std::chrono::system_clock::duration time) { run_for(*cluster, clock, time); }
  bool until_ready(const std::string& name = "nginx") {
    return until([&] { return condition("Ready", name) == "True"; });
  }
  std::string log(const std::string& name = "nginx", const std::string& query = "") {
    Request request;
    request.target = pods_path("demo") + "/" + name + "/log" + query;
    request.trusted = true;
    return cluster->api().handle(request).response.body;
  }
  // "Reason: message ×count" of all Events about it.
  std::string events(const std::string& name = "nginx") {
    std::string text;
    for (const auto& e : api->list("/api/v1/namespaces/demo/events")) {
      if (e["involvedObject"].value("name", "") != name) continue;
      text += e.value("reason", "") + ": " + e.value("message", "") + " ×" +
              std::to_string(e.value("count", 0)) + "\n";
    }
    return text;
  }

  VirtualClock clock;
  std::unique_ptr<Cluster> cluster;
  std::unique_ptr<Api> api;
};

}  // namespace devcluster
