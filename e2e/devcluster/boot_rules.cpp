#include "devcluster/boot_rules.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <regex>

#include "devcluster/members.hpp"
#include "devcluster/node_agent.hpp"
#include "devcluster/objects.hpp"

namespace devcluster {
namespace {

constexpr std::int64_t kNamespaceSize = 65'536;  // ids of a user namespace (KEP-127)
constexpr int kExitedByPid1 = 255;               // systemd's exit when it gives up

constexpr const char* kNoSandbox = "FailedCreatePodSandBox";
constexpr const char* kNoImage = "ErrImagePull";
constexpr const char* kNoContainer = "CreateContainerError";

Fate failing(const std::string& reason, const std::string& error) {
  Fate fate;
  fate.kind = Fate::Kind::kFails;
  fate.error_reason = reason;
  fate.error = error;
  return fate;
}

// Everything of a Pod that the rules ask for.
struct Facts {
  Json context, pod_context;
  std::string argv0, whole_command;
  std::int64_t uid = 0;
  bool tty = false, crio = false, host_users_false = false, user_namespace = false;
  bool init_detected = false, systemd = false, privileged = false;
  std::vector<std::string> mounts;         // paths
  std::vector<std::string> memory_mounts;  // those of emptyDirs
};

bool covers(const std::vector<std::string>& mounts, const std::string& path) {
  return std::any_of(mounts.begin(), mounts.end(), [&](const std::string& mount) {
    return mount == path || path.rfind(mount + "/", 0) == 0;
  });
}

// cri-o internal/factory/container/container.go: SetSystemd… by argv[0] alone.
bool crio_detects_init(const std::string& argv0) {
  const auto slash = argv0.rfind('/');
  const auto base = slash == std::string::npos ? argv0 : argv0.substr(slash + 1);
  return argv0.find("/sbin/init") != std::string::npos || base == "systemd";
}

Facts facts_of(const Json& pod, const Machine& machine, const Profile& profile) {
  Facts facts;
  const auto& container = container_of(pod);
  facts.context = container.value("securityContext", Json::object());
  facts.pod_context = pod["spec"].value("securityContext", Json::object());
  auto argv = container.value("command", std::vector<std::string>{});
  const auto args = container.value("args", std::vector<std::string>{});
  // Images here have CMD ["/sbin/init"] and no ENTRYPOINT: args alone take the place of the CMD.
  if (argv.empty() && args.empty()) argv = {"/sbin/init"};
  argv.insert(argv.end(), args.begin(), args.end());
  facts.argv0 = argv[0];
  for (const auto& word : argv) facts.whole_command += word + " ";
  facts.tty = container.value("tty", false);
  facts.crio = profile.is_crio();
  facts.privileged = facts.context.value("privileged", false);
  facts.uid =
      facts.context.value("runAsUser", facts.pod_context.value("runAsUser", std::int64_t{0}));
  facts.host_users_false = !pod["spec"].value("hostUsers", true);
  const bool by_annotation =
      facts.crio && machine.userns_annotation && !annotation(pod, "io.openshift.userns").empty() &&
      annotation(pod, "io.kubernetes.cri-o.userns-mode").rfind("auto", 0) == 0;
  facts.user_namespace = facts.host_users_false || by_annotation;
  const bool looks_like_systemd = crio_detects_init(facts.argv0);
  facts.init_detected = facts.crio && looks_like_systemd;
  facts.systemd = looks_like_systemd ||
                  facts.whole_command.find("/sbin/init") != std::string::npos ||
                  facts.whole_command.find("/systemd ") != std::string::npos;
  std::set<std::string> empty_dirs;
  for (const auto& volume : pod["spec"].value("volumes", Json::array())) {
    if (volume.contains("emptyDir")) empty_dirs.insert(volume.value("name", ""));
  }
  for (const auto& mount : container.value("volumeMounts", Json::array())) {
    const auto path = mount.value("mountPath", "");
    if (!mount.value("readOnly", false)) facts.mounts.push_back(path);
    if (empty_dirs.count(mount.value("name", "")) > 0) facts.memory_mounts.push_back(path);
  }
  return facts;
}

bool has_sysctl(const Facts& facts, const std::string& name) {
  const auto sysctls = facts.pod_context.value("sysctls", Json::array());
  return std::any_of(sysctls.begin(), sysctls.end(),
                     [&](const Json& s) { return s.value("name", "") == name; });
}

std::optional<Fate> sandbox_error(const Facts& facts, const Machine& machine,
                                  const Profile& profile) {
  const auto error = [](const std::string& text) {
    return failing(kNoSandbox,
                   "Failed to create pod sandbox: rpc error: code = Unknown desc = " + text);
  };
  if (!facts.user_namespace) return std::nullopt;
  if (facts.host_users_false && machine.userns_slots == 0) {
    // kubernetes pkg/kubelet/userns/userns_manager.go
    return error(
        "can't allocate user namespace: could not find an empty slot to allocate a user namespace");
  }
  if (!facts.host_users_false && !machine.subordinate_ids) {
    // containers/storage idtools, reached from cri-o's userns-mode=auto
    return error(
        "error creating pod sandbox: could not find enough available IDs: "
        "No subuid ranges found for user \"containers\" in /etc/subuid");
  }
  if (!profile.ping_group_range_fits && facts.crio &&
      !has_sysctl(facts, "net.ipv4.ping_group_range")) {
    return error(
        "container create failed: write sysctl key net.ipv4.ping_group_range: write "
        "/proc/sys/net/ipv4/ping_group_range: invalid argument");
  }
  return std::nullopt;
}

// What the OCI runtime refuses. Behind a terminal conmon loses the runtime's own words (seen with
// crun 1.21, CRI-O 1.36).
std::optional<Fate> create_error(const Facts& facts, const Json& pod, const Profile& profile,
                                 const std::set<std::string>& nfs_claims) {
  const auto error = [&](const std::string& text, bool hidden) {
    return failing(kNoContainer, hidden && facts.tty && profile.oci_runtime == "crun"
                                     ? "error reading container (probably exited) json message: EOF"
                                     : "container create failed: " + text);
  };
  const auto& container = container_of(pod);
  if (container.value("command", Json::array()).empty() &&
      !container.value("args", Json::array()).empty()) {
    return error(
        "executable file `" + facts.argv0 + "` not found in $PATH: No such file or directory",
        true);
  }
  if (facts.user_namespace && facts.uid >= kNamespaceSize) {
    return error(
        profile.oci_runtime == "crun"
            ? "setgroups: Invalid argument"
            : "time=\"…\" level=error msg=\"runc create failed: unable to start container process: "
              "error during container init: cannot set uid to unmapped user in user namespace\"",
        true);
  }
  if (!facts.host_users_false) return std::nullopt;  // the annotation path maps no volumes
  for (const auto& volume : pod["spec"].value("volumes", Json::array())) {
    const auto claim = volume.value("/persistentVolumeClaim/claimName"_json_pointer, std::string());
    if (!claim.empty() && nfs_claims.count(claim) > 0) {
      // runc libcontainer/rootfs_linux.go
      return error(
          "failed to set MOUNT_ATTR_IDMAP on /var/lib/kubelet/pods/" + uid_of(pod) +
              "/volumes/kubernetes.io~nfs/" + claim +
              ": invalid argument (maybe the filesystem used doesn't support idmap mounts on this "
              "kernel?)",
          false);
    }
    if (volume.contains("projected") && !kernel_maps_tmpfs(profile.kernel)) {
      return error(
          "mount_setattr `/var/run/secrets/kubernetes.io/serviceaccount` (maybe the file system "
          "used "
          "doesn't support idmap mounts on this kernel?): Invalid argument",
          true);
    }
  }
  return std::nullopt;
}

std::vector<std::string> banner(const Json& pod) {
  const std::string features =
      "+PAM +AUDIT +SELINUX +IMA -APPARMOR +SMACK +SYSVINIT +UTMP +LIBCRYPTSETUP +GCRYPT +GNUTLS "
      "+ACL +XZ +LZ4 +ZSTD +SECCOMP +BLKID +ELFUTILS +KMOD +IDN2 -IDN +PCRE2 "
      "default-hierarchy=unified";
  const auto hostname = pod["spec"].value("hostname", name_of(pod));
  return {"systemd v246.10-1.fc33 running in system mode. (" + features + ")",
          "Detected virtualization container-other.",
          "Detected architecture x86-64.",
          "",
          "Welcome to Fedora 33 (Container Image)!",
          "",
          "Set hostname to <" + hostname + ">."};
}

std::string cgroup_path(const Json& pod) {
  auto slice = uid_of(pod);
  std::replace(slice.begin(), slice.end(), '-', '_');
  return "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + slice +
         ".slice/crio-" + hash_of(slice) + hash_of(slice + "c") + ".scope/init.scope";
}

Fate gives_up(const Facts& facts, const Json& pod, const std::vector<std::string>& lines) {
  Fate fate;
  fate.kind = Fate::Kind::kExits;
  fate.exit_code = kExitedByPid1;
  if (!facts.tty) return fate;
  fate.log = banner(pod);
  fate.log.insert(fate.log.end(), lines.begin(), lines.end());
  fate.log.emplace_back("Exiting PID 1...");
  return fate;
}

// systemd src/core/mount-setup.c and manager_setup_cgroup(): the two steps of a boot that need the
// runtime's help.
std::optional<Fate> early_failure(const Facts& facts, const Json& pod, const Machine& machine,
                                  const Profile& profile) {
  if (facts.privileged && facts.uid == 0 && !facts.user_namespace) return std::nullopt;
  const bool run_is_tmpfs = facts.init_detected || covers(facts.memory_mounts, "/run");
  if (!run_is_tmpfs) {
    return gives_up(
        facts, pod,
        {"Failed to mount tmpfs (type tmpfs) on /run (MS_NOSUID|MS_NODEV|MS_STRICTATIME "
         "\"mode=0755,size=20%,nr_inodes=800k\"): Operation not permitted",
         "[!!!!!!] Failed to mount API filesystems."});
  }
  const auto cgroup_failure = [&](const std::string& group, const std::string& why) {
    std::vector<std::string> lines;
    if (facts.uid != 0) {
      lines.emplace_back("Failed to write /run/systemd/container, ignoring: Permission denied");
    }
    lines.push_back("Failed to create " + group + " control group: " + why);
    lines.push_back("Failed to allocate manager object: " + why);
    lines.emplace_back("[!!!!!!] Failed to allocate manager object.");
    return gives_up(facts, pod, lines);
  };
  const bool host_root = facts.uid == 0 && !facts.user_namespace;
  const bool rw_asked = facts.crio && machine.userns_annotation &&
                        annotation(pod, "io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw") == "true";
  const bool runtime_class_rw = pod["spec"].value("runtimeClassName", "") == "cgroup-writable";
  const bool writable = facts.init_detected || rw_asked || runtime_class_rw;
  if (machine.cgroups == 1) {
    // No cgroup namespace: the path from the host's root. v1 cannot be delegated to another uid.
    if (host_root && writable) return std::nullopt;
    return cgroup_failure(cgroup_path(pod),
                          writable ? "Permission denied" : "Read-only file system");
  }
  if (!writable) return cgroup_failure("/init.scope", "Read-only file system");
  const auto selinux = facts.context.value(
      "seLinuxOptions", facts.pod_context.value("seLinuxOptions", Json::object()));
  const bool labelled = !profile.selinux || (facts.init_detected && profile.labels_init) ||
                        selinux.value("type", "") == "container_init_t";
  const bool owned = host_root || (facts.user_namespace && facts.uid == 0 && profile.chowns_cgroup);
  if (!owned || !labelled) return cgroup_failure("/init.scope", "Permission denied");
  return std::nullopt;
}

// Units that fail for what the container lacks.
std::vector<std::string> units_that_fail(const Facts& facts) {
  std::set<std::string> units;
  const auto capabilities = facts.context.value("capabilities", Json::object());
  const auto add = strings(capabilities, "add");
  if (holds(strings(capabilities, "drop"), "ALL")) {
    if (!holds(add, "SETGID")) units.insert("dbus.service");  // Failed at step GROUP
    if (!holds(add, "CHOWN")) units.insert("nginx.service");
  }
  if (facts.context.value("readOnlyRootFilesystem", false)) {
    if (!covers(facts.mounts, "/var/lib/systemd")) units.insert("systemd-logind.service");
    if (!covers(facts.mounts, "/var/lib/nginx")) units.insert("nginx.service");
  }
  return {units.begin(), units.end()};
}

bool asks_for_clean_stop(const Facts& facts, const Json& pod, const std::set<std::string>& words) {
  if (words.count("nostop") > 0) return false;
  if (!facts.systemd) return true;
  const auto hook =
      container_of(pod).value("/lifecycle/preStop/exec/command"_json_pointer, Json::array()).dump();
  const bool by_hook = hook.find("RTMIN+3") != std::string::npos ||
                       hook.find("poweroff") != std::string::npos ||
                       hook.find("halt") != std::string::npos;
  return by_hook || words.count("nostopsignal") == 0;
}

std::vector<std::string> boot_log(const Facts& facts, const Json& pod, const Fate& fate) {
  if (!facts.tty) return {};
  auto log = banner(pod);
  for (const auto& [unit, words] :
       {std::pair{"dbus.service", "D-Bus System Message Bus"},
        std::pair{"systemd-logind.service", "User Login Management"},
        std::pair{"nginx.service", "The nginx HTTP and reverse proxy server"}}) {
    if (holds(fate.failed_units, unit)) {
      log.push_back("[FAILED] Failed to start " + std::string(unit) + " - " + words + ".");
      log.push_back("See 'systemctl status " + std::string(unit) + "' for details.");
    } else if (fate.waiting_for != unit) {
      log.push_back("[  OK  ] Started " + std::string(unit) + " - " + words + ".");
    }
  }
  if (!fate.boot_ends) {
    log.push_back("[ ***  ] A start job is running for " + fate.waiting_for +
                  " (1min 30s / no limit)");
  } else {
    log.emplace_back("[  OK  ] Reached target multi-user.target - Multi-User System.");
  }
  return log;
}

std::optional<Fate> fault_asked_for(const Facts& facts, const Json& pod) {
  for (const auto& [place, reason] :
       {std::pair{"sandbox", kNoSandbox}, std::pair{"image", kNoImage},
        std::pair{"create", kNoContainer}, std::pair{"init", node::kInitFailed}}) {
    if (const auto words = fault_at(pod, place); !words.empty()) return failing(reason, words);
  }
  const auto line = fault_at(pod, "boot");
  return line.empty() ? std::nullopt : std::optional(gives_up(facts, pod, {line}));
}

std::optional<int> exit_asked_for(const std::set<std::string>& words) {
  for (const auto& word : words) {
    int code = 0;
    if (std::sscanf(word.c_str(), "exit%d", &code) == 1) return code % 256;
  }
  return std::nullopt;
}

}  // namespace

std::set<std::string> behaviours(const Json& pod) {
  static const std::regex word("[A-Za-z0-9]+");
  const auto text =
      container_of(pod).value("image", "") + " " + annotation(pod, "devcluster/behaviour");
  return {std::sregex_token_iterator(text.begin(), text.end(), word), std::sregex_token_iterator()};
}

std::string fault_at(const Json& pod, const std::string& place) {
  const auto fault = annotation(pod, "devcluster/fault");
  const auto start = place + ": ";
  return fault.rfind(start, 0) == 0 ? fault.substr(start.size()) : "";
}

Fate fate_of(const Json& pod, const Machine& machine, const Profile& profile,
             const std::set<std::string>& nfs_claims) {
  const auto words = behaviours(pod);
  const auto facts = facts_of(pod, machine, profile);
  if (auto error = sandbox_error(facts, machine, profile)) return *error;
  if (words.count("missing") > 0) {
    return failing(kNoImage, "rpc error: code = Unknown desc = reading manifest in " +
                                 container_of(pod).value("image", "") +
                                 ": manifest unknown: manifest unknown");
  }
  if (auto fault = fault_asked_for(facts, pod)) return *fault;
  if (auto error = create_error(facts, pod, profile, nfs_claims)) return *error;
  Fate fate;
  if (facts.systemd) {
    if (auto failure = early_failure(facts, pod, machine, profile)) return *failure;
    fate.failed_units = units_that_fail(facts);
    if (words.count("degraded") > 0 && fate.failed_units.empty())
      fate.failed_units = {"nginx.service"};
    if (words.count("hang") > 0) {
      fate.boot_ends = false;
      fate.waiting_for = "nginx.service";
    }
    fate.log = boot_log(facts, pod, fate);
  }
  fate.systemd = facts.systemd;
  fate.user_namespace = facts.user_namespace;
  fate.flaps = words.count("flap") > 0;
  fate.probe_fault = fault_at(pod, "probe");
  fate.stops = asks_for_clean_stop(facts, pod, words);
  const bool oom = words.count("oom") > 0;
  if (const auto code = exit_asked_for(words); code || oom) {
    fate.kind = Fate::Kind::kExits;
    fate.oom = oom;
    fate.exit_code = oom ? kSigkill : *code;
    fate.at_once = false;
  }
  return fate;
}

}  // namespace devcluster
