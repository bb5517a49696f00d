#include "platform/projections.hpp"

#include <algorithm>
#include <array>
#include <sstream>

#include "api/json_read.hpp"
#include "api/names.hpp"

namespace swo::platform {
namespace {

int count(const Json& value) {
  return static_cast<int>(std::clamp<std::int64_t>(number(value), 0, 1'000'000));
}

bool truth(const Json& value) { return value.is_boolean() && value.get<bool>(); }

Tri tri(const Json& value) {
  if (!value.is_boolean()) {
    return Tri::kUnknown;
  }
  return value.get<bool>() ? Tri::kYes : Tri::kNo;
}

const Json& condition(const Json& object, std::string_view type) {
  static const Json kNull;
  for (const Json& item : at(object, "status", "conditions")) {
    if (text(at(item, "type")) == type) {
      return item;
    }
  }
  return kNull;
}

std::set<std::string> names_of(const Json& references) {
  std::set<std::string> names;
  for (const Json& reference : references) {
    names.insert(text(at(reference, "name")));
  }
  return names;
}

Tri condition_status(const Json& object, std::string_view type) {
  const std::string status = text(at(condition(object, type), "status"));
  if (status == "True") {
    return Tri::kYes;
  }
  return status == "False" ? Tri::kNo : Tri::kUnknown;
}

Runtime runtime_of(std::string_view container_runtime_version) {
  if (container_runtime_version.empty()) {
    return Runtime::kUnknown;
  }
  if (container_runtime_version.starts_with("cri-o://")) {
    return Runtime::kCrio;
  }
  return container_runtime_version.starts_with("containerd://") ? Runtime::kContainerd
                                                                : Runtime::kOther;
}

// Linux 6.3 is the first whose tmpfs can be mounted with mapped ids (KEP-127, "Kernel version").
Tri tmpfs_idmap(std::string_view kernel_release) {
  constexpr Version kFirst{6, 3, 0};
  const auto version = parse_version(kernel_release);
  if (!version) {
    return Tri::kUnknown;
  }
  if (*version >= kFirst) {
    return Tri::kYes;
  }
  return kernel_release.find(".el") == std::string_view::npos ? Tri::kNo : Tri::kUnknown;
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  const char lower = static_cast<char>(digit | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view encoded) {
  std::string decoded;
  decoded.reserve(encoded.size());
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] == '%' && i + 2 < encoded.size()) {
      const int high = hex_value(encoded[i + 1]);
      const int low = hex_value(encoded[i + 2]);
      if (high >= 0 && low >= 0) {
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    decoded += encoded[i];
  }
  return decoded;
}

std::string base64_decoded(std::string_view encoded) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string decoded;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char digit : encoded) {
    const std::size_t value = kAlphabet.find(digit);
    if (value == std::string_view::npos) {
      continue;  // padding, line breaks
    }
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      decoded += static_cast<char>((bits >> held) & 0xFF);
    }
  }
  return decoded;
}

// The contents of an Ignition file, which are a data URL (RFC 2397). nullopt: compressed, or not
// inline.
std::optional<std::string> file_contents(const Json& file) {
  const std::string source = text(at(file, "contents", "source"));
  const std::string compression = text(at(file, "contents", "compression"));
  const std::size_t comma = source.find(',');
  if (!source.starts_with("data:") || comma == std::string::npos || !compression.empty()) {
    return std::nullopt;
  }
  const std::string_view media_type = std::string_view(source).substr(0, comma);
  const std::string data = percent_decoded(std::string_view(source).substr(comma + 1));
  return media_type.ends_with(";base64") ? base64_decoded(data) : data;
}

bool contains(std::string_view haystack, std::string_view needle) {
  return haystack.find(needle) != std::string_view::npos;
}

constexpr std::string_view kAnnotation = "io.kubernetes.cri-o.userns-mode";

// Whoever activates the workload class may have a user namespace: CRI-O 1.23 and later.
bool allows_to_workload(std::string_view drop_in) {
  return contains(drop_in, "io.openshift.userns") && contains(drop_in, kAnnotation);
}

// Every Pod of the default runtime may. What is read of TOML is where a table starts and ends.
bool allows_to_runtime(const std::string& drop_in) {
  std::istringstream lines(drop_in);
  bool in_table = false;
  for (std::string line; std::getline(lines, line);) {
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.starts_with("[")) {
      in_table = line.starts_with("[crio.runtime.runtimes.runc]");
    } else if (in_table && !line.starts_with("#") && contains(line, kAnnotation)) {
      return true;
    }
  }
  return false;
}

}  // namespace

const std::vector<std::string>& node_fields() {
  static const std::vector<std::string> kFields = {
      "metadata.name",
      "metadata.labels",
      "spec.taints",
      "spec.unschedulable",
      "status.conditions",
      "status.nodeInfo.bootID",
      "status.nodeInfo.kernelVersion",
      "status.nodeInfo.kubeletVersion",
      "status.nodeInfo.containerRuntimeVersion",
      "status.runtimeHandlers",
  };
  return kFields;
}

const std::vector<std::string>& pool_fields() {
  static const std::vector<std::string> kFields = {
      "metadata.name",
      "metadata.generation",
      "metadata.resourceVersion",
      "metadata.annotations",
      "spec.paused",
      "spec.configuration.name",
      "spec.configuration.source",
      "spec.machineConfigSelector",
      "spec.nodeSelector",
      "status.observedGeneration",
      "status.configuration.name",
      "status.configuration.source",
      "status.conditions",
      "status.machineCount",
      "status.updatedMachineCount",
      "status.readyMachineCount",
      "status.unavailableMachineCount",
      "status.degradedMachineCount",
  };
  return kFields;
}

const std::vector<std::string>& cluster_version_fields() {
  static const std::vector<std::string> kFields = {"metadata.name", "status.history",
                                                   "status.desired.version"};
  return kFields;
}

const std::vector<std::string>& nodes_config_fields() {
  static const std::vector<std::string> kFields = {"metadata.name", "metadata.annotations",
                                                   "spec.cgroupMode"};
  return kFields;
}

const std::vector<std::string>& feature_gate_fields() {
  static const std::vector<std::string> kFields = {"metadata.name", "status.featureGates"};
  return kFields;
}

NodeFacts node_facts(const Json& node) {
  NodeFacts facts;
  facts.name = text(at(node, "metadata", "name"));
  if (const Json& labels = at(node, "metadata", "labels"); labels.is_object()) {
    for (const auto& [key, value] : labels.items()) {
      facts.labels[key] = text(value);
    }
  }
  if (const Json& taints = at(node, "spec", "taints"); taints.is_array()) {
    facts.taints = taints;
  }
  facts.ready = condition_status(node, "Ready") == Tri::kYes;
  facts.schedulable = !truth(at(node, "spec", "unschedulable"));
  const Json& info = at(node, "status", "nodeInfo");
  const std::string kernel = text(at(info, "kernelVersion"));
  const std::string runtime = text(at(info, "containerRuntimeVersion"));
  facts.kubelet = parse_version(text(at(info, "kubeletVersion")));
  facts.kernel = parse_version(kernel);
  facts.tmpfs_idmap = tmpfs_idmap(kernel);
  facts.runtime = runtime_of(runtime);
  facts.runtime_version = parse_version(runtime);
  facts.boot_id = text(at(info, "bootID"));
  for (const Json& handler : at(node, "status", "runtimeHandlers")) {
    if (text(at(handler, "name")).empty()) {
      facts.user_namespaces = tri(at(handler, "features", "userNamespaces"));
    }
  }
  return facts;
}

PoolFacts pool_facts(const Json& pool) {
  PoolFacts facts;
  const Json& spec = at(pool, "spec");
  const Json& status = at(pool, "status");
  facts.name = text(at(pool, "metadata", "name"));
  facts.generation = number(at(pool, "metadata", "generation"));
  facts.observed_generation = number(at(status, "observedGeneration"));
  facts.resource_version = text(at(pool, "metadata", "resourceVersion"));
  facts.hold_mark = !text(at(pool, "metadata", "annotations", api::kAnnotationHeld)).empty();
  facts.held = facts.hold_mark && truth(at(spec, "paused"));
  facts.paused = !facts.held && truth(at(spec, "paused"));
  facts.updated = condition_status(pool, "Updated");
  facts.updating = condition_status(pool, "Updating");
  facts.degraded = condition_status(pool, "Degraded");
  facts.degraded_message = text(at(condition(pool, "Degraded"), "message"));
  for (const char* type : {"NodeDegraded", "RenderDegraded"}) {
    if (facts.degraded_message.empty() && condition_status(pool, type) == Tri::kYes) {
      facts.degraded_message = text(at(condition(pool, type), "message"));
    }
  }
  facts.machine_count = count(at(status, "machineCount"));
  facts.updated_count = count(at(status, "updatedMachineCount"));
  facts.ready_count = count(at(status, "readyMachineCount"));
  facts.unavailable_count = count(at(status, "unavailableMachineCount"));
  facts.degraded_count = count(at(status, "degradedMachineCount"));
  facts.spec_configuration = text(at(spec, "configuration", "name"));
  facts.status_configuration = text(at(status, "configuration", "name"));
  facts.sources = names_of(at(status, "configuration", "source"));
  facts.spec_sources = names_of(at(spec, "configuration", "source"));
  if (const Json& selector = at(spec, "machineConfigSelector"); selector.is_object()) {
    facts.machine_config_selector = selector;
  }
  if (const Json& selector = at(spec, "nodeSelector"); selector.is_object()) {
    facts.node_selector = selector;
  }
  return facts;
}

std::optional<Version> openshift_version(const Json& cluster_version) {
  for (const Json& entry : at(cluster_version, "status", "history")) {  // newest first
    if (text(at(entry, "state")) == "Completed") {
      return parse_version(text(at(entry, "version")));
    }
  }
  return parse_version(text(at(cluster_version, "status", "desired", "version")));
}

std::string cgroup_mode(const Json& nodes_config) {
  return text(at(nodes_config, "spec", "cgroupMode"));
}

bool cgroup_mode_written(const Json& nodes_config) {
  return !text(at(nodes_config, "metadata", "annotations", api::kAnnotationCgroupMode)).empty();
}

Tri user_namespaces_gate(const Json& feature_gate, const std::optional<Version>& version) {
  const auto lists = [](const Json& gates) {
    return std::ranges::any_of(
        gates, [](const Json& gate) { return text(at(gate, "name")) == "UserNamespacesSupport"; });
  };
  for (const Json& entry : at(feature_gate, "status", "featureGates")) {
    if (version && parse_version(text(at(entry, "version"))) != version) {
      continue;
    }
    if (lists(at(entry, "enabled"))) {
      return Tri::kYes;
    }
    if (lists(at(entry, "disabled"))) {
      return Tri::kNo;
    }
  }
  return Tri::kUnknown;
}

MachineConfigFacts machine_config_facts(const Json& machine_config) {
  MachineConfigFacts facts;
  for (const Json& entry : at(machine_config, "spec", "kernelArguments")) {
    std::istringstream words(text(entry));  // an entry may hold several
    for (std::string argument; words >> argument;) {
      facts.kernel_arguments.push_back(argument);
    }
  }
  bool allowed = false;
  bool ranges = false;
  bool hidden = false;
  for (const Json& file : at(machine_config, "spec", "config", "storage", "files")) {
    const std::string path = text(at(file, "path"));
    const bool crio = path.starts_with("/etc/crio/");
    if (!crio && path != "/etc/subuid") {
      continue;
    }
    const auto contents = file_contents(file);
    if (!contents) {
      hidden = true;
    } else if (crio) {
      facts.crio_runtime_table = facts.crio_runtime_table || allows_to_runtime(*contents);
      allowed = allowed || facts.crio_runtime_table || allows_to_workload(*contents);
    } else {
      ranges = contains(*contents, "containers:");
    }
  }
  if (allowed && ranges) {
    facts.crio_user_namespaces = Tri::kYes;
  } else if (hidden) {
    facts.crio_user_namespaces = Tri::kUnknown;
  }
  return facts;
}

CgroupVersion cgroups_of(const std::vector<std::string>& kernel_arguments) {
  constexpr std::string_view kName = "systemd.unified_cgroup_hierarchy";
  // systemd's parse_boolean(); a bare argument means yes.
  constexpr std::array<std::string_view, 6> kTrue = {"1", "yes", "y", "true", "t", "on"};
  CgroupVersion version = CgroupVersion::kUnknown;
  for (const std::string& argument : kernel_arguments) {
    std::string_view rest = argument;
    if (!rest.starts_with(kName)) {
      continue;
    }
    rest.remove_prefix(kName.size());
    if (rest.empty()) {
      version = CgroupVersion::kV2;
    } else if (rest.starts_with('=')) {
      rest.remove_prefix(1);
      version =
          std::ranges::find(kTrue, rest) != kTrue.end() ? CgroupVersion::kV2 : CgroupVersion::kV1;
    }
  }
  return version;
}

bool ask_for_v2(const std::vector<std::string>& kernel_arguments) {
  return std::ranges::find(kernel_arguments, "systemd.unified_cgroup_hierarchy=1") !=
         kernel_arguments.end();
}

CgroupVersion cgroups_of_metrics(std::string_view metrics) {
  constexpr std::string_view kName = "kubelet_cgroup_version";
  for (std::size_t at = 0; (at = metrics.find(kName, at)) != std::string_view::npos;
       at += kName.size()) {
    if (at != 0 && metrics[at - 1] != '\n') {
      continue;  // "# HELP kubelet_cgroup_version …"
    }
    const std::string_view rest = metrics.substr(at + kName.size());
    if (rest.starts_with(" 1")) {
      return CgroupVersion::kV1;
    }
    if (rest.starts_with(" 2")) {
      return CgroupVersion::kV2;
    }
  }
  return CgroupVersion::kUnknown;
}

}  // namespace swo::platform
