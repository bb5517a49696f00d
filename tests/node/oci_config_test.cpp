// The rules by which CRI-O turns a Pod into an OCI configuration, one test a rule.
#include "node/oci_config.hpp"

#include <gmock/gmock.h>

#include "node/pod_error.hpp"

namespace node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Json pod_of(const Json& container) {
  return {{"metadata", {{"name", "nginx-0"}, {"namespace", "demo"}}},
          {"spec", {{"containers", Json::array({container})}}}};
}

Json config(const Json& pod, const NodeRules& rules = {}, const Sandbox& sandbox = {}) {
  ImageConfig image;
  image.cmd = {"/sbin/init"};
  image.env = {"FROM_IMAGE=yes"};
  return oci_config(pod, pod["spec"]["containers"][0], image, rules, sandbox);
}

Json mount_on(const Json& config, const std::string& destination) {
  Json found;
  for (const Json& mount : config["mounts"]) {
    if (mount["destination"] == destination) found = mount;
  }
  return found;
}

std::vector<std::string> namespace_types(const Json& config) {
  std::vector<std::string> types;
  for (const Json& entry : config["linux"]["namespaces"]) types.push_back(entry["type"]);
  return types;
}

std::string refusal(const Json& container) {
  try {
    config(pod_of(container));
  } catch (const PodError& e) {
    EXPECT_EQ(e.reason(), "CreateContainerConfigError");
    return e.what();
  }
  return "accepted";
}

TEST(OciConfig, InitIsKnownByItsPath) {
  for (const char* init : {"/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd", "systemd"}) {
    EXPECT_TRUE(is_init(init)) << init;
  }
  for (const char* other : {"/init", "init", "sh", "/usr/bin/systemd-wrapper", ""}) {
    EXPECT_FALSE(is_init(other)) << other;
  }
}

TEST(OciConfig, AnInitGetsItsMountsAWritableCgroupAndIsToldWhereItIs) {
  const Json made = config(pod_of(Json::object()));
  for (const char* directory : {"/run", "/run/lock", "/tmp", "/var/log/journal"}) {
    EXPECT_EQ(mount_on(made, directory)["options"],
              Json({"rw", "rprivate", "noexec", "nosuid", "nodev", "tmpcopyup"}))
        << directory;
  }
  EXPECT_EQ(mount_on(made, "/sys/fs/cgroup")["options"], Json({"private", "rw"}));
  EXPECT_THAT(made["process"]["env"], ::testing::Contains("container=crio"));
}

TEST(OciConfig, AnythingElseGetsAReadOnlyCgroup) {
  const Json made = config(pod_of({{"command", {"/bin/sh", "-c", "exec /sbin/init"}}}));
  EXPECT_TRUE(mount_on(made, "/run").is_null());
  EXPECT_EQ(mount_on(made, "/sys/fs/cgroup")["options"].back(), "ro");
  EXPECT_THAT(made["process"]["env"], ::testing::Not(::testing::Contains("container=crio")));
}

TEST(OciConfig, TheCgroupAnnotationCountsOnlyWhereItIsAllowed) {
  Json pod = pod_of({{"command", {"/bin/sh"}}});
  for (const char* name :
       {"io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw", "cgroup2-mount-hierarchy-rw.crio.io"}) {
    pod["metadata"]["annotations"] = {{name, "true"}};
    EXPECT_EQ(mount_on(config(pod), "/sys/fs/cgroup")["options"].back(), "ro") << name;
    EXPECT_EQ(
        mount_on(config(pod, {.userns_annotation = true}), "/sys/fs/cgroup")["options"].back(),
        "rw")
        << name;
  }
}

TEST(OciConfig, AVolumeOfThePodsOnRunWinsOverTheRuntimesOwn) {
  Sandbox sandbox;
  sandbox.mounts = {{"/pods/x/volumes/run", "/run", false}};
  const Json made = config(pod_of(Json::object()), {}, sandbox);
  EXPECT_EQ(mount_on(made, "/run")["source"], "/pods/x/volumes/run");
  EXPECT_EQ(mount_on(made, "/run/lock")["type"], "tmpfs");
}

TEST(OciConfig, MountsAreOrderedByDepth) {
  Sandbox sandbox;
  sandbox.mounts = {{"/a", "/run/deep/er", false}, {"/b", "/data", true}};
  const Json made = config(pod_of(Json::object()), {}, sandbox);
  std::size_t last = 0;
  for (const Json& mount : made["mounts"]) {
    const std::string path = mount["destination"];
    const auto depth = static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
    EXPECT_GE(depth, last) << path;
    last = depth;
  }
  EXPECT_EQ(mount_on(made, "/data")["options"].back(), "ro");
}

TEST(OciConfig, AUserNamespaceIsHadBySpecOrByAllowedAnnotation) {
  Json by_spec = pod_of(Json::object());
  by_spec["spec"]["hostUsers"] = false;
  EXPECT_TRUE(wants_user_namespace(by_spec, {}));
  EXPECT_FALSE(wants_user_namespace(by_spec, {.honour_host_users = false}));

  Json by_annotation = pod_of(Json::object());
  by_annotation["metadata"]["annotations"] = {
      {"io.kubernetes.cri-o.userns-mode", "auto:size=65536"}};
  EXPECT_FALSE(wants_user_namespace(by_annotation, {}));
  EXPECT_TRUE(wants_user_namespace(by_annotation, {.userns_annotation = true}));

  by_spec["spec"]["hostUsers"] = true;
  EXPECT_FALSE(wants_user_namespace(by_spec, {}));
}

TEST(OciConfig, IdsAreMappedAndNamespacesJoined) {
  Sandbox sandbox;
  sandbox.network_namespace = "/run/netns/x";
  sandbox.user_namespace = "/run/pods/x/userns";
  sandbox.ids = IdRange{.first = 131072, .size = 65536};
  const Json made = config(pod_of(Json::object()), {}, sandbox);
  EXPECT_THAT(namespace_types(made),
              ElementsAre("pid", "ipc", "uts", "mount", "network", "cgroup", "user"));
  EXPECT_EQ(made["linux"]["uidMappings"],
            Json::parse(R"([{"containerID":0,"hostID":131072,"size":65536}])"));
  EXPECT_EQ(made["linux"]["gidMappings"], made["linux"]["uidMappings"]);
}

TEST(OciConfig, OnCgroupsV1ThereIsNoCgroupNamespace) {
  EXPECT_THAT(namespace_types(config(pod_of(Json::object()), {.cgroups_v1 = true})),
              ElementsAre("pid", "ipc", "uts", "mount", "network"));
}

TEST(OciConfig, CapabilitiesAreCriosNinePlusAddedMinusDropped) {
  const Json held = config(pod_of(Json::object()))["process"]["capabilities"];
  EXPECT_EQ(held["bounding"].size(), 9U);
  EXPECT_EQ(held["effective"], held["bounding"]);
  EXPECT_FALSE(held.contains("inheritable"));
  EXPECT_FALSE(held.contains("ambient"));

  const auto with = [](const Json& asked) {
    return config(pod_of(
        {{"securityContext", {{"capabilities", asked}}}}))["process"]["capabilities"]["bounding"];
  };
  EXPECT_THAT(with({{"add", {"SYS_ADMIN"}}}), ::testing::Contains("CAP_SYS_ADMIN"));
  EXPECT_THAT(with({{"drop", {"KILL"}}}), ::testing::Not(::testing::Contains("CAP_KILL")));
  EXPECT_EQ(with({{"drop", {"ALL"}}}), Json::array());
  EXPECT_EQ(with({{"drop", {"ALL"}}, {"add", {"CHOWN"}}}), Json({"CAP_CHOWN"}));
  EXPECT_THAT(refusal({{"securityContext", {{"capabilities", {{"add", {"FLY"}}}}}}}),
              HasSubstr("FLY"));
}

TEST(OciConfig, TheContainersUserWinsOverThePodsOverTheImages) {
  Json pod = pod_of(Json::object());
  EXPECT_EQ(config(pod)["process"]["user"]["uid"], 0);
  pod["spec"]["securityContext"] = {{"runAsUser", 1000}, {"fsGroup", 2000}};
  EXPECT_EQ(config(pod)["process"]["user"],
            Json({{"uid", 1000}, {"gid", 0}, {"additionalGids", {2000}}}));
  pod["spec"]["containers"][0]["securityContext"] = {{"runAsUser", 7}, {"runAsGroup", 8}};
  EXPECT_EQ(config(pod)["process"]["user"]["uid"], 7);
  EXPECT_EQ(config(pod)["process"]["user"]["gid"], 8);
  EXPECT_EQ(refusal({{"securityContext", {{"runAsNonRoot", true}}}}),
            "container has runAsNonRoot and image will run as root");
}

TEST(OciConfig, ATerminalAndPrivilegesAreAsAsked) {
  EXPECT_EQ(config(pod_of(Json::object()))["process"]["terminal"], false);
  const Json made =
      config(pod_of({{"tty", true},
                     {"workingDir", "/srv"},
                     {"securityContext",
                      {{"allowPrivilegeEscalation", false}, {"readOnlyRootFilesystem", true}}}}));
  EXPECT_EQ(made["process"]["terminal"], true);
  EXPECT_EQ(made["process"]["noNewPrivileges"], true);
  EXPECT_EQ(made["process"]["cwd"], "/srv");
  EXPECT_EQ(made["root"]["readonly"], true);
  EXPECT_THAT(made["process"]["env"], ::testing::Contains("TERM=xterm"));
  EXPECT_THAT(made["process"]["env"], ::testing::Contains("FROM_IMAGE=yes"));
  EXPECT_THAT(made["process"]["env"], ::testing::Contains("HOSTNAME=nginx-0"));
}

TEST(OciConfig, CommandReplacesEntrypointAndCmdArgsReplaceCmdAlone) {
  ImageConfig image;
  image.entrypoint = {"/entry"};
  image.cmd = {"one", "two"};
  const Env env{{"NAME", "value"}};
  EXPECT_THAT(container_argv(Json::object(), image, env), ElementsAre("/entry", "one", "two"));
  EXPECT_THAT(container_argv({{"args", {"$(NAME)", "$$(NAME)", "$(OTHER)"}}}, image, env),
              ElementsAre("/entry", "value", "$(NAME)", "$(OTHER)"));
  EXPECT_THAT(container_argv({{"command", {"/sbin/init"}}}, image, env), ElementsAre("/sbin/init"));
  EXPECT_THROW(container_argv(Json::object(), {}, env), PodError);
}

TEST(OciConfig, SysctlsAndLimitsArePassedOn) {
  Json pod = pod_of({{"resources", {{"limits", {{"memory", "256Mi"}, {"cpu", "500m"}}}}}});
  pod["spec"]["securityContext"]["sysctls"] = {
      {{"name", "net.ipv4.ping_group_range"}, {"value", "0 65535"}}};
  const Json made = config(pod, {.resource_limits = true});
  EXPECT_EQ(made["linux"]["sysctl"]["net.ipv4.ping_group_range"], "0 65535");
  EXPECT_EQ(made["linux"]["resources"]["memory"]["limit"], 256 * 1024 * 1024);
  EXPECT_EQ(made["linux"]["resources"]["cpu"], Json({{"quota", 50000}, {"period", 100000}}));
  EXPECT_FALSE(config(pod)["linux"].contains("resources"));
}

TEST(OciConfig, HostnamesAreCutToWhatTheKernelTakes) {
  Json pod = pod_of(Json::object());
  EXPECT_EQ(pod_hostname(pod), "nginx-0");
  pod["metadata"]["name"] = std::string(62, 'a') + "-" + std::string(10, 'b');
  EXPECT_EQ(pod_hostname(pod), std::string(62, 'a'));
  pod["spec"]["hostname"] = "own";
  EXPECT_EQ(pod_hostname(pod), "own");
}

TEST(OciConfig, ThePodsCgroupSaysItsQualityOfService) {
  Json pod = pod_of(Json::object());
  EXPECT_EQ(pod_cgroup(pod, "3bbed45f-634a"),
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod3bbed45f_634a.slice");
  Json& resources = pod["spec"]["containers"][0]["resources"];
  resources["requests"] = {{"cpu", "1"}};
  EXPECT_THAT(pod_cgroup(pod, "u"), HasSubstr("kubepods-burstable-podu.slice"));
  resources["limits"] = {{"cpu", "1"}, {"memory", "1Gi"}};
  EXPECT_EQ(pod_cgroup(pod, "u"), "/kubepods.slice/kubepods-podu.slice");
}

TEST(OciConfig, SignalsHaveNamesAndNumbers) {
  EXPECT_EQ(signal_number("SIGRTMIN+3"), 37);
  EXPECT_EQ(signal_number("RTMIN+3"), 37);
  EXPECT_EQ(signal_number("SIGRTMAX-1"), 63);
  EXPECT_EQ(signal_number("SIGTERM"), 15);
  EXPECT_EQ(signal_number("HUP"), 1);
  EXPECT_EQ(signal_number("9"), 9);
  for (const char* none : {"", "SIG", "SIGNOTHING", "0", "65", "RTMIN+99", "RTMIN+x", "RTMIN+3x"}) {
    EXPECT_EQ(signal_number(none), std::nullopt) << none;
  }
}

}  // namespace
}  // namespace node
