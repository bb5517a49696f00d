// What goes wrong on the way, met for real, and named from what the container, the runtime and the
// cluster have really said; and that it comes right once the cause is gone.
#include "scenario.hpp"

namespace e2e {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Failure : public Scenario {
 protected:
  // The seed's Pod, as a person writes it; as it is once its container is in trouble: in a crash
  // loop, or not to be made. `as`: whoever creates it; else an administrator.
  Json create_by_hand(const std::string& name, const Json& container,
                      const Json& spec = Json::object(), const std::vector<std::string>& as = {}) {
    Json made =
        object("v1", "Pod", name,
               {{"spec",
                 {{"containers",
                   {{{"name", "nginx"}, {"image", "quay.io/ftweedal/test-nginx:latest"}}}}}}});
    made["spec"]["containers"][0].merge_patch(container);
    made["spec"].merge_patch(spec);
    const swo::test::TemporaryFolder folder;
    std::vector<std::string> command{"create", "-f", folder.write("pod.json", made.dump())};
    command.insert(command.end(), as.begin(), as.end());
    stand().kubectl(command);
    return Watch(stand(), pods(), name).until([](const Json& seen) {
      const std::string reason = waiting(seen).value("reason", "");
      return !reason.empty() && reason != "ContainerCreating";
    });
  }
  // The same by a user who may do all in the namespace and no more.
  Json create_by_tenant(const std::string& name, const Json& container) {
    if (!std::exchange(allowed_, true)) {
      stand().kubectl(
          {"create", "rolebinding", "-n", ns(), "test", "--clusterrole=admin", "--user=test"});
    }
    return create_by_hand(name, container, Json::object(), {"--as=test"});
  }
  static Json waiting(const Json& pod) {
    return pod.value("/status/containerStatuses/0/state/waiting"_json_pointer, Json::object());
  }
  // Its exit code, in its present or its last run; -1 when it has not ended.
  static int exit_code(const Json& pod) {
    for (const char* state : {"state", "lastState"}) {
      const Json::json_pointer where("/status/containerStatuses/0/" + std::string(state) +
                                     "/terminated/exitCode");
      if (pod.contains(where)) return pod.at(where);
    }
    return -1;
  }

 private:
  bool allowed_ = false;
};

class OldCluster : public Failure {
 protected:
  StandOptions wanted() const override {
    return {.profile = "openshift-4.8", .operator_flags = {"--machine-config=Off"}};
  }
};

constexpr const char* kLongForm =
    "Failed to create /kubepods.slice/[^ ]*/crio-[0-9a-f]+.scope/init.scope control group: "
    "Permission denied";
constexpr const char* kShortForm = "Failed to create /init.scope control group: Permission denied";

TEST_F(OldCluster, TheSeedsThreeFailuresAreNamedAndTheOperatorGoesTheWholeWay) {
  EXPECT_EQ(exit_code(create_by_tenant("mute", Json::object())), 255);
  EXPECT_EQ(log("mute"), "");
  EXPECT_THAT(diagnosis_of(log("mute")), AllOf(StartsWith("NoTerminal"), HasSubstr("tty: true")));

  EXPECT_EQ(exit_code(create_by_tenant("long", {{"tty", true}})), 255);
  EXPECT_THAT(log("long"), ContainsRegex(kLongForm));
  EXPECT_THAT(diagnosis_of(log("long")), StartsWith("CgroupsV1"));

  // The operator may not touch the nodes: it says what is missing. Then it may.
  apply({workload("nginx")});
  const Json blocked = Watch(stand(), workloads(), "nginx").until([](const Json& seen) {
    return condition(seen, "PlatformReady").rfind("False", 0) == 0;
  });
  EXPECT_THAT(condition(blocked, "PlatformReady"), StartsWith("False CgroupsV1: "));
  stand().start_operator({});
  const Json ready = await_ready("nginx");
  EXPECT_EQ(ready.at("status").at("platform").value("cgroups", ""), "v2");

  EXPECT_EQ(exit_code(create_by_tenant("short", {{"tty", true}})), 255);
  EXPECT_THAT(log("short"), HasSubstr(kShortForm));
  EXPECT_THAT(diagnosis_of(log("short")), StartsWith("CgroupNotDelegated"));

  EXPECT_THAT(stand().head(ready.at("status").at("url")), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_GE(init("nginx-0").host_uid, 65536U);
}

class NewCluster : public Failure {};

TEST_F(NewCluster, APodByHandWithoutAUserNamespaceFailsInTheShortForm) {
  const Json failed = create_by_tenant("nginx", {{"tty", true}});
  EXPECT_EQ(failed.at("metadata").at("annotations").value("openshift.io/scc", ""), "restricted-v2");
  EXPECT_EQ(exit_code(failed), 255);
  EXPECT_THAT(log("nginx"), HasSubstr(kShortForm));
  EXPECT_THAT(diagnosis_of(log("nginx")), StartsWith("CgroupNotDelegated"));
}

TEST_F(NewCluster, AUserThatTheNamespaceDoesNotMapIsNamedWithAndWithoutATerminal) {
  const Json outside = {{"runAsUser", 1000650000}};
  const Json own = {{"hostUsers", false}};
  const Json hidden = create_by_hand("hidden", {{"tty", true}, {"securityContext", outside}}, own);
  EXPECT_EQ(waiting(hidden).value("reason", ""), "CreateContainerError");
  EXPECT_THAT(waiting(hidden).value("message", ""), HasSubstr("error reading container"));
  const Json open = create_by_hand("open", {{"securityContext", outside}}, own);
  EXPECT_THAT(diagnosis_of(waiting(open).value("message", "")), StartsWith("UnmappedUser"))
      << waiting(open);
}

// The tmpfs that the runtime makes for an init it knows, by the Pod.
Json memory_on(const std::vector<std::string>& paths) {
  Json spec = {{"volumes", Json::array()}, {"volumeMounts", Json::array()}};
  for (const std::string& path : paths) {
    const std::string name = "v" + std::to_string(spec["volumes"].size());
    spec["volumes"].push_back({{"name", name}, {"emptyDir", {{"medium", "Memory"}}}});
    spec["volumeMounts"].push_back({{"name", name}, {"mountPath", path}});
  }
  return spec;
}

TEST_F(NewCluster, EachCauseIsNamedInTheStatusAndGoesWhenItIsMended) {
  const Json wrapped = {{"init", {{"command", {"/bin/sh", "-c", "exec /sbin/init"}}}}};
  Json wrapped_with_memory = memory_on({"/run", "/run/lock", "/tmp", "/var/log/journal"});
  wrapped_with_memory.merge_patch(wrapped);
  const std::map<std::string, std::pair<Json, std::string>> cases = {
      {"wrapped", {wrapped, "NoRuntimeMounts"}},
      {"read-only", {wrapped_with_memory, "CgroupReadOnly"}},
      {"no-init", {{{"init", {{"command", {"/opt/sbin/init"}}}}}, "ContainerCreateFailed"}},
      {"no-image", {{{"image", "quay.io/example/nothing:1"}}, "ImagePullFailed"}},
      {"exits", {{{"init", {{"args", {"systemd.unit=exit.target"}}}}}, "PoweredOff"}},
      {"no-secret",
       {{{"init", {{"credentials", {{{"name", "x"}, {"secret", "absent"}}}}}}}, "SecretMissing"}},
  };
  std::vector<Json> broken;
  std::vector<Json> mended;
  for (const auto& [name, what] : cases) {
    broken.push_back(workload(name, what.first));
    mended.push_back(workload(name));
  }
  apply(broken);
  for (const auto& [name, what] : cases) await_reason(name, what.second);
  apply(mended);
  for (const auto& [name, what] : cases) await_ready(name);
}

class PlainKubernetes : public Failure {
 protected:
  StandOptions wanted() const override { return {.profile = "kubernetes-1.33"}; }
};

TEST_F(PlainKubernetes, AVolumeThatCannotBeIdMappedIsNamedAndAnIngressLeadsToTheRest) {
  apply({workload("mapped", {{"route", {{"host", "mapped.apps.example.com"}}}})});
  const Json unmapped = create_by_hand(
      "unmapped", {{"tty", true}, {"volumeMounts", {{{"name", "p"}, {"mountPath", "/mnt"}}}}},
      {{"hostUsers", false}, {"volumes", {{{"name", "p"}, {"hostPath", {{"path", "/proc/fs"}}}}}}});
  EXPECT_THAT(diagnosis_of(waiting(unmapped).value("message", "")),
              StartsWith("VolumeNotIdMappable"));
  const Json ready = await_ready("mapped");
  EXPECT_THAT(stand().head(ready.at("status").at("url")), StartsWith("HTTP/1.1 200 OK"));
}

}  // namespace
}  // namespace e2e
