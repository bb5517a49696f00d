#include "platform/sources.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "kube/projection.hpp"
#include "platform/cgroups.hpp"
#include "platform/strategy.hpp"

namespace swo::platform {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr minutes kRetry{1};
// Rights that are missing are granted by people; asking once an hour keeps the audit log short.
constexpr hours kRetryForbidden{1};
constexpr Version kMetricSince{1, 31, 0};  // kubelet_cgroup_version, and the Event CgroupV1
constexpr Version kSccUserNamespaceLevel{4, 18, 0};

template <class T>
std::vector<T> sorted(std::vector<T> items) {
  std::ranges::sort(items, {}, &T::name);
  return items;
}

bool served(kube::Discovery& discovery, const kube::ResourceType& type) {
  const auto answer = discovery.has(type);
  return answer && *answer;
}

}  // namespace

const std::vector<std::string>& machine_config_fields() {
  static const std::vector<std::string> kFields = {"metadata.name", "spec.kernelArguments",
                                                   "spec.config.storage.files.path",
                                                   "spec.config.storage.files.contents"};
  return kFields;
}

Facts assemble(const Pieces& pieces) {
  Facts facts = pieces.served;
  if (pieces.cluster_version) {
    facts.openshift = openshift_version(*pieces.cluster_version);
  }
  if (pieces.nodes_config) {
    facts.cgroup_mode = cgroup_mode(*pieces.nodes_config);
    facts.cgroup_mode_written = cgroup_mode_written(*pieces.nodes_config);
  }
  if (pieces.feature_gate) {
    facts.user_namespaces_gate = user_namespaces_gate(*pieces.feature_gate, facts.openshift);
  }
  const auto generation = facts.openshift_generation();
  facts.scc_user_namespace_level =
      facts.has_scc && generation && *generation >= kSccUserNamespaceLevel;
  facts.nodes = sorted(pieces.nodes);
  facts.pools = sorted(pieces.pools);
  for (PoolFacts& pool : facts.pools) {
    const auto own = pieces.own_configs.find(machine_config_name(pool.name));
    if (own != pieces.own_configs.end()) {
      pool.written_kernel_arguments =
          cgroups_of(own->second.kernel_arguments) == CgroupVersion::kV2;
      pool.written_crio_files = own->second.crio_user_namespaces == Tri::kYes;
      pool.written_crio_runtime_table = own->second.crio_runtime_table;
    }
  }
  return facts;
}

kube::Result<Served> discover(kube::Client& client) {
  auto read = kube::Discovery::read(client);
  if (!read) {
    return read.error();
  }
  kube::Discovery& discovery = *read;
  Served out;
  out.facts.kubernetes = parse_version(discovery.git_version()).value_or(Version{});
  out.facts.has_scc = discovery.has_group("security.openshift.io");
  out.facts.has_route = discovery.has_group("route.openshift.io");
  out.facts.has_machine_config = discovery.has_group("machineconfiguration.openshift.io");
  out.facts.has_config = discovery.has_group("config.openshift.io");
  out.facts.has_gateway = discovery.has_group_version("gateway.networking.k8s.io", "v1");
  out.pools = served(discovery, kPools);
  out.cluster_versions = served(discovery, kClusterVersions);
  out.nodes_configs = served(discovery, kNodesConfigs);
  out.feature_gates = served(discovery, kFeatureGates);
  return out;
}

const Details::Rendered& Details::rendered(const std::string& name, kube::Instant now) {
  Rendered& entry = rendered_[name];
  if (entry.facts || now < entry.retry_at) {
    return entry;
  }
  entry.retry_at = now + kRetry;
  const auto text = client_.get_raw(kMachineConfigs.object_path("", name));
  if (!text) {
    if (text.error().kind == kube::ErrorKind::kForbidden) {
      entry.retry_at = now + kRetryForbidden;
    }
    return entry;
  }
  const auto config = kube::project(*text, kube::FieldMask(machine_config_fields()));
  if (config) {
    entry.facts = machine_config_facts(*config);
  }
  return entry;
}

// Through the API server, which asks for `get` of nodes/proxy. That right also opens the kubelet's
// other endpoints, so it is not among those the operator is installed with; who grants it gets
// certainty on Kubernetes 1.31 – 1.34, and without it the answer is "unknown".
const Details::Metric& Details::metric(const NodeFacts& node, kube::Instant now) {
  Metric& entry = metrics_[node.name];
  if (entry.boot_id != node.boot_id) {
    entry = {.boot_id = node.boot_id};
  }
  if (entry.version != CgroupVersion::kUnknown || now < entry.retry_at ||
      now < metrics_forbidden_until_) {
    return entry;
  }
  entry.retry_at = now + kRetry;
  const auto text = client_.get_raw(kNodes.object_path("", node.name) + "/proxy/metrics");
  if (text) {
    entry.version = cgroups_of_metrics(*text);
  } else if (text.error().kind == kube::ErrorKind::kForbidden) {
    metrics_forbidden_until_ = now + kRetryForbidden;
  }
  if (entry.version == CgroupVersion::kUnknown) {
    entry.retry_at = now + kRetryForbidden;
  }
  return entry;
}

kube::Instant Details::fill(Facts& facts, kube::Instant now) {
  kube::Instant next = kube::Instant::max();
  std::map<std::string, Rendered> used;
  const auto read = [&](const std::string& name) -> const std::optional<MachineConfigFacts>& {
    const Rendered& config = rendered(name, now);
    if (!config.facts) {
      next = std::min(next, config.retry_at);
    }
    return used.emplace(name, config).first->second.facts;
  };
  for (PoolFacts& pool : facts.pools) {
    if (pool.status_configuration.empty()) {
      continue;
    }
    if (const auto& config = read(pool.status_configuration)) {
      pool.kernel_arguments = config->kernel_arguments;
      pool.crio_user_namespaces = config->crio_user_namespaces;
      pool.crio_runtime_table = config->crio_runtime_table;
    }
    if (!pool.held) {
      continue;
    }
    if (const auto& target = read(pool.spec_configuration)) {
      pool.target_cgroups = cgroups_of(target->kernel_arguments);
      pool.target_asks_for_v2 = ask_for_v2(target->kernel_arguments);
      pool.target_crio_user_namespaces = target->crio_user_namespaces;
    }
  }
  rendered_ = std::move(used);

  std::vector<NodeFacts*> silent;
  for (NodeFacts& node : facts.nodes) {
    const bool warns = node.ready && node.kubelet && *node.kubelet >= kMetricSince;
    if (warns && cgroups_of(node, facts).may_be_contradicted) {
      silent.push_back(&node);
    }
  }
  next = std::min(next, events_.tell(silent, now));

  std::map<std::string, Metric> nodes;
  for (NodeFacts& node : facts.nodes) {
    const bool told = !cgroups_of(node, facts).assumed;
    if (told || !node.ready || !node.kubelet || *node.kubelet < kMetricSince) {
      continue;
    }
    const Metric& answer = metric(node, now);
    if (answer.version != CgroupVersion::kUnknown) {
      node.cgroups = answer.version;
      node.cgroups_source = "kubelet_cgroup_version";
    } else {
      next = std::min(next, std::max(answer.retry_at, metrics_forbidden_until_));
    }
    nodes.emplace(node.name, answer);
  }
  metrics_ = std::move(nodes);
  return next;
}

}  // namespace swo::platform
