#include "diagnose/diagnose.hpp"

#include <gmock/gmock.h>

namespace swo::diagnose {
namespace {

using testing::HasSubstr;

// What every Pod of the operator's making has, once it is there.
Evidence pod(std::string phase) {
  Evidence e;
  e.pod_name = "nginx-0";
  e.phase = std::move(phase);
  e.host_users = false;
  e.scc = "systemd-workload";
  e.command = {"/sbin/init"};
  return e;
}

Evidence crashed(std::string log, int code = 255) {
  Evidence e = pod("Running");
  e.waiting_reason = "CrashLoopBackOff";
  e.waiting_message = "back-off 5m0s restarting failed container";
  e.terminated_reason = "Error";
  e.exit_code = code;
  e.restarts = 3;
  e.log_tail = std::move(log);
  e.log_known = true;
  return e;
}

Evidence not_created(std::string message) {
  Evidence e = pod("Pending");
  e.waiting_reason = "CreateContainerError";
  e.waiting_message = std::move(message);
  return e;
}

Evidence not_seeded(std::string words) {
  Evidence e = pod("Pending");
  e.waiting_reason = "CrashLoopBackOff";
  e.waiting_message = "back-off 10s restarting failed container=seed-storage";
  e.seed_failure = std::move(words);
  return e;
}

Evidence refused(std::string error) {
  Evidence e;
  e.create_error = std::move(error);
  return e;
}

Evidence unplaced(std::string message) {
  Evidence e = pod("Pending");
  e.scheduled_message = std::move(message);
  return e;
}

Evidence unpulled(std::string reason, std::string message) {
  Evidence e = pod("Pending");
  e.waiting_reason = std::move(reason);
  e.waiting_message = std::move(message);
  return e;
}

Evidence creating(std::string event) {
  Evidence e = pod("Pending");
  e.waiting_reason = "ContainerCreating";
  e.events = {std::move(event)};
  return e;
}

Evidence running(std::vector<std::string> events, std::string log = "") {
  Evidence e = pod("Running");
  e.events = std::move(events);
  e.log_tail = std::move(log);
  e.log_known = true;
  return e;
}

template <class Change>
Evidence with(Evidence e, Change change) {
  change(e);
  return e;
}

std::string reason(const Evidence& e, const platform::Strategy& strategy = {}) {
  const auto diagnosis = diagnose(e, strategy);
  return diagnosis ? diagnosis->reason : "none";
}

struct Scenario {
  const char* sentence;
  Evidence evidence;
  const char* reason;
  const char* seen;    // part of the evidence
  const char* remedy;  // part of the remedy
};

// The failures of the first experiments with systemd on OpenShift, and of a real node.
const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> kAll = {
      {"a crash loop with an empty log and no terminal",
       with(crashed(""), [](Evidence& e) { e.tty = false; }), "NoTerminal", "exit code 255", "tty"},
      {"the cgroup of the node's own hierarchy is denied",
       crashed("Failed to create /kubepods.slice/kubepods-burstable.slice/"
               "crio-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope/"
               "init.scope control group: Permission denied\r\n"
               "Failed to allocate manager object: Permission denied\r\n"),
       "CgroupsV1", "crio-0123456789abcdef", "cgroupMode v2"},
      {"the cgroup is not owned by the container's root",
       crashed("Failed to create /init.scope control group: Permission denied\n"
               "Failed to allocate manager object: Permission denied\n"
               "[\x1b[0;1;31m!!!!!!\x1b[0m] Failed to allocate manager object.\n"
               "Exiting PID 1...\n"),
       "CgroupNotDelegated", "Failed to create /init.scope control group: Permission denied",
       "container_init_t"},
      {"the cgroup is not owned under CRI-O 1.35.0",
       with(crashed("Failed to create /init.scope control group: Permission denied\n"),
            [](Evidence& e) {
              static const platform::NodeFacts kNode = [] {
                platform::NodeFacts node;
                node.ready = true;
                node.runtime = platform::Runtime::kCrio;
                node.runtime_version = platform::Version{1, 35, 0};
                return node;
              }();
              e.node = &kNode;
            }),
       "CrioCgroupFault", "init.scope", "1.35.1"},
      {"systemd runs as user 1000, taken by another SCC",
       with(crashed("Failed to write /run/systemd/container, ignoring: Permission denied\n"
                    "Failed to create /init.scope control group: Permission denied\n"
                    "Failed to allocate manager object: Permission denied\n"),
            [](Evidence& e) {
              e.run_as_user = 1000;
              e.scc = "restricted-v3";
            }),
       "InitNotRoot", "init.scope", "uid 0"},
      {"the cgroup is read-only because a shell hides the init",
       with(crashed("Failed to create /init.scope control group: Read-only file system\n"),
            [](Evidence& e) {
              e.command = {"sh", "-c", "exec /sbin/init"};
            }),
       "CgroupReadOnly", "Read-only file system", "spec.init.command"},
      {"the cgroup is read-only under containerd",
       with(crashed("Failed to create /init.scope control group: Read-only file system\n"),
            [](Evidence& e) {
              static const platform::NodeFacts kNode = [] {
                platform::NodeFacts node;
                node.ready = true;
                node.runtime = platform::Runtime::kContainerd;
                return node;
              }();
              e.node = &kNode;
            }),
       "CgroupReadOnly", "Read-only file system", "cgroup_writable"},
      {"no tmpfs from the runtime",
       crashed("Failed to mount tmpfs (type tmpfs) on /run (MS_NOSUID|MS_NODEV|MS_STRICTATIME "
               "\"mode=0755,size=20%,nr_inodes=800k\"): Operation not permitted\n"
               "[!!!!!!] Failed to mount API filesystems.\nFreezing execution.\n"),
       "NoRuntimeMounts", "Failed to mount", "without a shell"},
      {"no subuid range that is long enough",
       not_created("error creating pod sandbox: could not find enough available IDs"), "NoIdRanges",
       "available IDs", "/etc/subuid"},
      {"no subuid range at all",
       with(pod("Pending"),
            [](Evidence& e) {
              e.events = {
                  "FailedCreatePodSandBox: Failed to create pod sandbox: rpc error: code = "
                  "Unknown desc = No subuid ranges found for user \"containers\" in "
                  "/etc/subuid"};
            }),
       "NoIdRanges", "No subuid ranges", "/etc/subuid"},
      {"a user outside the namespace",
       not_created("container create failed: cannot set uid to unmapped user in user namespace"),
       "UnmappedUser", "unmapped user", "uid 0"},
      {"a user outside the namespace whose error the terminal hides",
       with(not_created("error reading container (probably exited) json message: EOF"),
            [](Evidence& e) {
              e.run_as_user = 1000650000;
              e.scc = "restricted-v2";
            }),
       "UnmappedUser", "EOF", "SCC allows uid 0"},
      {"no SCC admits the Pod",
       refused(
           "pods \"nginx-0\" is forbidden: unable to validate against any security context "
           "constraint: [provider \"anyuid\": Forbidden: not usable by user or serviceaccount]"),
       "SccRefused", "unable to validate", "RoleBinding"},
      {"the SCC wants a user namespace",
       refused(
           "pods \"nginx-0\" is forbidden: unable to validate against any security context "
           "constraint: [spec.hostUsers: Invalid value: true: Host Users must be set to false]"),
       "SccNeedsUserNamespace", "Host Users", "userNamespace: Auto"},
      {"the range of ping groups does not fit",
       not_created("container create failed: write sysctl key net.ipv4.ping_group_range: write "
                   "/proc/sys/net/ipv4/ping_group_range: invalid argument"),
       "PingGroupRange", "ping_group_range", "0 65535"},
      {"a volume cannot be id-mapped",
       not_created("container create failed: failed to set MOUNT_ATTR_IDMAP on /srv/data: Invalid "
                   "argument"),
       "VolumeNotIdMappable", "/srv/data", "StorageClass"},
      {"a claim is too small for what the image has there",
       not_seeded("cp: error writing: No space left on device"), "ClaimTooSmall", "No space left",
       "larger size"},
      {"root of the workload may not own files on the claim",
       not_seeded("cp: failed to preserve ownership: Operation not permitted"), "SeedFailed",
       "Operation not permitted", "StorageClass"},
      {"the image has no cp", not_seeded("sh: 13: cp: not found"), "SeedFailed", "cp: not found",
       "coreutils"},
      {"a token cannot be id-mapped by kernel 6.1",
       not_created("mount_setattr `/var/run/secrets/kubernetes.io/serviceaccount` (maybe the file "
                   "system used doesn't support idmap mounts on this kernel?): Invalid argument"),
       "TokenNotMappable", "serviceaccount", "6.3"},
      {"a token cannot be id-mapped and the terminal hides it",
       with(not_created("error reading container (probably exited) json message: EOF"),
            [](Evidence& e) {
              static const platform::NodeFacts kNode = [] {
                platform::NodeFacts node;
                node.ready = true;
                node.tmpfs_idmap = platform::Tri::kNo;
                return node;
              }();
              e.node = &kNode;
            }),
       "TokenNotMappable", "EOF", "automountServiceAccountToken"},
      {"the runtime fails and the terminal hides why",
       not_created("error reading container (probably exited) json message: EOF"),
       "ContainerCreateFailed", "EOF", "journalctl -u crio"},
      {"the node is out of id ranges",
       creating("FailedCreatePodSandBox: Failed to create pod sandbox: can't allocate user "
                "namespace: could not find an empty slot to allocate a user namespace"),
       "OutOfIdRanges", "empty slot", "idsPerPod"},
      {"the whole name is too long for a host name",
       creating(
           "FailedCreatePodSandBox: Failed to create pod sandbox: failed to construct FQDN "
           "from pod hostname and cluster domain, FQDN ipa-0.ipa-instances.x.svc.cluster.local "
           "is too long (64 characters is the max, 65 characters requested)"),
       "HostnameTooLong", "64 characters is the max", "spec.setHostnameAsFQDN"},
      {"the node's kubelet has the feature gate off",
       creating("FailedCreatePodSandBox: Failed to create pod sandbox: the feature gate "
                "\"UserNamespacesSupport\" is disabled: can't set spec.HostUsers"),
       "KubeletGateOff", "can't set spec.HostUsers", "finish the upgrade of the nodes"},
      {"a dropped capability leaves units failed",
       running({"Unhealthy: Readiness probe failed: systemd is degraded; failed: dbus.service "
                "nginx.service"}),
       "UnitsFailed", "dbus.service nginx.service", "acceptDegraded"},
      {"systemctl exit 7 inside", crashed("[  OK  ] Reached target multi-user.target\nbye\n", 7),
       "InitExited", "exit code 7: bye", "--previous"},
      {"systemctl reboot inside",
       crashed("[  OK  ] Reached target multi-user.target - Multi-User System.\n", 0), "PoweredOff",
       "exit code 0", "on purpose"},
      {"an image without STOPSIGNAL is killed",
       crashed("[  OK  ] Reached target multi-user.target\n", 137), "Killed", "exit code 137",
       "terminationGracePeriodSeconds"},

      {"a private image without credentials",
       unpulled("ImagePullBackOff",
                "Back-off pulling image \"quay.io/x/y\": ErrImagePull: reading manifest latest in "
                "quay.io/x/y: unauthorized: access to the requested resource is not authorized"),
       "ImagePullUnauthorized", "quay.io/x/y", "imagePullSecrets"},
      {"a tag that does not exist",
       with(unpulled("ImagePullBackOff", "Back-off pulling image \"quay.io/x/y:z\""),
            [](Evidence& e) {
              e.events = {"Failed: Failed to pull image \"quay.io/x/y:z\": manifest unknown"};
            }),
       "ImageNotFound", "manifest unknown", "spec.image"},
      {"a registry that is not there",
       unpulled("ErrImagePull", "dial tcp: lookup quay.example: no such host"),
       "RegistryUnreachable", "no such host", "DNS"},
      {"an image that is no name",
       unpulled("InvalidImageName", "couldn't parse image name \"A B\""), "ImageNameInvalid", "A B",
       "spec.image"},
      {"an image of another architecture",
       unpulled("ErrImagePull", "no image found in image index for architecture arm64"),
       "ImageWrongArchitecture", "arm64", "spec.nodeSelector"},
      {"an unknown trouble with the image", unpulled("ErrImagePull", "boom"), "ImagePullFailed",
       "boom", "describe pod"},
      {"too little CPU in the cluster",
       unplaced("0/5 nodes are available: 2 Insufficient cpu, 3 node(s) had untolerated taint "
                "{node-role.kubernetes.io/master: }. preemption: 0/5 nodes are available"),
       "InsufficientResources", "Insufficient cpu", "requests"},
      {"taints everywhere",
       unplaced("0/5 nodes are available: 5 node(s) had untolerated taint {dedicated: db}."),
       "TaintNotTolerated", "dedicated", "tolerations"},
      {"a claim without a volume",
       unplaced("0/5 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
       "ClaimUnbound", "unbound", "StorageClass"},
      {"no node with the labels",
       unplaced("0/5 nodes are available: 3 node(s) had untolerated taint {master: }, 2 node(s) "
                "didn't match Pod's node affinity/selector."),
       "NodeSelectorUnmatched", "selector", "label a node"},
      {"the volume is in another zone",
       unplaced("0/3 nodes are available: 3 node(s) had volume node affinity conflict."),
       "VolumeOnOtherNode", "conflict", "zone"},
      {"out of memory",
       with(crashed("", 137), [](Evidence& e) { e.terminated_reason = "OOMKilled"; }),
       "OutOfMemory", "137", "limits.memory"},
      {"a Secret that is not there",
       creating("FailedMount: MountVolume.SetUp failed for volume \"credential-db-password\" : "
                "secret \"db\" not found"),
       "SecretMissing", "secret \"db\" not found", "create it"},
      {"a ConfigMap that is not there",
       with(not_created("configmap \"units\" not found"),
            [](Evidence& e) { e.waiting_reason = "CreateContainerConfigError"; }),
       "ConfigMapMissing", "units", "create it"},
      {"a key that is not there",
       with(not_created("couldn't find key password in Secret demo/db"),
            [](Evidence& e) { e.waiting_reason = "CreateContainerConfigError"; }),
       "KeyMissing", "demo/db", "add the key"},
      {"a volume still attached elsewhere",
       creating("FailedAttachVolume: Multi-Attach error for volume \"pvc-1\" Volume is already "
                "exclusively attached to one node"),
       "VolumeInUse", "Multi-Attach", "old Pod"},
      {"a volume that does not mount", creating("FailedMount: mount.nfs: Connection timed out"),
       "VolumeMountFailed", "mount.nfs", "storage driver"},
      {"a used-up quota",
       refused("pods \"nginx-0\" is forbidden: exceeded quota: small, requested: pods=1, used: "
               "pods=3, limited: pods=3"),
       "QuotaExceeded", "small", "raise the quota"},
      {"a restricted namespace",
       refused("pods \"nginx-0\" is forbidden: violates PodSecurity \"restricted:latest\": "
               "allowPrivilegeEscalation != false"),
       "PodSecurityRefused", "restricted", "enforce=baseline"},
      {"a webhook that objects",
       refused("admission webhook \"policy.example\" denied the request: no tag latest"),
       "WebhookRefused", "policy.example", "owner"},
      {"a webhook that is down",
       refused("Internal error occurred: failed calling webhook \"policy.example\": timeout"),
       "WebhookUnreachable", "policy.example", "Service"},
      {"a refusal of an unknown kind", refused("nobody expects this"), "PodRefused",
       "nobody expects this", "message"},
      {"eviction for memory",
       with(pod("Failed"),
            [](Evidence& e) {
              e.pod_reason = "Evicted";
              e.pod_message = "The node was low on resource: memory.";
              e.exit_code = 137;
            }),
       "Evicted", "memory", "requests"},
      {"a lost node",
       with(running({}),
            [](Evidence& e) {
              static const platform::NodeFacts kNode = [] {
                platform::NodeFacts node;
                node.name = "worker-1";
                return node;
              }();
              e.node = &kNode;
            }),
       "NodeLost", "", "out-of-service"},
      {"an image without systemd",
       not_created("container create failed: executable file `/sbin/init` not found: No such file "
                   "or directory"),
       "InitMissing", "/sbin/init", "install systemd"},
      {"a boot that hangs",
       with(running({"Unhealthy: Startup probe failed: systemd is starting; waiting for: "
                     "network-online.target db.service",
                     "Killing: Container systemd failed startup probe, will be restarted"}),
            [](Evidence& e) { e.restarts = 1; }),
       "BootTimedOut", "network-online.target", "maskUnits"},
      {"the same, when the next boot has begun",
       with(running({"Unhealthy: Startup probe failed: systemd is starting; waiting for: "
                     "network-online.target db.service",
                     "Killing: Container systemd failed startup probe, will be restarted",
                     "Unhealthy: Startup probe failed: systemd is unknown"}),
            [](Evidence& e) { e.restarts = 1; }),
       "BootTimedOut", "network-online.target", "maskUnits"},
      {"a unit that must be active and is not",
       running({"Unhealthy: Readiness probe failed: systemd is running; not active: ipa.service"}),
       "UnitsNotActive", "ipa.service", "journalctl"},
      {"an image without systemctl",
       running({"Unhealthy: Readiness probe errored: rpc error: exec failed: \"systemctl\": "
                "executable file not found in $PATH"}),
       "ProbeMissing", "systemctl", "systemctl"},
      {"the emergency mode",
       running({},
               "[FAILED] Failed to mount data.mount - /data.\n"
               "You are in emergency mode. After logging in, type \"journalctl -xb\"\n"),
       "EmergencyMode", "emergency", "fstab"},
      {"a frozen init that still counts as running",
       running({}, "[!!!!!!] Failed to start up manager.\nFreezing execution.\n"), "InitFailed",
       "Freezing", "debug"},
      {"a read-only root without a machine id",
       crashed("System cannot boot: Missing /etc/machine-id and /etc/ is read-only.\n"),
       "MachineIdReadOnly", "machine-id", "emptyDir"},
  };
  return kAll;
}

TEST(Diagnosis, NamesEveryKnownFailure) {
  for (const Scenario& scenario : scenarios()) {
    SCOPED_TRACE(scenario.sentence);
    const auto diagnosis = diagnose(scenario.evidence, {});
    if (!diagnosis) {
      ADD_FAILURE() << "no diagnosis";
      continue;
    }
    EXPECT_EQ(diagnosis->reason, scenario.reason) << diagnosis->message();
    EXPECT_THAT(diagnosis->evidence, HasSubstr(scenario.seen));
    EXPECT_THAT(diagnosis->remedy, HasSubstr(scenario.remedy));
    EXPECT_FALSE(diagnosis->cause.empty());
    EXPECT_FALSE(diagnosis->cause.ends_with('.')) << "message() ends the sentence";
    EXPECT_FALSE(diagnosis->remedy.ends_with('.'));
  }
}

TEST(Diagnosis, IsNothingOnceTheInstanceIsReady) {
  for (const Scenario& scenario : scenarios()) {
    if (scenario.evidence.phase.empty()) {
      continue;  // no Pod: cannot be ready
    }
    Evidence e = scenario.evidence;
    e.ready = true;
    EXPECT_EQ(reason(e), "none") << scenario.sentence;
  }
}

TEST(Diagnosis, ReportsADroppedUserNamespaceEvenOfAReadyInstance) {
  Evidence e = running({});
  e.ready = true;
  e.host_users.reset();
  EXPECT_EQ(reason(e), "UserNamespaceDropped");
  e.host_users = true;
  EXPECT_EQ(reason(e), "UserNamespaceDropped");
  platform::Strategy annotation;
  annotation.user_namespace = platform::UserNamespaceVia::kAnnotation;
  EXPECT_EQ(reason(e, annotation), "none");
}

TEST(Diagnosis, RaisesNoAlarmOfAPodWhoseUserNamespaceIsByTheAnnotation) {
  Evidence e = running({});
  e.ready = true;
  e.host_users.reset();
  e.user_namespace_asked = true;
  EXPECT_EQ(reason(e), "none") << "the way has changed to hostUsers since";
  e.ready = false;
  EXPECT_EQ(reason(e), "Starting");
}

TEST(Diagnosis, CallsWhatPassesByItselfTransient) {
  const auto check = [](const Evidence& e, const char* expected) {
    const auto diagnosis = diagnose(e, {});
    ASSERT_TRUE(diagnosis) << expected;
    EXPECT_EQ(diagnosis->reason, expected);
    EXPECT_TRUE(diagnosis->transient) << expected;
  };
  check(pod("Pending"), "Pending");
  check(unpulled("ContainerCreating", ""), "ContainerCreating");
  check(with(unpulled("PodInitializing", ""), [](Evidence& e) { e.seeding = true; }),
        "SeedingStorage");
  check(running({}), "Starting");
  check(running({},
                "Welcome to Debian GNU/Linux 13 (trixie)!\r\n"
                "[\x1b[0;31m*\x1b[0m     ] Job slow.service/start running (9s / no limit)\r"),
        "Starting");
}

TEST(Diagnosis, SaysWhatABootWaitsFor) {
  const auto diagnosis = diagnose(
      running({"Unhealthy: Startup probe failed: systemd is starting; waiting for: a.service "
               "b.service"}),
      {});
  ASSERT_TRUE(diagnosis);
  EXPECT_EQ(diagnosis->reason, "Starting");
  EXPECT_THAT(diagnosis->cause, HasSubstr("a.service and b.service"));
}

TEST(Diagnosis, PassesOnAWaitingReasonItDoesNotKnow) {
  EXPECT_EQ(reason(unpulled("SomethingNew", "hm")), "SomethingNew");
}

TEST(Diagnosis, IsOneMessage) {
  const Diagnosis diagnosis{.reason = "X", .cause = "It is so", .evidence = "line", .remedy = "do"};
  EXPECT_EQ(diagnosis.message(), "It is so. Seen: “line”. To do: do.");
  EXPECT_EQ((Diagnosis{.reason = "X", .cause = "It is so"}.message()), "It is so.");
}

TEST(DiagnosisOfALog, JudgesItAlone) {
  const auto judged = [](const char* log) {
    const auto diagnosis = diagnose_log(log);
    return diagnosis ? diagnosis->reason : "none";
  };
  EXPECT_EQ(judged("Failed to create /init.scope control group: Permission denied"),
            "CgroupNotDelegated");
  EXPECT_EQ(
      judged("Failed to create /kubepods.slice/x/init.scope control group: Permission denied"),
      "CgroupsV1");
  EXPECT_EQ(judged("Failed to mount API filesystems."), "NoRuntimeMounts");
  EXPECT_EQ(judged("[FAILED] Failed to start nginx.service - The nginx server.\n"
                   "[  OK  ] Reached target multi-user.target - Multi-User System.\n"),
            "UnitsFailed");
  EXPECT_EQ(judged("Warning  Failed  kubelet  Error: container create failed: cannot set uid to "
                   "unmapped user in user namespace: Invalid argument"),
            "UnmappedUser");
  EXPECT_EQ(judged("container create failed: cannot setresuid to 1000650000: Invalid argument"),
            "UnmappedUser");
  EXPECT_EQ(judged("Error from server (Forbidden): unable to validate against any security context "
                   "constraint: []"),
            "SccRefused");
  EXPECT_EQ(judged("[  OK  ] Reached target multi-user.target - Multi-User System.\n"), "none");
  EXPECT_EQ(judged(""), "NoTerminal");
  EXPECT_EQ(judged("\x1b[0m\r\n"), "NoTerminal");
}

}  // namespace
}  // namespace swo::diagnose
