// The names of a workload's children. They are found again by these names, so they never change.
#include <algorithm>
#include <string>
#include <vector>

#include "render/common.hpp"
#include "render/hash.hpp"
#include "render/render.hpp"

namespace swo::render {
namespace {

constexpr std::string_view kSharedScc = "systemd-workload";
// By the annotation: this SCC cannot ask for a user namespace at Pod level, and one that both kinds
// share would be written this way and that, by two operators of different namespaces for ever.
constexpr std::string_view kAnnotationScc = "systemd-workload-annotation";

}  // namespace

std::string instance_name(const api::Workload& workload, int ordinal) {
  return dns_label(workload.name, "-" + std::to_string(ordinal));
}

std::string service_name(const api::Workload& workload) { return dns_label(workload.name); }

std::string headless_service_name(const api::Workload& workload) {
  return dns_label(workload.name, "-instances");
}

std::string route_name(const api::Workload& workload) { return dns_label(workload.name); }

std::string service_account_name(const api::Workload& workload) {
  return workload.spec.service_account_name.empty() ? role_name(workload)
                                                    : workload.spec.service_account_name;
}

std::string role_name(const api::Workload& workload) {
  return dns_label(workload.name, "-systemd");
}

// A claim's name is a DNS subdomain of up to 253 characters: no need to cut it.
std::string claim_name(const api::Claim& claim, const api::Workload& workload, int ordinal) {
  return claim.name + "-" + workload.name + "-" + std::to_string(ordinal);
}

std::string scc_name(const api::Workload& workload, const platform::Strategy& strategy) {
  const api::PlatformSpec& spec = workload.spec.platform;
  if (!spec.security_context_constraints.empty()) {
    return spec.security_context_constraints;
  }
  std::string shared(strategy.user_namespace == platform::UserNamespaceVia::kAnnotation
                         ? kAnnotationScc
                         : kSharedScc);
  if (spec.add_capabilities.empty()) {
    return shared;
  }
  // One per set of capabilities, whatever their order.
  std::vector<std::string> capabilities = spec.add_capabilities;
  std::sort(capabilities.begin(), capabilities.end());
  capabilities.erase(std::unique(capabilities.begin(), capabilities.end()), capabilities.end());
  std::string set;
  for (const std::string& capability : capabilities) {
    set += capability + ",";
  }
  return shared + "-" + short_hash(set);
}

std::string machine_config_name(std::string_view pool) {
  return platform::machine_config_name(pool);
}

}  // namespace swo::render
