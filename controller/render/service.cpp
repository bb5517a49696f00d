// The Services: one to reach the workload by, one headless that gives each instance a DNS name of
// its own.
#include <cstdint>
#include <string>

#include "render/common.hpp"
#include "render/render.hpp"

namespace swo::render {
namespace {

enum class NodePorts { kNo, kYes };

// targetPort is the number, not the container port's name: a port may be renamed without a new Pod.
Json service_ports(const api::Workload& workload, NodePorts node_ports) {
  Json ports = Json::array();
  for (const api::Port& port : workload.spec.ports) {
    Json item = {{"port", port.port},
                 {"protocol", port.protocol},
                 {"targetPort", port.target_port.value_or(port.port)}};
    set_unless_empty(item, "name", port.name);
    set_unless_empty(item, "appProtocol", port.app_protocol);
    if (port.node_port && node_ports == NodePorts::kYes) {
      item["nodePort"] = *port.node_port;
    }
    ports.push_back(item);
  }
  return ports;
}

Json make_service(const api::Workload& workload, const std::string& name, NodePorts node_ports) {
  const api::ServiceSpec& asked = workload.spec.service;
  Json spec = {{"selector", selector(workload)}};
  set_unless_empty(spec, "ipFamilies", asked.ip_families);
  set_unless_empty(spec, "ipFamilyPolicy", asked.ip_family_policy);
  set_unless_empty(spec, "ports", service_ports(workload, node_ports));
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata", metadata(workload, name)},
          {"spec", spec}};
}

}  // namespace

Json service(const api::Workload& workload) {
  const api::ServiceSpec& asked = workload.spec.service;
  Json service = make_service(workload, service_name(workload), NodePorts::kYes);
  set_unless_empty(service["metadata"], "annotations", asked.annotations);
  Json& spec = service["spec"];
  spec["type"] = asked.type;
  spec["sessionAffinity"] = asked.session_affinity;
  set_unless_empty(spec, "externalTrafficPolicy", asked.external_traffic_policy);
  set_unless_empty(spec, "internalTrafficPolicy", asked.internal_traffic_policy);
  set_unless_empty(spec, "loadBalancerClass", asked.load_balancer_class);
  set_unless_empty(spec, "loadBalancerSourceRanges", asked.load_balancer_source_ranges);
  return service;
}

Json headless_service(const api::Workload& workload) {
  Json service = make_service(workload, headless_service_name(workload), NodePorts::kNo);
  service["spec"]["type"] = "ClusterIP";
  service["spec"]["sessionAffinity"] = "None";
  service["spec"]["clusterIP"] = "None";
  // Instances find each other while they boot, as replicas of a directory server must.
  service["spec"]["publishNotReadyAddresses"] = true;
  return service;
}

}  // namespace swo::render
