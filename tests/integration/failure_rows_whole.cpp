// What stands in the way of the workload as a whole: names and hosts that others have.
#include "failure_rows.hpp"

namespace swo::test {
namespace {

const std::string host = "nginx.apps.example.com";

std::function<void(Simulation&)> route_of(const std::string& ns) {
  return [=](Simulation& simulation) {
    simulation.admin().create("/api/v1/namespaces", {{"metadata", {{"name", ns}}}});
    simulation.admin().create(
        "/apis/route.openshift.io/v1/namespaces/" + ns + "/routes",
        {{"metadata", {{"name", "site"}}},
         {"spec", {{"host", host}, {"to", {{"kind", "Service"}, {"name", "site"}}}}}});
    simulation.advance(std::chrono::seconds(10));
  };
}

std::function<void(Simulation&)> route_gone(const std::string& ns) {
  return remove("/apis/route.openshift.io/v1/namespaces/" + ns + "/routes", "site");
}

// In the words of kubernetes pkg/registry/core/service/portallocator.
std::function<void(Simulation&)> node_port_taken(int port) {
  return [=](Simulation& simulation) {
    simulation.instead =
        [=](const kube::HttpRequest& request) -> std::optional<kube::HttpResponse> {
      const bool asks = request.target.find("/services/nginx?") != std::string::npos &&
                        request.body.find(std::to_string(port)) != std::string::npos;
      return asks ? std::optional(refusal(422, "Invalid",
                                          "Service \"nginx\" is invalid: spec.ports[0].nodePort: "
                                          "Invalid value: " +
                                              std::to_string(port) +
                                              ": provided port is already allocated"))
                  : std::nullopt;
    };
  };
}

std::function<void(Simulation&)> load_balancer_gives(const std::string& address) {
  return [=](Simulation& simulation) {
    simulation.admin().merge_patch(
        core_path + "services", "nginx",
        {{"status", {{"loadBalancer", {{"ingress", {{{"ip", address}}}}}}}}}, "status");
  };
}

// As an API server whose gate RouteExternalCertificate is off.
void without_route_certificates(Simulation& simulation) {
  simulation.cluster().api().add_webhook(
      [](const devcluster::AdmissionRequest& request, Json& object) -> std::optional<std::string> {
        if (request.resource == "routes" && object["spec"].contains("tls")) {
          object["spec"]["tls"].erase("externalCertificate");
        }
        return std::nullopt;
      });
}

}  // namespace

std::vector<FailureRow> whole_rows() {
  return {
      // The second Route of that host is refused itself, and is the first in any list.
      {.name = "AHostThatAnotherNamespaceHas",
       .reason = "HostClaimed",
       .evidence = "belongs to Route the-first/site",
       .remedy = "choose another host, or remove that Route",
       .told = Told::kByCondition,
       .hinder = both(route_of("the-first"), route_of("a-second")),
       .mend = both(route_gone("a-second"), route_gone("the-first"))},
      {.name = "AnApiServerThatDropsTheCertificateOfARoute",
       .reason = "CertificateNotUsed",
       .evidence = "has dropped spec.tls.externalCertificate",
       .remedy = "on from OpenShift 4.19 on",
       .told = Told::kByCondition,
       .spec = {{"route",
                 {{"tls", {{"termination", "edge"}, {"certificateSecret", "nginx-tls"}}}}}},
       .hinder = without_route_certificates,
       .mend = respec({{"route", {{"tls", {{"certificateSecret", nullptr}}}}}})},
      {.name = "ANodePortThatAnotherServiceHas",
       .reason = "WriteRefused",
       .evidence = "provided port is already allocated",
       .remedy = "change spec.ports[0].nodePort of the workload: choose another, or leave it out",
       .told = Told::kByCondition,
       .spec = {{"service", {{"type", "NodePort"}}},
                {"ports", {{{"name", "http"}, {"port", 80}, {"nodePort", 30080}}}}},
       .hinder = node_port_taken(30080),
       .mend = respec({{"ports", {{{"name", "http"}, {"port", 80}}}}})},
      {.name = "ALoadBalancerThatNobodyServes",
       .reason = "WaitingForLoadBalancer",
       .evidence = "Service \"nginx\" has no address yet",
       .remedy = "kubectl describe service nginx",
       .told = Told::kByCondition,
       .spec = {{"route", nullptr}, {"service", {{"type", "LoadBalancer"}}}},
       .mend = load_balancer_gives("203.0.113.7")},
      {.name = "ANameThatSomeoneElseHas",
       .reason = "NameTaken",
       .evidence = "the name of services \"nginx\" is taken",
       .remedy = "rename the workload, or remove the other object",
       .told = Told::kByCondition,
       .hinder = create(core_path + "services",
                        {{"metadata", {{"name", "nginx"}}},
                         {"spec", {{"ports", {{{"name", "http"}, {"port", 80}}}}}}}),
       .mend = remove(core_path + "services", "nginx")},
      {.name = "TlsThatAnIngressCannotPassThrough",
       .reason = "TerminationUnsupported",
       .evidence = "spec.route.tls.termination: passthrough",
       .remedy = "set termination: edge",
       .told = Told::kByCondition,
       .profile = "kubernetes-1.33",
       .spec = {{"route", {{"tls", {{"termination", "passthrough"}}}}}},
       .mend = respec({{"route", {{"tls", {{"termination", "edge"}}}}}})},
      {.name = "TlsThatAnIngressCannotSpeakToTheApplication",
       .reason = "TerminationUnsupported",
       .evidence = "spec.route.tls.termination: reencrypt",
       .remedy = "nginx.ingress.kubernetes.io/backend-protocol: HTTPS",
       .told = Told::kByCondition,
       .profile = "kubernetes-1.33",
       .spec = {{"route", {{"tls", {{"termination", "reencrypt"}}}}}},
       .mend = respec(
           {{"route",
             {{"annotations", {{"nginx.ingress.kubernetes.io/backend-protocol", "HTTPS"}}}}}})},
      {.name = "AWatchThatIsNoLongerAllowed",
       .reason = "WatchForbidden",
       .evidence = "may no longer watch pods in all namespaces",
       .remedy = "its ClusterRole as shipped",
       .told = Told::kByDegraded,
       .spoil = both(without_right("pods", "watch"), cut_watches),
       .mend = with_all_rights()},
      {.name = "ConstraintsThatAreNotThere",
       .reason = "SccNotFound",
       .evidence = "\"mine\" does not exist",
       .remedy = "create it, or leave the field out",
       .told = Told::kByCondition,
       .spec = {{"platform", {{"securityContextConstraints", "mine"}}}},
       .mend = own_scc("container_init_t")},
  };
}

}  // namespace swo::test
