// The Services: one to reach the workload by, one headless that gives each instance a DNS name of
// its own.
#include <cstdint>
#include <string>

#include "render/common.hpp"
#include "render/render.hpp"

namespace swo::render {
namespace {

// targetPort is the number, not the container port's name: a port may be renamed without a new Pod.
Json service_ports(const api::Workload& workload) {
  Json ports = Json::array();
  for (const api::Port& port : workload.spec.ports) {
    Json item = {{"port", port.port},
                 {"protocol", port.protocol},
                 {"targetPort", port.target_port.value_or(port.port)}};
    set_unless_empty(item, "name", port.name);
    ports.push_back(item);
  }
  return ports;
}

Json make_service(const api::Workload& workload, const std::string& name, const std::string& type) {
  Json service = {
      {"apiVersion", "v1"},
      {"kind", "Service"},
      {"metadata", metadata(workload, name)},
      {"spec", {{"selector", selector(workload)}, {"sessionAffinity", "None"}, {"type", type}}}};
  set_unless_empty(service["spec"], "ports", service_ports(workload));
  return service;
}

}  // namespace

Json service(const api::Workload& workload) {
  Json service = make_service(workload, service_name(workload), workload.spec.service.type);
  set_unless_empty(service["metadata"], "annotations", workload.spec.service.annotations);
  return service;
}

Json headless_service(const api::Workload& workload) {
  Json service = make_service(workload, headless_service_name(workload), "ClusterIP");
  service["spec"]["clusterIP"] = "None";
  // Instances find each other while they boot, as replicas of a directory server must.
  service["spec"]["publishNotReadyAddresses"] = true;
  return service;
}

}  // namespace swo::render
