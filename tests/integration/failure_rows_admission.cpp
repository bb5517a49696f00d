// What the API server has against the Pod.
#include "failure_rows.hpp"

namespace swo::test {
namespace {

Json in_demo(const char* kind, const std::string& name, Json spec) {
  return {{"apiVersion", "v1"},
          {"kind", kind},
          {"metadata", {{"name", name}}},
          {"spec", std::move(spec)}};
}

std::function<void(Simulation&)> namespace_label(Json level) {
  return patch(
      "/api/v1/namespaces", "demo",
      {{"metadata", {{"labels", {{"pod-security.kubernetes.io/enforce", std::move(level)}}}}}});
}

// The API server's own answer to the creation of a Pod.
std::function<void(Simulation&)> answered(int code, const std::string& reason,
                                          const std::string& message) {
  return [=](Simulation& simulation) {
    simulation.instead =
        [=](const kube::HttpRequest& request) -> std::optional<kube::HttpResponse> {
      const bool makes_a_pod =
          request.method == "POST" && request.target.find("/pods") != std::string::npos;
      return makes_a_pod ? std::optional(refusal(code, reason, message)) : std::nullopt;
    };
  };
}

std::function<void(Simulation&)> answered_as_always() {
  return [](Simulation& simulation) { simulation.instead = nullptr; };
}

std::vector<FailureRow> security_rows() {
  return {
      {.name = "ConstraintsThatItMayNotUse",
       .reason = "SccRefused",
       .evidence = "unable to validate against any security context constraint",
       .remedy = "RoleBinding to a Role with verb use",
       .told = Told::kByCondition,
       .spec = {{"platform", {{"securityContextConstraints", "mine"}}}},
       .hinder = both(own_scc("container_init_t"), patch(sccs_path, "mine", {{"users", nullptr}})),
       .mend = patch(sccs_path, "mine", {{"users", {"system:serviceaccount:demo:nginx-systemd"}}})},
      {.name = "AWebhookThatTakesTheUserNamespaceAway",
       .reason = "SccNeedsUserNamespace",
       .evidence = "Host Users must be set to false",
       .remedy = "spec.platform.userNamespace: Auto",
       .told = Told::kByCondition,
       .hinder = webhook([](Json& pod) { pod["spec"].erase("hostUsers"); }),
       .mend = webhook_gone()},
      {.name = "AnApiServerThatDropsHostUsers",
       .reason = "UserNamespaceDropped",
       .evidence = "has dropped spec.hostUsers",
       .remedy = "upgrade to Kubernetes ≥ 1.33",
       .told = Told::kByCondition,
       .profile = "kubernetes-1.33",
       .adjust = [](devcluster::Profile& profile) { profile.host_users = false; },
       .mend = with_software([](devcluster::Profile& profile) { profile.host_users = true; })},
      {.name = "ANamespaceThatEnforcesRestricted",
       .reason = "PodSecurityRefused",
       .evidence = "violates PodSecurity \"restricted:latest\"",
       .remedy = "pod-security.kubernetes.io/enforce=baseline",
       .told = Told::kByCondition,
       .hinder = namespace_label("restricted"),
       .mend = namespace_label("baseline")},
      {.name = "ANamespaceWhoseBaselineForbidsItsCapability",
       .reason = "PodSecurityRefused",
       .evidence = "must not include \"SYS_ADMIN\"",
       .remedy = "privileged where the workload adds SYS_ADMIN",
       .told = Told::kByCondition,
       .profile = "kubernetes-1.33",
       .spec = {{"platform", {{"capabilities", {{"add", {"SYS_ADMIN"}}}}}}},
       .hinder = namespace_label("baseline"),
       .mend = namespace_label("privileged")},
      {.name = "AnOperatorThatMayNotCreatePods",
       .reason = "OperatorForbidden",
       .evidence = "cannot create resource \"pods\"",
       .remedy = "ClusterRole as shipped",
       .told = Told::kByCondition,
       .hinder = without_right("pods", "create"),
       .mend = with_all_rights()},
  };
}

std::vector<FailureRow> policy_rows() {
  return {
      {.name = "AQuotaThatIsUsedUp",
       .reason = "QuotaExceeded",
       .evidence = "exceeded quota: compute, requested: pods=1, used: pods=0, limited: pods=0",
       .remedy = "raise the quota",
       .told = Told::kByCondition,
       .hinder = create(core_path + "resourcequotas",
                        in_demo("ResourceQuota", "compute", {{"hard", {{"pods", "0"}}}})),
       .mend =
           patch(core_path + "resourcequotas", "compute", {{"spec", {{"hard", {{"pods", "3"}}}}}})},
      {.name = "AQuotaThatDemandsRequests",
       .reason = "QuotaExceeded",
       .evidence = "must specify requests.memory",
       .remedy = "set them in spec.resources",
       .told = Told::kByCondition,
       .hinder =
           create(core_path + "resourcequotas",
                  in_demo("ResourceQuota", "compute", {{"hard", {{"requests.memory", "4Gi"}}}})),
       .mend = respec({{"resources", {{"requests", {{"memory", "1Gi"}}}}}})},
      {.name = "ARangeOfLimits",
       .reason = "LimitRangeRefused",
       .evidence = "maximum memory usage per Container is 1Gi, but limit is 2Gi",
       .remedy = "fit spec.resources into the range",
       .told = Told::kByCondition,
       .spec = {{"resources", {{"limits", {{"memory", "2Gi"}}}}}},
       .hinder =
           create(core_path + "limitranges",
                  in_demo("LimitRange", "small",
                          {{"limits", {{{"type", "Container"}, {"max", {{"memory", "1Gi"}}}}}}})),
       .mend = respec({{"resources", {{"limits", {{"memory", "512Mi"}}}}}})},
      {.name = "AWebhookThatRefuses",
       .reason = "WebhookRefused",
       .evidence = "admission webhook \"policy.example.com\" denied the request: no systemd here",
       .remedy = "ask the owner of the webhook",
       .told = Told::kByCondition,
       .hinder = refusing_webhook(
           "admission webhook \"policy.example.com\" denied the request: no systemd here"),
       .mend = webhook_gone()},
      {.name = "AWebhookThatDoesNotAnswer",
       .reason = "WebhookUnreachable",
       .evidence = "failed calling webhook \"policy.example.com\"",
       .remedy = "look at the webhook's own Pods",
       .told = Told::kByCondition,
       .hinder = answered(500, "InternalError",
                          "Internal error occurred: failed calling webhook "
                          "\"policy.example.com\": failed to call webhook: Post "
                          "\"https://policy.policy.svc:443/\": context deadline exceeded"),
       .mend = answered_as_always()},
      {.name = "APodThatTheApiServerFindsInvalid",
       .reason = "PodInvalid",
       .evidence = "must be less than or equal to cpu limit",
       .remedy = "correct the field",
       .told = Told::kByCondition,
       .hinder = answered(422, "Invalid",
                          "Pod \"nginx-0\" is invalid: spec.containers[0].resources.requests: "
                          "Invalid value: \"2\": must be less than or equal to cpu limit of 1"),
       .mend = answered_as_always()},
      {.name = "ARefusalThatNobodyKnows",
       .reason = "PodRefused",
       .evidence = "the moon is not in the seventh house",
       .remedy = "do as its message says",
       .told = Told::kByCondition,
       .hinder = refusing_webhook("the moon is not in the seventh house"),
       .mend = webhook_gone()},
  };
}

std::vector<FailureRow> class_rows() {
  return {
      {.name = "AServiceAccountThatIsNotThere",
       .reason = "ServiceAccountMissing",
       .evidence = "serviceaccount \"robot\" not found",
       .remedy = "create it",
       .told = Told::kByCondition,
       .spec = {{"serviceAccountName", "robot"}},
       .mend = create(core_path + "serviceaccounts", {{"metadata", {{"name", "robot"}}}})},
      {.name = "APriorityClassThatIsNotThere",
       .reason = "PriorityClassMissing",
       .evidence = "no PriorityClass with name gold was found",
       .remedy = "create it",
       .told = Told::kByCondition,
       .spec = {{"priorityClassName", "gold"}},
       .mend = create("/apis/scheduling.k8s.io/v1/priorityclasses",
                      {{"metadata", {{"name", "gold"}}}, {"value", 1000}})},
      {.name = "ARuntimeClassThatIsNotThere",
       .reason = "RuntimeClassMissing",
       .evidence = "RuntimeClass \"fast\" not found",
       .remedy = "create the RuntimeClass",
       .told = Told::kByCondition,
       .spec = {{"platform", {{"runtimeClassName", "fast"}}}},
       .mend = create("/apis/node.k8s.io/v1/runtimeclasses",
                      {{"metadata", {{"name", "fast"}}}, {"handler", "crun"}})},
  };
}

}  // namespace

std::vector<FailureRow> admission_rows() {
  std::vector<FailureRow> rows = security_rows();
  for (const auto& some : {policy_rows(), class_rows()}) {
    rows.insert(rows.end(), some.begin(), some.end());
  }
  return rows;
}

}  // namespace swo::test
