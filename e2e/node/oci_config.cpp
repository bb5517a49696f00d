#include "node/oci_config.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

#include <signal.h>

#include "node/members.hpp"
#include "node/pod_error.hpp"
#include "node/quantity.hpp"

namespace node {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::size_t kHostnameMax = 63;  // sethostname(2) allows 64 with the final NUL
constexpr int kRtMin = 34;                // as glibc counts: it keeps the first two for itself
constexpr int kRtMax = 64;

// cri-o pkg/config: DefaultCapabilities.
const std::vector<std::string>& default_capabilities() {
  static const std::vector<std::string> names{"CHOWN",   "DAC_OVERRIDE",     "FSETID",
                                              "FOWNER",  "SETGID",           "SETUID",
                                              "SETPCAP", "NET_BIND_SERVICE", "KILL"};
  return names;
}

// linux/capability.h up to CAP_CHECKPOINT_RESTORE, for "ALL".
const std::vector<std::string>& all_capabilities() {
  static const std::vector<std::string> names{"CHOWN",
                                              "DAC_OVERRIDE",
                                              "DAC_READ_SEARCH",
                                              "FOWNER",
                                              "FSETID",
                                              "KILL",
                                              "SETGID",
                                              "SETUID",
                                              "SETPCAP",
                                              "LINUX_IMMUTABLE",
                                              "NET_BIND_SERVICE",
                                              "NET_BROADCAST",
                                              "NET_ADMIN",
                                              "NET_RAW",
                                              "IPC_LOCK",
                                              "IPC_OWNER",
                                              "SYS_MODULE",
                                              "SYS_RAWIO",
                                              "SYS_CHROOT",
                                              "SYS_PTRACE",
                                              "SYS_PACCT",
                                              "SYS_ADMIN",
                                              "SYS_BOOT",
                                              "SYS_NICE",
                                              "SYS_RESOURCE",
                                              "SYS_TIME",
                                              "SYS_TTY_CONFIG",
                                              "MKNOD",
                                              "LEASE",
                                              "AUDIT_WRITE",
                                              "AUDIT_CONTROL",
                                              "SETFCAP",
                                              "MAC_OVERRIDE",
                                              "MAC_ADMIN",
                                              "SYSLOG",
                                              "WAKE_ALARM",
                                              "BLOCK_SUSPEND",
                                              "AUDIT_READ",
                                              "PERFMON",
                                              "BPF",
                                              "CHECKPOINT_RESTORE"};
  return names;
}

// The container's securityContext over the Pod's.
Json security_field(const Json& pod, const Json& container, const char* name) {
  const Json& own = member(container, "securityContext");
  if (own.contains(name)) return own[name];
  const Json& shared = member(member(pod, "spec"), "securityContext");
  return shared.contains(name) ? shared[name] : Json();
}

std::string annotation(const Json& pod, const std::string& crio_name) {
  const Json& all = member(member(pod, "metadata"), "annotations");
  // The second form since CRI-O 1.35.
  for (const std::string& key : {"io.kubernetes.cri-o." + crio_name, crio_name + ".crio.io"}) {
    if (all.contains(key) && all[key].is_string()) return all[key].get<std::string>();
  }
  return {};
}

std::vector<std::string> capabilities(const Json& container, bool privileged) {
  if (privileged) return all_capabilities();
  std::vector<std::string> held = default_capabilities();
  const auto plain = [](std::string name) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return name.rfind("CAP_", 0) == 0 ? name.substr(4) : name;
  };
  const Json& asked = member(member(container, "securityContext"), "capabilities");
  const Json add = asked.value("add", Json::array());
  const Json drop = asked.value("drop", Json::array());
  const auto has_all = [&](const Json& list) {
    return std::any_of(list.begin(), list.end(),
                       [&](const Json& n) { return plain(n.get<std::string>()) == "ALL"; });
  };
  if (has_all(drop)) held.clear();
  if (has_all(add)) held = all_capabilities();
  for (const Json& name : add) {
    const std::string wanted = plain(name.get<std::string>());
    if (wanted == "ALL") continue;
    const auto& known = all_capabilities();
    if (std::find(known.begin(), known.end(), wanted) == known.end()) {
      throw PodError(kConfigError, "securityContext.capabilities.add: unknown capability \"" +
                                       name.get<std::string>() + "\"");
    }
    if (std::find(held.begin(), held.end(), wanted) == held.end()) held.push_back(wanted);
  }
  for (const Json& name : drop) std::erase(held, plain(name.get<std::string>()));
  return held;
}

Json user(const Json& pod, const Json& container, const ImageConfig& image) {
  std::int64_t uid = 0;
  std::int64_t gid = 0;
  if (!image.user.empty() && image.user != "root") {
    const char* end = image.user.data() + image.user.size();
    const auto parsed = std::from_chars(image.user.data(), end, uid);
    if (parsed.ec != std::errc() || (parsed.ptr != end && *parsed.ptr != ':')) {
      throw PodError(kConfigError,
                     "image USER \"" + image.user +
                         "\": this node takes numbers only; set securityContext.runAsUser");
    }
    if (parsed.ptr != end) std::from_chars(parsed.ptr + 1, end, gid);
  }
  if (const Json run_as = security_field(pod, container, "runAsUser"); run_as.is_number()) {
    uid = run_as.get<std::int64_t>();
  }
  if (const Json group = security_field(pod, container, "runAsGroup"); group.is_number()) {
    gid = group.get<std::int64_t>();
  }
  if (uid == 0 && security_field(pod, container, "runAsNonRoot") == Json(true)) {
    throw PodError(kConfigError, "container has runAsNonRoot and image will run as root");
  }
  Json out{{"uid", uid}, {"gid", gid}};
  const Json& shared = member(member(pod, "spec"), "securityContext");
  Json groups = shared.value("supplementalGroups", Json::array());
  if (shared.contains("fsGroup")) groups.push_back(shared["fsGroup"]);
  if (!groups.empty()) out["additionalGids"] = groups;
  return out;
}

Json environment(const Json& pod, const ImageConfig& image, const Sandbox& sandbox, bool tty,
                 bool init) {
  Env env{{"PATH", kDefaultPath}};
  const auto set = [&](const std::string& name, const std::string& value) {
    std::erase_if(env, [&](const auto& e) { return e.first == name; });
    env.emplace_back(name, value);
  };
  if (tty) set("TERM", "xterm");
  set("HOSTNAME", pod_hostname(pod));
  for (const std::string& entry : image.env) {
    const auto equals = entry.find('=');
    if (equals != std::string::npos) set(entry.substr(0, equals), entry.substr(equals + 1));
  }
  for (const auto& [name, value] : sandbox.env) set(name, value);
  if (init) set("container", "crio");
  Json out = Json::array();
  for (const auto& [name, value] : env) out.push_back(name + "=" + value);
  return out;
}

Json mount(const std::string& destination, const std::string& type, const std::string& source,
           std::vector<std::string> options) {
  return {{"destination", destination},
          {"type", type},
          {"source", source},
          {"options", std::move(options)}};
}

// "/etc/x/../y//z/" says nothing new; depth is what orders mounts.
std::size_t depth(const std::string& path) {
  return path == "/" ? 0 : static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
}

Json mounts(const Json& pod, const NodeRules& rules, const Sandbox& sandbox, bool init,
            bool privileged) {
  const bool cgroup_rw =
      init || privileged ||
      (rules.userns_annotation && annotation(pod, "cgroup2-mount-hierarchy-rw") == "true");
  Json out = Json::array();
  out.push_back(mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}));
  out.push_back(
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
  out.push_back(mount("/dev/pts", "devpts", "devpts",
                      {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}));
  out.push_back(mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
  out.push_back(
      mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}));
  out.push_back(
      mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", privileged ? "rw" : "ro"}));
  if (init) {
    out.push_back(mount("/sys/fs/cgroup", "cgroup", "cgroup", {"private", "rw"}));
  } else {
    out.push_back(mount("/sys/fs/cgroup", "cgroup", "cgroup",
                        {"nosuid", "noexec", "nodev", "relatime", cgroup_rw ? "rw" : "ro"}));
  }
  for (const BindMount& volume : sandbox.mounts) {
    std::vector<std::string> options{"rbind", "rprivate", volume.read_only ? "ro" : "rw"};
    out.push_back(mount(volume.destination, "bind", volume.source, options));
  }
  if (init) {
    // setupSystemd(): a volume of the Pod's on one of them wins.
    for (const char* directory : {"/run", "/run/lock", "/tmp", "/var/log/journal"}) {
      const bool taken =
          std::any_of(sandbox.mounts.begin(), sandbox.mounts.end(),
                      [&](const BindMount& m) { return m.destination == directory; });
      if (taken) continue;
      out.push_back(mount(directory, "tmpfs", "tmpfs",
                          {"rw", "rprivate", "noexec", "nosuid", "nodev", "tmpcopyup"}));
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const Json& a, const Json& b) {
    return depth(a["destination"].get_ref<const std::string&>()) <
           depth(b["destination"].get_ref<const std::string&>());
  });
  return out;
}

Json namespaces(const NodeRules& rules, const Sandbox& sandbox, bool privileged) {
  Json out =
      Json::array({{{"type", "pid"}}, {{"type", "ipc"}}, {{"type", "uts"}}, {{"type", "mount"}}});
  out.push_back({{"type", "network"}, {"path", sandbox.network_namespace}});
  if (!rules.cgroups_v1 && !privileged) out.push_back({{"type", "cgroup"}});
  if (!sandbox.user_namespace.empty())
    out.push_back({{"type", "user"}, {"path", sandbox.user_namespace}});
  return out;
}

}  // namespace

bool is_init(const std::string& argv0) {
  return argv0.find("/sbin/init") != std::string::npos ||
         argv0.substr(argv0.find_last_of('/') + 1) == "systemd";
}

bool wants_user_namespace(const Json& pod, const NodeRules& rules) {
  if (rules.honour_host_users && member(pod, "spec").value("hostUsers", true) == false) return true;
  return rules.userns_annotation && annotation(pod, "userns-mode").rfind("auto", 0) == 0;
}

std::string pod_cgroup(const Json& pod, const std::string& uid) {
  // pkg/apis/core/v1/helper/qos: guaranteed when every container limits both and asks for no less.
  bool any = false;
  bool guaranteed = true;
  for (const Json& container : pod.at("spec").at("containers")) {
    const Json& all = member(container, "resources");
    const Json& requests = member(all, "requests");
    const Json& limits = member(all, "limits");
    any = any || !requests.empty() || !limits.empty();
    for (const char* name : {"cpu", "memory"}) {
      guaranteed = guaranteed && limits.contains(name) &&
                   (!requests.contains(name) || requests[name] == limits[name]);
    }
  }
  std::string name = uid;
  std::replace(name.begin(), name.end(), '-', '_');  // "-" nests slices
  if (guaranteed) return "/kubepods.slice/kubepods-pod" + name + ".slice";
  const std::string qos = any ? "burstable" : "besteffort";
  return "/kubepods.slice/kubepods-" + qos + ".slice/kubepods-" + qos + "-pod" + name + ".slice";
}

std::vector<std::string> container_argv(const Json& container, const ImageConfig& image,
                                        const Env& env) {
  std::vector<std::string> argv = container.value("command", std::vector<std::string>());
  const bool own_command = !argv.empty();
  if (!own_command) argv = image.entrypoint;
  std::vector<std::string> args = container.value("args", std::vector<std::string>());
  if (args.empty() && !own_command) args = image.cmd;
  argv.insert(argv.end(), args.begin(), args.end());
  if (argv.empty()) {
    throw PodError(kConfigError,
                   "no command specified: neither the Pod's command nor the image's "
                   "ENTRYPOINT or CMD");
  }
  for (std::string& word : argv) word = expand(word, env);
  return argv;
}

std::string pod_hostname(const Json& pod) {
  const std::string name =
      member(pod, "spec")
          .value("hostname", member(pod, "metadata").value("name", std::string("pod")));
  std::string out = name.substr(0, kHostnameMax);
  while (!out.empty() && (out.back() == '-' || out.back() == '.')) out.pop_back();
  return out;
}

Json resource_limits(const Json& container) {
  constexpr double kPeriodMicros = 100000;  // the kubelet's default cpuCFSQuotaPeriod
  const Json& limits = member(member(container, "resources"), "limits");
  Json out = Json::object();
  if (limits.contains("memory")) {
    out["memory"]["limit"] = static_cast<std::int64_t>(quantity(limits["memory"]));
  }
  if (limits.contains("cpu")) {
    out["cpu"]["quota"] = static_cast<std::int64_t>(quantity(limits["cpu"]) * kPeriodMicros);
    out["cpu"]["period"] = static_cast<std::int64_t>(kPeriodMicros);
  }
  return out;
}

Json oci_config(const Json& pod, const Json& container, const ImageConfig& image,
                const NodeRules& rules, const Sandbox& sandbox) {
  const std::vector<std::string> argv = container_argv(container, image, sandbox.env);
  const Json& context = member(container, "securityContext");
  const bool init = is_init(argv[0]);
  const bool privileged = context.value("privileged", false);
  const bool tty = container.value("tty", false);
  std::vector<std::string> held;
  for (const std::string& name : capabilities(container, privileged)) held.push_back("CAP_" + name);

  Json process{{"terminal", tty},
               {"user", user(pod, container, image)},
               {"args", argv},
               {"cwd", container.value("workingDir", image.working_dir)},
               {"env", environment(pod, image, sandbox, tty, init)},
               {"capabilities", {{"bounding", held}, {"effective", held}, {"permitted", held}}},
               {"noNewPrivileges", context.value("allowPrivilegeEscalation", true) == false}};
  if (process["cwd"].get_ref<const std::string&>().empty()) process["cwd"] = "/";

  Json linux{{"cgroupsPath", sandbox.cgroup},
             {"namespaces", namespaces(rules, sandbox, privileged)}};
  if (sandbox.ids) {
    const Json map = Json::array(
        {{{"containerID", 0}, {"hostID", sandbox.ids->first}, {"size", sandbox.ids->size}}});
    linux["uidMappings"] = map;
    linux["gidMappings"] = map;
  }
  if (!privileged) {
    linux["maskedPaths"] = {"/proc/acpi",          "/proc/kcore",      "/proc/keys",
                            "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                            "/proc/sched_debug",   "/proc/scsi",       "/sys/firmware"};
    linux["readonlyPaths"] = {"/proc/asound", "/proc/bus", "/proc/fs",
                              "/proc/irq",    "/proc/sys", "/proc/sysrq-trigger"};
  }
  for (const Json& sysctl :
       member(member(pod, "spec"), "securityContext").value("sysctls", Json::array())) {
    linux["sysctl"][sysctl.at("name").get<std::string>()] = sysctl.at("value");
  }
  if (rules.resource_limits) {
    if (Json limits = resource_limits(container); !limits.empty())
      linux["resources"] = std::move(limits);
  }
  return {
      {"ociVersion", "1.0.2"},
      {"hostname", pod_hostname(pod)},
      {"root", {{"path", "rootfs"}, {"readonly", context.value("readOnlyRootFilesystem", false)}}},
      {"process", std::move(process)},
      {"mounts", mounts(pod, rules, sandbox, init, privileged)},
      {"linux", std::move(linux)}};
}

std::optional<int> signal_number(const std::string& name) {
  int number = 0;
  const char* end = name.data() + name.size();
  if (const auto parsed = std::from_chars(name.data(), end, number);
      parsed.ec == std::errc() && parsed.ptr == end) {
    return number > 0 && number <= kRtMax ? std::optional(number) : std::nullopt;
  }
  const std::string bare = name.rfind("SIG", 0) == 0 ? name.substr(3) : name;
  for (const auto& [base, first] : {std::pair{"RTMIN", kRtMin}, std::pair{"RTMAX", kRtMax}}) {
    if (bare.rfind(base, 0) != 0) continue;
    const std::string offset = bare.substr(std::strlen(base));
    if (offset.empty()) return first;
    try {
      std::size_t used = 0;
      number = first + std::stoi(offset, &used);
      if (used == offset.size() && number >= kRtMin && number <= kRtMax) return number;
    } catch (const std::exception&) {
      return std::nullopt;
    }
    return std::nullopt;
  }
  for (int n = 1; n < kRtMin; ++n) {
    const char* known = sigabbrev_np(n);
    if (known != nullptr && bare == known) return n;
  }
  return std::nullopt;
}

}  // namespace node
