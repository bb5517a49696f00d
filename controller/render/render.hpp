// From a workload and the platform's strategy to the objects that are to be: pure functions, no
// I/O.
//
// Every object carries all fields that the operator owns, for server-side apply. The same input
// gives the same document, byte for byte. Quantities and durations are passed through in canonical
// form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/json.hpp"
#include "api/workload.hpp"
#include "platform/strategy.hpp"

namespace swo::render {

// Names of a workload's children (all deterministic; what is too long for a DNS label is cut, and
// told apart by a hash).
std::string instance_name(const api::Workload& workload, int ordinal);  // nginx-0: Pod and hostname
std::string service_name(const api::Workload& workload);                // nginx
std::string headless_service_name(const api::Workload& workload);       // nginx-instances
std::string route_name(const api::Workload& workload);                  // nginx
std::string service_account_name(const api::Workload& workload);        // spec's, or nginx-systemd
std::string role_name(const api::Workload& workload);  // nginx-systemd (Role and RoleBinding)
std::string claim_name(const api::Claim& claim, const api::Workload& workload, int ordinal);
// A shared one, by how user namespaces are had; the one for its capabilities; or its own.
std::string scc_name(const api::Workload& workload, const platform::Strategy& strategy);
std::string machine_config_name(std::string_view pool);  // 99-worker-systemd-workload

// What decides whether an instance must be replaced: a short hash of the fields of the spec that
// reach its Pod and of the strategy, not of the rendering, so that an upgrade of the operator
// restarts nothing.
std::string revision(const api::Workload& workload, const platform::Strategy& strategy);

// What revision() hashes, as a ControllerRevision that `kubectl get controllerrevisions` shows.
Json controller_revision(const api::Workload& workload, const platform::Strategy& strategy,
                         std::int64_t number);

// The workload as it was when that `data` of a ControllerRevision was kept, as far as its Pods go;
// what does not reach them is as it is now. nullopt: it is not of controller_revision().
std::optional<api::Workload> former_workload(const api::Workload& workload, const Json& data);

// The one container of an instance's Pod.
inline constexpr std::string_view kContainerName = "systemd";
// The init container that fills claims with seedFromImage.
inline constexpr std::string_view kSeedContainerName = "seed-storage";

// False when the workload names an SCC of its own: then Role and RoleBinding are not for the
// operator to write. Whoever may write a workload could otherwise have any SCC granted,
// `privileged` included.
bool grants_scc(const api::Workload& workload);

Json pod(const api::Workload& workload, const platform::Strategy& strategy, int ordinal);
Json service_account(const api::Workload& workload);
// `use` of the SCC by name.
Json role(const api::Workload& workload, const platform::Strategy& strategy);
Json role_binding(const api::Workload& workload);
Json service(const api::Workload& workload);
Json headless_service(const api::Workload& workload);
Json route(const api::Workload& workload);
// False of passthrough, where the application serves its own.
bool carries_certificate(const api::RouteTls& tls);
Json ingress(const api::Workload& workload);
Json http_route(const api::Workload& workload);
Json claim(const api::Workload& workload, const api::Claim& claim, int ordinal);
// False where a budget would protect nothing and may hold up a drain, or where there are none.
bool wants_disruption_budget(const api::Workload& workload, const platform::Strategy& strategy);
// `evict_unhealthy`: false for API servers before Kubernetes 1.27, which drop the field
// unhealthyPodEvictionPolicy (KEP-3017).
Json pod_disruption_budget(const api::Workload& workload, bool evict_unhealthy = true);

// Cluster-scoped and shared.
Json security_context_constraints(std::string_view name,
                                  const std::vector<std::string>& capabilities,
                                  bool user_namespace_level);
Json machine_config(const platform::MachineConfigNeed& need);
Json nodes_config();  // nodes.config.openshift.io/cluster with cgroupMode v2: the part to be
                      // applied

// Everything for one workload in the order in which it is to be created, replicas included.
std::vector<Json> everything(const api::Workload& workload, const platform::Strategy& strategy);

// "http://host/path"; empty without a Route, or while its host is not known.
std::string url(const api::Workload& workload, std::string_view admitted_host);

// The same at an address of the Service's load balancer, for the first port that says that it
// speaks HTTP: by its appProtocol, else by its name, else by its number. Empty: none does.
std::string url_at(const api::Workload& workload, std::string_view address);

// Multi-document YAML, ready for `kubectl apply -f -` (yaml.hpp).
std::string to_yaml(const std::vector<Json>& documents);

}  // namespace swo::render
