// What must hold for a Pod whatever the options; the whole of it is in golden/.
#include <functional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "support.hpp"

namespace swo::render::test {
namespace {

const std::vector<std::string> kProfiles = platform::well_known_generations();

Json mount_at(const Json& pod, const std::string& path) {
  for (const Json& mount : container_of(pod).value("volumeMounts", Json::array())) {
    if (mount["mountPath"] == path) return mount;
  }
  return nullptr;
}

Json volume_of(const Json& pod, const std::string& name) {
  for (const Json& volume : pod["spec"].value("volumes", Json::array())) {
    if (volume["name"] == name) return volume;
  }
  return nullptr;
}

Json env_of(const Json& pod, const std::string& name) {
  Json found = nullptr;
  for (const Json& variable : container_of(pod)["env"]) {
    if (variable["name"] == name) {
      EXPECT_TRUE(found.is_null()) << name << " is given twice";
      found = variable["value"];
    }
  }
  return found;
}

TEST(Pod, OnEveryPlatformIsWhatSystemdNeedsAndNoMore) {
  for (const std::string& profile : kProfiles) {
    SCOPED_TRACE(profile);
    const Json pod = pod_on(profile);
    const Json& container = container_of(pod);
    EXPECT_EQ(container["tty"], true);
    EXPECT_EQ(container["command"], Json::array({"/sbin/init"}));
    EXPECT_EQ(pod["spec"]["securityContext"]["runAsUser"], 0);
    EXPECT_EQ(container["securityContext"]["allowPrivilegeEscalation"], true);
    EXPECT_FALSE(container["securityContext"].contains("privileged"));
    EXPECT_FALSE(container["lifecycle"].contains("stopSignal"));
    EXPECT_FALSE(container.contains("livenessProbe"));
    EXPECT_EQ(pod["spec"]["automountServiceAccountToken"], false);
    for (const char* field : {"hostPID", "hostIPC", "hostNetwork"}) {
      EXPECT_FALSE(pod["spec"].contains(field)) << field;
    }
    const bool annotated = pod["metadata"]
                               .value("annotations", Json::object())
                               .contains("io.kubernetes.cri-o.userns-mode");
    const bool host_users = pod["spec"].contains("hostUsers");
    EXPECT_NE(annotated, host_users) << "a user namespace by exactly one way";
    EXPECT_EQ(
        pod["metadata"].value("annotations", Json::object()).contains("openshift.io/required-scc"),
        profile.starts_with("openshift"));
    EXPECT_EQ(pod["spec"]["securityContext"].contains("seLinuxOptions"),
              !profile.starts_with("openshift"));
  }
}

TEST(Pod, IsTheSameDocumentEachTime) {
  for (const std::string& profile : kProfiles) {
    EXPECT_EQ(pod_on(profile).dump(), pod_on(profile).dump());
  }
}

TEST(Pod, HoldsNoEmptyFieldThatServerSideApplyWouldOwn) {
  const Json pod = pod_on("openshift-4.20");
  const std::function<void(const Json&, const std::string&)> check = [&](const Json& value,
                                                                         const std::string& path) {
    EXPECT_FALSE(value.is_null() || (value.is_structured() && value.empty())) << path;
    if (value.is_structured()) {
      for (const auto& [key, member] : value.items()) check(member, path + "." + key);
    }
  };
  check(pod, "pod");
}

TEST(Pod, ItsMachineIdIsTheInstancesAndOutlivesItsPods) {
  const api::Workload one = workload();
  api::Workload other = one;
  other.uid = "99999999-2222-3333-4444-555555555555";
  other.spec.image = "elsewhere";
  const auto strategy = on("openshift-4.20", one);
  const auto uuid = [&](const api::Workload& w, int ordinal) {
    return env_of(pod(w, strategy, ordinal), "container_uuid").get<std::string>();
  };
  api::Workload changed = one;
  changed.spec.image = "quay.io/other:2";
  EXPECT_EQ(uuid(one, 0), uuid(changed, 0));
  EXPECT_EQ(std::set({uuid(one, 0), uuid(one, 1), uuid(other, 0)}).size(), 3U);
  EXPECT_EQ(uuid(one, 0)[14], '5') << "a name-based UUID";
}

TEST(Pod, LabelsOfTheUserDoNotOverrideTheOperators) {
  api::Workload one = workload();
  one.spec.pod_labels = {{"app.kubernetes.io/name", "mine"},
                         {"workloads.systemd-operator.dev/workload", "other"},
                         {"team", "web"}};
  const Json labels = pod(one, on("openshift-4.20", one), 3)["metadata"]["labels"];
  EXPECT_EQ(labels["app.kubernetes.io/name"], "nginx");
  EXPECT_EQ(labels["workloads.systemd-operator.dev/workload"], "nginx");
  EXPECT_EQ(labels["workloads.systemd-operator.dev/ordinal"], "3");
  EXPECT_EQ(labels["team"], "web");
}

TEST(Pod, VariablesOfTheUserWinAndNoneIsGivenTwice) {
  api::Workload one = workload();
  one.spec.env = Json::array({{{"name", "container_uuid"}, {"value", "mine"}}});
  EXPECT_EQ(env_of(pod(one, on("openshift-4.20", one), 0), "container_uuid"), "mine");
}

TEST(Pod, CredentialsAreRealFilesThatRootAloneReads) {
  const std::string spec =
      "init: {credentials: [{name: a, secret: s}, {name: b, secret: s, key: k}]}";
  const Json pod = pod_on("openshift-4.20", spec);
  EXPECT_EQ(env_of(pod, "CREDENTIALS_DIRECTORY"), "/etc/systemd-workload/credentials");
  const Json mount = mount_at(pod, "/etc/systemd-workload/credentials/b");
  EXPECT_EQ(mount["subPath"], "b");
  EXPECT_EQ(mount["readOnly"], true);
  const Json source = volume_of(pod, "systemd-credentials")["projected"];
  EXPECT_EQ(source["defaultMode"], 0400);
  EXPECT_EQ(source["sources"][1]["secret"]["items"][0]["key"], "k");
  // Not id-mapped where the runtime makes the user namespace by annotation: root inside is not
  // their owner.
  EXPECT_EQ(
      volume_of(pod_on("openshift-4.16", spec), "systemd-credentials")["projected"]["defaultMode"],
      0444);
}

TEST(Pod, UnitFilesAndDropInsGoWhereSystemdLooks) {
  const Json pod = pod_on("openshift-4.20",
                          "init: {unitFiles: [{name: a.service, configMap: c},"
                          " {name: a.service, configMap: c, key: limits.conf, dropIn: true}]}");
  EXPECT_EQ(mount_at(pod, "/etc/systemd/system/a.service")["subPath"], "a.service");
  EXPECT_EQ(mount_at(pod, "/etc/systemd/system/a.service.d/limits.conf")["subPath"],
            "a.service.d/limits.conf");
}

TEST(Pod, AClaimIsSeededFromTheImageByAnInitContainerWithTheSameRights) {
  const Json pod = pod_on("openshift-4.20",
                          "storage: {claims: [{name: var, mountPath: /var, size: 1Gi, subPath: v,"
                          " seedFromImage: true}, {name: data, mountPath: /data, size: 1Gi}]}");
  ASSERT_EQ(pod["spec"]["initContainers"].size(), 1U);
  const Json& seed = pod["spec"]["initContainers"][0];
  const Json& machine = pod["spec"]["containers"][0];
  EXPECT_EQ(seed["image"], machine["image"]);
  EXPECT_EQ(seed["securityContext"], machine["securityContext"]);
  EXPECT_EQ(seed["command"].back(), "/systemd-workload/var:/var");
  const Json mount = {{"name", "var"}, {"mountPath", "/systemd-workload/var"}, {"subPath", "v"}};
  EXPECT_EQ(seed["volumeMounts"], Json::array({mount}));
  EXPECT_EQ(mount_at(pod, "/var")["subPath"], "v");
  EXPECT_FALSE(pod_on("openshift-4.20").at("spec").contains("initContainers"));
}

TEST(Pod, OnContainerdAClaimTakesThePlaceOfTheMemoryMount) {
  const Json pod =
      pod_on("kubernetes-1.33-containerd",
             "storage: {claims: [{name: journal, mountPath: /var/log/journal, size: 1Gi}]}");
  EXPECT_EQ(mount_at(pod, "/var/log/journal")["name"], "journal");
  EXPECT_EQ(volume_of(pod, "systemd-journal"), nullptr);
  EXPECT_EQ(volume_of(pod, "systemd-run")["emptyDir"]["medium"], "Memory");
  EXPECT_EQ(env_of(pod, "container"), "containerd");
}

TEST(Pod, TwoPortsOfTheServiceMayLeadToOneOfTheContainer) {
  const Json pod = pod_on("openshift-4.20",
                          "ports: [{name: a, port: 80, targetPort: 8080}, {name: b, port: 8080},"
                          " {name: c, port: 8080, protocol: UDP}]");
  ASSERT_EQ(container_of(pod)["ports"].size(), 2U);
}

TEST(Pod, QuantitiesAreInTheServersForm) {
  const Json pod = pod_on("openshift-4.20", "resources: {limits: {cpu: 0.5, memory: 2048Mi}}");
  EXPECT_EQ(container_of(pod)["resources"],
            Json({{"limits", {{"cpu", "500m"}, {"memory", "2Gi"}}}}));
}

}  // namespace
}  // namespace swo::render::test
