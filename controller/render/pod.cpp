// The Pod of one instance: a machine with one container, in which an unmodified systemd boots as
// root of a user namespace of its own.
//
// What each field is for was tried on a real kubelet 1.36 with CRI-O 1.36 and crun 1.21.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/names.hpp"
#include "render/common.hpp"
#include "render/pod_probes.hpp"
#include "render/pod_seed.hpp"
#include "render/pod_systemd.hpp"
#include "render/quantity.hpp"
#include "render/render.hpp"

namespace swo::render {
namespace {

using platform::Strategy;
using platform::UserNamespaceVia;

constexpr std::size_t kMaxPortName = 15;  // RFC 6335; a Service's port may be longer

Json pod_annotations(const api::Workload& workload, const Strategy& strategy) {
  Json annotations = workload.spec.pod_annotations;
  if (strategy.use_scc) {
    // Without it the first SCC that anyone involved may use takes the Pod, and rewrites it.
    annotations["openshift.io/required-scc"] = scc_name(workload, strategy);
  }
  if (strategy.user_namespace == UserNamespaceVia::kAnnotation) {
    // The first activates the class of CRI-O's configuration that allows the second
    // (machine_config.cpp).
    annotations["io.openshift.userns"] = "true";
    annotations[std::string(api::kAnnotationUserNamespace)] = "auto:size=65536";
  }
  const std::string restarted(api::kAnnotationRestartedAt);
  if (workload.annotations.contains(restarted)) {
    annotations[restarted] = workload.annotations[restarted];
  }
  return annotations;
}

Json pod_metadata(const api::Workload& workload, const Strategy& strategy, int ordinal) {
  Json result = metadata(workload, instance_name(workload, ordinal));
  Json all = workload.spec.pod_labels;
  all.update(result["labels"]);
  all[std::string(api::kLabelOrdinal)] = std::to_string(ordinal);
  all[std::string(api::kLabelRevision)] = revision(workload, strategy);
  result["labels"] = std::move(all);
  set_unless_empty(result, "annotations", pod_annotations(workload, strategy));
  if (const Json asked = canonical_resources(workload.spec.resources); !asked.empty()) {
    result["annotations"][std::string(api::kAnnotationResources)] = asked.dump();
  }
  return result;
}

Json pod_security(const Strategy& strategy) {
  // Explicit, or OpenShift's restricted SCCs put a uid of the namespace's range in its place.
  Json security = {{"runAsUser", 0}};
  if (strategy.selinux_type) {
    // container_t may not write cgroups. Under an SCC it is the SCC's to set: with a type alone in
    // the Pod the check of the level fails.
    security["seLinuxOptions"] = {{"type", "container_init_t"}};
  }
  if (strategy.ping_group_range_sysctl) {
    // CRI-O < 1.31 sets a range that is not mapped in a user namespace, and fails.
    security["sysctls"] =
        Json::array({{{"name", "net.ipv4.ping_group_range"}, {"value", "0 65535"}}});
  }
  return security;
}

Json container_security(const api::PlatformSpec& platform) {
  const std::set<std::string> add(platform.add_capabilities.begin(),
                                  platform.add_capabilities.end());
  std::set<std::string> drop(platform.drop_capabilities.begin(), platform.drop_capabilities.end());
  if (!add.contains("MKNOD")) {
    drop.insert("MKNOD");  // worth nothing in a user namespace; the SCC would add it anyway
  }
  Json capabilities = Json::object();
  set_unless_empty(capabilities, "add", Json(add));
  set_unless_empty(capabilities, "drop", Json(drop));
  return {{"allowPrivilegeEscalation", true},  // no_new_privs would break su, sudo, ping and polkit
          {"capabilities", capabilities},
          {"seccompProfile", {{"type", "RuntimeDefault"}}}};
}

// Two ports of the Service may lead to one of the container.
Json container_ports(const api::Workload& workload) {
  Json ports = Json::array();
  std::set<std::pair<int, std::string>> seen;
  for (const api::Port& port : workload.spec.ports) {
    const int number = port.target_port.value_or(port.port);
    if (!seen.emplace(number, port.protocol).second) {
      continue;
    }
    Json item = {{"containerPort", number}, {"protocol", port.protocol}};
    if (port.name.size() <= kMaxPortName) {
      set_unless_empty(item, "name", port.name);
    }
    ports.push_back(item);
  }
  return ports;
}

Json container(const api::Workload& workload, const Strategy& strategy, int ordinal,
               const Json& mounts) {
  const api::Spec& spec = workload.spec;
  // A CRI-O that does not allow the annotation passes over it. hostUsers: false is refused where it
  // cannot be had, and read back.
  const bool by_annotation = strategy.user_namespace == platform::UserNamespaceVia::kAnnotation;
  const auto prove = by_annotation ? ProveUserNamespace::kYes : ProveUserNamespace::kNo;
  Json result = {
      {"name", kContainerName},
      {"image", spec.image},
      // Always set: CRI-O knows init by argv[0], which without a command is the image's affair.
      {"command", spec.init.command},
      // Without a terminal systemd writes nothing, and the log stays empty.
      {"tty", true},
      {"env", init_env(workload, strategy, ordinal)},
      {"lifecycle", lifecycle(strategy)},
      {"readinessProbe", readiness_probe(spec.readiness)},
      {"startupProbe", startup_probe(spec.readiness, prove)},
      {"securityContext", container_security(spec.platform)},
      // PID 1's last words, in the Pod's status: no right to read logs is needed to tell why it
      // ended.
      {"terminationMessagePolicy", "FallbackToLogsOnError"},
  };
  set_unless_empty(result, "args", init_args(workload));
  set_unless_empty(result, "envFrom", spec.env_from);
  set_unless_empty(result, "imagePullPolicy", spec.image_pull_policy);
  set_unless_empty(result, "ports", container_ports(workload));
  set_unless_empty(result, "resources", canonical_resources(spec.resources));
  set_unless_empty(result, "volumeMounts", mounts);
  return result;
}

}  // namespace

Json pod(const api::Workload& workload, const Strategy& strategy, int ordinal) {
  const api::Spec& spec = workload.spec;
  Mounts mounts = init_mounts(workload, strategy, ordinal);
  Json body = {
      {"automountServiceAccountToken", spec.platform.automount_service_account_token},
      {"containers", Json::array({container(workload, strategy, ordinal, mounts.mounts)})},
      // In a namespace with thousands of Services, PID 1's environment would hold thousands of
      // variables.
      {"enableServiceLinks", false},
      {"hostname", instance_name(workload, ordinal)},
      {"restartPolicy", "Always"},  // `systemctl reboot` inside is a restart
      {"securityContext", pod_security(strategy)},
      {"subdomain", headless_service_name(workload)},
      {"terminationGracePeriodSeconds", spec.termination_grace_period_seconds},
  };
  if (strategy.user_namespace == UserNamespaceVia::kHostUsers) {
    body["hostUsers"] = false;  // KEP-127
  }
  // Without an SCC of this workload there may be a ServiceAccount still: the one that runs it.
  body["serviceAccountName"] = service_account_name(workload);
  if (spec.set_hostname_as_fqdn) {
    body["setHostnameAsFQDN"] = true;
  }
  set_unless_empty(body, "affinity", spec.affinity);
  set_unless_empty(body, "dnsConfig", spec.dns_config);
  set_unless_empty(body, "dnsPolicy", spec.dns_policy);
  set_unless_empty(body, "hostAliases", spec.host_aliases);
  set_unless_empty(body, "initContainers",
                   seed_containers(workload, container_security(spec.platform)));
  set_unless_empty(body, "imagePullSecrets", spec.image_pull_secrets);
  set_unless_empty(body, "nodeSelector", spec.node_selector);
  set_unless_empty(body, "priorityClassName", spec.priority_class_name);
  set_unless_empty(body, "runtimeClassName", spec.platform.runtime_class_name);
  set_unless_empty(body, "schedulerName", spec.scheduler_name);
  set_unless_empty(body, "tolerations", spec.tolerations);
  set_unless_empty(body, "topologySpreadConstraints", spec.topology_spread_constraints);
  set_unless_empty(body, "volumes", mounts.volumes);
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", pod_metadata(workload, strategy, ordinal)},
          {"spec", body}};
}

}  // namespace swo::render
