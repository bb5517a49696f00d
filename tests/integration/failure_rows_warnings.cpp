// What is told before it bites, or of nodes that an instance happens not to land on.
#include "failure_rows.hpp"

namespace swo::test {
namespace {

std::function<void(Simulation&)> last_worker_on_cgroups(int version) {
  return [=](Simulation& simulation) {
    simulation.advance(std::chrono::minutes(1));
    simulation.cluster().change_machine(
        "worker-2", [=](devcluster::Machine& machine) { machine.cgroups = version; });
    simulation.cluster().change_software([](devcluster::Profile&) {});
  };
}

std::function<void(Simulation&)> last_worker_claims(bool user_namespaces) {
  return [=](Simulation& simulation) {
    simulation.admin().merge_patch(
        "/api/v1/nodes", "worker-2",
        {{"status",
          {{"runtimeHandlers",
            {{{"name", ""}, {"features", {{"userNamespaces", user_namespaces}}}}}}}}},
        "status");
  };
}

std::function<void(Simulation&)> last_worker_has_kubelet(const char* version) {
  return [=](Simulation& simulation) {
    simulation.admin().merge_patch("/api/v1/nodes", "worker-2",
                                   {{"status", {{"nodeInfo", {{"kubeletVersion", version}}}}}},
                                   "status");
  };
}

}  // namespace

std::vector<FailureRow> warning_rows() {
  return {
      {.name = "SomeNodesOnCgroupsV1",
       .reason = "MixedCgroups",
       .evidence = "1 node of 3 on cgroups v1: worker-2",
       .remedy = "spec.nodeSelector",
       .told = Told::kByWarning,
       .profile = "kubernetes-1.33",
       .hinder = last_worker_on_cgroups(1),
       .mend = last_worker_on_cgroups(2)},
      {.name = "SomeNodesWithoutUserNamespaces",
       .reason = "MixedUserNamespaces",
       .evidence = "1 node of 3 (worker-2)",
       .remedy = "spec.nodeSelector",
       .told = Told::kByWarning,
       .hinder = last_worker_claims(false),
       .mend = last_worker_claims(true)},
      {.name = "KubeletsBehindTheirApiServer",
       .reason = "KubeletTooOld",
       .evidence = "1 node of 3 (worker-2)",
       .remedy = "Upgrade them",
       .told = Told::kByWarning,
       .profile = "kubernetes-1.33",
       .hinder = last_worker_has_kubelet("v1.31.9"),
       .mend = last_worker_has_kubelet("v1.33.2")},
      {.name = "AnApiServerWhoseGateIsNotKnown",
       .reason = "HostUsersMayBeDropped",
       .evidence = "UserNamespacesSupport off by default",
       .remedy = "has no user namespace",
       .told = Told::kByWarning,
       .profile = "kubernetes-1.33",
       .adjust = [](devcluster::Profile& profile) { profile.kubernetes = "v1.31.4"; },
       .spec = {{"platform", {{"userNamespace", "HostUsers"}}}}},
      {.name = "AContainerdWithoutARuntimeClass",
       .reason = "RuntimeClassMissing",
       .evidence = "cgroup_writable = true",
       .remedy = "spec.platform.runtimeClassName",
       .told = Told::kByWarning,
       .profile = "kubernetes-1.33-containerd",
       .mend = respec({{"platform", {{"runtimeClassName", "cgroup-writable"}}}})},
      {.name = "ACrioWithAKnownFault",
       .reason = "CrioCgroupFault",
       .evidence = "worker-0, worker-1, worker-2",
       .remedy = "Update to 1.35.1",
       .told = Told::kByWarning,
       .profile = "kubernetes-1.33",
       .adjust =
           [](devcluster::Profile& profile) {
             profile.runtime = "cri-o://1.35.0";
             profile.chowns_cgroup = false;
           },
       .mend = with_software([](devcluster::Profile& profile) {
         profile.runtime = "cri-o://1.35.1";
         profile.chowns_cgroup = true;
       })},
      {.name = "AKernelThatCannotMapATmpfs",
       .reason = "KernelBefore63",
       .evidence = "the service account token is a tmpfs",
       .remedy = "Leave it out",
       .told = Told::kByWarning,
       .profile = "kubernetes-1.33",
       .adjust = [](devcluster::Profile& profile) { profile.kernel = "6.1.0-37-amd64"; },
       .spec = {{"platform", {{"automountServiceAccountToken", true}}}},
       .mend = respec({{"platform", {{"automountServiceAccountToken", false}}}})},
      {.name = "NoNodeThatMatches",
       .reason = "NoEligibleNodes",
       .evidence = "None of 4 nodes",
       .remedy = "spec.nodeSelector",
       .told = Told::kByWarning,
       .spec = {{"nodeSelector", {{"zone", "nowhere"}}}},
       .mend = respec({{"nodeSelector", nullptr}})},
      {.name = "AnIngressThatTakesEveryHost",
       .reason = "IngressWithoutHost",
       .evidence = "spec.route.host is empty",
       .remedy = "Set spec.route.host",
       .told = Told::kByWarning,
       .profile = "kubernetes-1.33",
       .spec = {{"route", {{"host", nullptr}}}},
       .mend = respec({{"route", {{"host", "nginx.apps.example.com"}}}})},
      {.name = "AnIngressThatIsToSayWhatBecomesOfPlainHttp",
       .reason = "InsecurePolicyIgnored",
       .evidence = "spec.route.tls.insecureEdgeTerminationPolicy",
       .remedy = "nginx.ingress.kubernetes.io/ssl-redirect",
       .told = Told::kByWarning,
       .profile = "kubernetes-1.33",
       .spec = {{"route",
                 {{"tls",
                   {{"termination", "edge"}, {"insecureEdgeTerminationPolicy", "Redirect"}}}}}},
       .mend = respec({{"route", {{"tls", {{"insecureEdgeTerminationPolicy", nullptr}}}}}})},
      {.name = "AnHttpRouteThatIsToEndTls",
       .reason = "TlsByGateway",
       .evidence = "the Gateway listener's",
       .remedy = "Name an HTTPS listener",
       .told = Told::kByWarning,
       .profile = "kubernetes-1.33",
       .spec = {{"route",
                 {{"parentRef", {{"name", "gateway"}}}, {"tls", {{"termination", "edge"}}}}}},
       .mend = respec({{"route", {{"tls", nullptr}}}})},
      {.name = "ConstraintsOfItsOwn",
       .reason = "SccOfOnesOwn",
       .evidence = "SecurityContextConstraints mine",
       .remedy = "set the SELinux type container_init_t",
       .told = Told::kByWarning,
       .spec = {{"platform", {{"securityContextConstraints", "mine"}}}},
       .hinder = own_scc("container_init_t"),
       .mend = respec({{"platform", {{"securityContextConstraints", nullptr}}}})},
      {.name = "AClaimThatTheAnnotationDoesNotMap",
       .reason = "VolumesNotMapped",
       .evidence = "the files of claim data belong to ids of the node",
       .remedy = "open the volume's directory",
       .told = Told::kByWarning,
       .profile = "openshift-4.14",
       .spec = {{"storage",
                 {{"claims", {{{"name", "data"}, {"mountPath", "/data"}, {"size", "1Gi"}}}}}}},
       .mend = respec({{"storage", nullptr}})},
  };
}

}  // namespace swo::test
