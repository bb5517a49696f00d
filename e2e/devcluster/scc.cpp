#include "devcluster/scc.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <span>
#include <tuple>
#include <utility>

#include <boost/algorithm/string/join.hpp>

#include "devcluster/members.hpp"
#include "devcluster/objects.hpp"

namespace devcluster {
namespace {

using Complaints = std::vector<std::string>;

struct Range {
  std::int64_t min = 0, max = 0;
  bool holds(std::int64_t id) const { return min <= id && id <= max; }
  std::string text() const { return "[" + std::to_string(min) + ", " + std::to_string(max) + "]"; }
};

std::string strategy(const Json& scc, const char* key) {
  return scc.value(key, Json::object()).value("type", "RunAsAny");
}

// "1000650000/10000": first and count (openshift/library-go pkg/security/uid).
Range parse_block(const std::string& block) {
  const auto slash = block.find('/');
  if (slash == std::string::npos) return {};
  const std::int64_t first = std::strtoll(block.c_str(), nullptr, 10);
  const std::int64_t count = std::strtoll(block.c_str() + slash + 1, nullptr, 10);
  return {first, first + count - 1};
}

// What is off unless the constraint allows it.
struct Switch {
  const char *field, *allowed_by, *refusal;
};
constexpr Switch kPodSwitches[] = {
    {"hostNetwork", "allowHostNetwork", "Host network is not allowed to be used"},
    {"hostPID", "allowHostPID", "Host PID is not allowed to be used"},
    {"hostIPC", "allowHostIPC", "Host IPC is not allowed to be used"}};
constexpr Switch kContainerSwitches[] = {
    {"privileged", "allowPrivilegedContainer", "Privileged containers are not allowed"},
    {"allowPrivilegeEscalation", "allowPrivilegeEscalation",
     "Allowing privilege escalation for containers is not allowed"}};

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

// One constraint tried on one Pod: fills in what is left out, notes what is not allowed.
class Trial {
 public:
  Trial(const Json& scc, const Json& annotations, Json& pod)
      : scc_(scc), annotations_(annotations), spec_(pod["spec"]) {}

  Complaints run() {
    pod_level();
    for (const char* list : {"initContainers", "containers"}) {
      if (!spec_.contains(list)) continue;
      std::size_t index = 0;
      for (auto& container : spec_[list]) {
        container_level(container,
                        "spec." + std::string(list) + "[" + std::to_string(index++) + "]");
      }
    }
    return std::move(faults_);
  }

 private:
  void fault(const std::string& field, const std::string& why) {
    faults_.push_back(field + ": " + why);
  }
  void invalid(const std::string& field, const std::string& value, const std::string& why) {
    fault(field, "Invalid value: " + value + ": " + why);
  }
  void switches(const Json& holder, std::span<const Switch> all, const std::string& at) {
    for (const auto& [field, allowed_by, refusal] : all) {
      if (flag(holder, field) && !flag(scc_, allowed_by))
        invalid(at + "." + field, "true", refusal);
    }
  }

  void pod_level() {
    const std::string level = scc_.value("userNamespaceLevel", "AllowHostLevel");
    if (level == "RequirePodLevel" && spec_.value("hostUsers", true)) {
      invalid("spec.hostUsers", "true", "Host Users must be set to false");
    }
    switches(spec_, kPodSwitches, "spec.securityContext");
    volumes();
    auto& context = spec_["securityContext"];
    if (context.is_null()) context = Json::object();
    fs_group(context);
    se_linux(context);
    seccomp(context, true, "spec.securityContext");
    sysctls(context);
  }

  void volumes() {
    const auto allowed = strings(scc_, "volumes");
    if (holds(allowed, "*") || !spec_.contains("volumes")) return;
    std::size_t index = 0;
    for (const auto& volume : spec_["volumes"]) {
      const std::string field = "spec.volumes[" + std::to_string(index++) + "]";
      for (const auto& [type, source] : volume.items()) {
        if (type == "name" || holds(allowed, type)) continue;
        invalid(field, quoted(type), type + " volumes are not allowed to be used");
      }
    }
  }

  void fs_group(Json& context) {
    if (strategy(scc_, "fsGroup") != "MustRunAs") return;
    const auto ranges = scc_["fsGroup"].value("ranges", Json::array());
    Range range;
    if (ranges.empty()) {  // of a namespace: its first alone
      range.min = range.max =
          parse_block(annotations_.value("openshift.io/sa.scc.supplemental-groups", "")).min;
    } else {
      range = {ranges[0].value("min", 0), ranges[0].value("max", 0)};
    }
    if (!context.contains("fsGroup")) {
      context["fsGroup"] = range.min;
    } else if (const auto group = context["fsGroup"].get<std::int64_t>(); !range.holds(group)) {
      const auto text = std::to_string(group);
      invalid("spec.securityContext.fsGroup", "[" + text + "]", text + " is not an allowed group");
    }
  }

  void se_linux(Json& context) {
    if (strategy(scc_, "seLinuxContext") != "MustRunAs") return;
    Json wanted = scc_["seLinuxContext"].value("seLinuxOptions", Json::object());
    if (!wanted.contains("level")) {
      wanted["level"] = annotations_.value("openshift.io/sa.scc.mcs", "");
    }
    if (!context.contains("seLinuxOptions")) {
      context["seLinuxOptions"] = wanted;
      return;
    }
    for (const char* part : {"level", "role", "type", "user"}) {
      const auto has = context["seLinuxOptions"].value(part, "");
      const auto must = wanted.value(part, "");
      if (has != must) {
        invalid("spec.securityContext.seLinuxOptions." + std::string(part), quoted(has),
                "must be " + must);
      }
    }
  }

  void seccomp(Json& context, bool fill_in, const std::string& field) {
    const auto allowed = strings(scc_, "seccompProfiles");
    if (holds(allowed, "*")) return;
    if (!context.contains("seccompProfile")) {
      if (fill_in && holds(allowed, "runtime/default")) {
        context["seccompProfile"] = {{"type", "RuntimeDefault"}};
      }
      return;
    }
    const auto type = context["seccompProfile"].value("type", "");
    const std::string name = type == "RuntimeDefault" ? "runtime/default"
                             : type == "Unconfined"   ? "unconfined"
                                                      : type;
    if (holds(allowed, name)) return;
    fault(field + ".seccompProfile",
          allowed.empty() ? "Forbidden: seccomp may not be set"
                          : "Forbidden: " + name + " is not an allowed seccomp profile");
  }

  void sysctls(const Json& context) {
    // kubernetes pkg/kubelet/sysctl/safe_sysctls.go
    static const std::set<std::string> safe = {
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start"};
    const auto unsafe = strings(scc_, "allowedUnsafeSysctls");
    for (const auto& sysctl : context.value("sysctls", Json::array())) {
      const auto name = sysctl.value("name", "");
      if (safe.count(name) > 0 || holds(unsafe, "*") || holds(unsafe, name)) continue;
      fault("spec.securityContext.sysctls",
            "Forbidden: unsafe sysctl \"" + name + "\" is not allowed");
    }
  }

  void container_level(Json& container, const std::string& field) {
    auto& context = container["securityContext"];
    if (context.is_null()) context = Json::object();
    const std::string at = field + ".securityContext";
    run_as_user(context, at);
    capabilities(context, at);
    seccomp(context, false, at);
    if (!flag(scc_, "allowPrivilegeEscalation")) context.emplace("allowPrivilegeEscalation", false);
    switches(context, kContainerSwitches, at);
    if (flag(scc_, "readOnlyRootFilesystem")) {
      context.emplace("readOnlyRootFilesystem", true);
      if (!flag(context, "readOnlyRootFilesystem")) {
        invalid(at + ".readOnlyRootFilesystem", "false",
                "ReadOnlyRootFilesystem must be set to true");
      }
    }
    for (const auto& port : container.value("ports", Json::array())) {
      const int host_port = port.value("hostPort", 0);
      if (host_port > 0 && !flag(scc_, "allowHostPorts")) {
        invalid(at + ".hostPort", std::to_string(host_port),
                "Host ports are not allowed to be used");
      }
    }
  }

  void run_as_user(Json& context, const std::string& at) {
    const auto how = strategy(scc_, "runAsUser");
    if (how == "RunAsAny") return;
    const auto* own = lookup(context, "runAsUser");
    const auto* set = own != nullptr ? own : lookup(spec_["securityContext"], "runAsUser");
    if (how == "MustRunAsNonRoot") {
      if (set == nullptr) {
        context.emplace("runAsNonRoot", true);
      } else if (*set == 0) {
        invalid(at + ".runAsUser", "0", "running with the root UID is forbidden");
      }
      return;
    }
    const auto rule = scc_.value("runAsUser", Json::object());
    const auto range = how == "MustRunAs" ? Range{rule.value("uid", 0), rule.value("uid", 0)}
                       : rule.contains("uidRangeMin") && rule.contains("uidRangeMax")
                           ? Range{rule["uidRangeMin"], rule["uidRangeMax"]}
                           : parse_block(annotations_.value("openshift.io/sa.scc.uid-range", ""));
    if (set == nullptr) {
      context["runAsUser"] = range.min;
    } else if (!range.holds(set->get<std::int64_t>())) {
      invalid(at + ".runAsUser", set->dump(),
              how == "MustRunAs" ? "must be: " + std::to_string(range.min)
                                 : "must be in the ranges: " + range.text());
    }
  }

  void capabilities(Json& context, const std::string& at) {
    const auto must_drop = strings(scc_, "requiredDropCapabilities");
    const auto defaults = strings(scc_, "defaultAddCapabilities");
    const auto allowed = strings(scc_, "allowedCapabilities");
    Json asked = context.value("capabilities", Json::object());
    auto add = strings(asked, "add");
    auto drop = strings(asked, "drop");
    for (const auto& capability : defaults) {
      if (!holds(add, capability) && !holds(drop, capability)) add.push_back(capability);
    }
    for (const auto& capability : must_drop) {
      if (!holds(drop, capability)) drop.push_back(capability);
    }
    for (const auto& capability : add) {
      const bool named = holds(allowed, capability) || holds(defaults, capability);
      const bool dropped = holds(must_drop, capability) || (holds(must_drop, "ALL") && !named);
      if (dropped || !(named || holds(allowed, "*"))) {
        invalid(at + ".capabilities.add", quoted(capability), "capability may not be added");
      }
    }
    if (!add.empty()) asked["add"] = add;
    if (!drop.empty()) asked["drop"] = drop;
    if (!asked.empty()) context["capabilities"] = asked;
  }

  const Json& scc_;
  const Json& annotations_;
  Json& spec_;
  Complaints faults_;
};

// The more, the less restrictive (util/sort/byrestrictions.go).
std::int64_t points(const Json& scc) {
  std::int64_t sum = 0;
  for (const auto& [field, worth] :
       {std::pair{"allowPrivilegedContainer", 1'000'000}, std::pair{"allowHostNetwork", 200'000},
        std::pair{"allowHostPorts", 400'000}}) {
    if (flag(scc, field)) sum += worth;
  }
  const auto volumes = strings(scc, "volumes");
  if (flag(scc, "allowHostDirVolumePlugin") || holds(volumes, "*")) sum += 100'000;
  if (!volumes.empty()) sum += 50'000;
  const auto of_strategy = [](const std::string& type) {
    return type == "RunAsAny"           ? 40'000
           : type == "MustRunAsNonRoot" ? 30'000
           : type == "MustRunAsRange"   ? 20'000
                                        : 10'000;
  };
  sum += of_strategy(strategy(scc, "seLinuxContext")) + of_strategy(strategy(scc, "runAsUser"));
  std::int64_t capabilities = 5'000;
  capabilities += 300 * static_cast<std::int64_t>(strings(scc, "defaultAddCapabilities").size());
  const auto allowed = strings(scc, "allowedCapabilities");
  capabilities += holds(allowed, "*") ? 4'000 : 10 * static_cast<std::int64_t>(allowed.size());
  const auto dropped = strings(scc, "requiredDropCapabilities");
  capabilities -= holds(dropped, "ALL") ? 3'000 : 50 * static_cast<std::int64_t>(dropped.size());
  return sum + std::clamp<std::int64_t>(capabilities, 0, 9'999);
}

}  // namespace

void sort_sccs(std::vector<Json>& sccs) {
  const auto rank = [](const Json& scc) {
    const auto priority = scc.find("priority");
    const std::int64_t height =
        priority != scc.end() && priority->is_number() ? priority->get<std::int64_t>() : 0;
    return std::tuple{-height, points(scc), scc.at("metadata").value("name", "")};
  };
  std::sort(sccs.begin(), sccs.end(),
            [&](const Json& a, const Json& b) { return rank(a) < rank(b); });
}

std::optional<std::string> admit_by_scc(const SccInput& input, Json& pod) {
  auto sccs = input.sccs;
  sort_sccs(sccs);
  const auto annotations = pod.at("metadata").value("annotations", Json::object());
  const auto required = annotations.value("openshift.io/required-scc", "");
  Complaints all;
  bool found = required.empty();
  for (const auto& scc : sccs) {
    const auto name = scc.at("metadata").value("name", "");
    if (!required.empty() && name != required) continue;
    found = true;
    const auto user_of = input.may_use(scc);
    if (!user_of) {
      all.push_back("provider \"" + name + "\": Forbidden: not usable by user or serviceaccount");
      continue;
    }
    Json tried = pod;
    auto faults = Trial(scc, input.namespace_annotations, tried).run();
    if (faults.empty()) {
      auto& made = tried["metadata"]["annotations"];
      made["openshift.io/scc"] = name;
      made["security.openshift.io/validated-scc-subject-type"] = *user_of;
      pod = std::move(tried);
      return std::nullopt;
    }
    for (auto& fault : faults) {
      all.push_back("provider " + name + ": ." + std::move(fault));
    }
  }
  if (!found) all.push_back("required scc/" + required + " not found");
  return "unable to validate against any security context constraint: [" +
         boost::algorithm::join(all, ", ") + "]";
}

Json namespace_ranges(int index) {
  // openshift/cluster-policy-controller
  // pkg/security/controller/namespace_scc_allocation_controller.go: blocks of 10,000 uids from
  // 1000000000, MCS labels of two categories.
  constexpr int kFirstBlock = 65;
  const std::int64_t uid = 1'000'000'000LL + 10'000LL * (kFirstBlock + index);
  const std::string block = std::to_string(uid) + "/10000";
  const int label = kFirstBlock + index;
  return {{"openshift.io/sa.scc.uid-range", block},
          {"openshift.io/sa.scc.supplemental-groups", block},
          {"openshift.io/sa.scc.mcs",
           "s0:c" + std::to_string(26 + label / 256) + ",c" + std::to_string(label % 26)}};
}

}  // namespace devcluster
