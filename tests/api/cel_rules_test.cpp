// Each CEL rule of the CRD and its twin in validate(): an example that both must refuse, in the
// same words. The CEL itself is evaluated by an API server only; here the examples prove the C++
// side and that no rule of the CRD is without a twin.
#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/rules.hpp"
#include "documents.hpp"

namespace swo::api {
namespace {

using api_test::workload_of;

struct CelRule {
  std::string message;
  std::string rule;
};

void collect(const Json& node, std::vector<CelRule>& out) {
  if (node.is_object()) {
    if (const auto rules = node.find("x-kubernetes-validations"); rules != node.end()) {
      for (const Json& rule : *rules) out.push_back({rule.at("message"), rule.at("rule")});
    }
  }
  for (const Json& child : node) {
    if (child.is_structured()) collect(child, out);
  }
}

std::vector<CelRule> cel_rules() {
  std::vector<CelRule> rules;
  collect(api_test::schema(), rules);
  return rules;
}

// Only the API server knows the former state.
bool compares_with_the_past(const CelRule& rule) {
  return rule.rule.find("oldSelf") != std::string::npos;
}

// What the schema refuses by other means than CEL: list-map keys, minItems, required.
constexpr std::string_view kWithoutCel[] = {
    "list each name once", "list an access mode, or leave accessModes out for ReadWriteOnce",
    "name the Gateway", "mount it at an absolute path without ':', below /",
    "list a term, or leave it out for any node"};

struct Example {
  const char* spec;     // merged into a valid spec; "" = the object's name is at fault
  const char* path;     // of the breach
  const char* message;  // how the rule's message begins
};

constexpr Example kExamples[] = {
    {"", "metadata.name", "use a name of at most 53"},
    {R"({"route": {}, "ports": null})", "spec.route", "add a port"},
    {R"({"route": {"targetPort": "other"}})", "spec.route.targetPort", "set targetPort"},
    {R"({"route": {}, "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}]})",
     "spec.route.targetPort", "set targetPort"},
    {R"({"volumeMounts": [{"name": "gone", "mountPath": "/x"}]})", "spec.volumeMounts[0]",
     "name one of volumes"},
    {R"({"volumes": [{"name": "data", "emptyDir": {}}],
         "storage": {"claims": [{"name": "data", "mountPath": "/x", "size": "1Gi"}]}})",
     "spec.storage.claims[0]", "rename the claim"},
    {R"({"volumeMounts": [{"name": "data", "mountPath": "/x"}],
         "storage": {"claims": [{"name": "data", "mountPath": "/x", "size": "1Gi"}]}})",
     "spec.volumeMounts[0]", "mount it elsewhere"},
    {R"({"init": {"command": [], "target": "multi-user.target"}})", "spec.init.command",
     "set command"},
    {R"({"init": {"command": [], "args": ["--x"]}})", "spec.init.command", "set command"},
    {R"({"init": {"unitFiles": [{"name": "a.service", "configMap": "c", "dropIn": true}]}})",
     "spec.init.unitFiles[0]", "give a drop-in a key"},
    {R"({"env": [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]})",
     "spec.env[0]", "set value or valueFrom"},
    {R"({"volumes": [{"name": "a"}]})", "spec.volumes[0]", "give each volume exactly one source"},
    {R"({"volumes": [{"name": "a", "emptyDir": {}, "secret": {"secretName": "s"}}]})",
     "spec.volumes[0]", "give each volume exactly one source"},
    {R"({"volumes": [{"name": "a", "hostPath": {"path": "/"}}]})", "spec.volumes[0]",
     "give each volume exactly one source"},
    {R"({"volumes": [{"name": "systemd-run", "emptyDir": {}}]})", "spec.volumes[0]",
     "use a volume name"},
    {R"({"storage": {"claims": [{"name": "systemd-x", "mountPath": "/x", "size": "1Gi"}]}})",
     "spec.storage.claims[0]", "use a claim name"},
    {R"({"dnsPolicy": "None"})", "spec.dnsConfig.nameservers", "list dnsConfig.nameservers"},
    {R"({"dnsPolicy": "None", "dnsConfig": {"nameservers": []}})", "spec.dnsConfig.nameservers",
     "list dnsConfig.nameservers"},
    {R"({"podMetadata": {"labels": {"app.kubernetes.io/name": "x"}}})", "spec.podMetadata.labels",
     "leave out app.kubernetes.io/name"},
    {R"({"podMetadata": {"labels": {"workloads.systemd-operator.dev/ordinal": "0"}}})",
     "spec.podMetadata.labels", "leave out app.kubernetes.io/name"},
    {R"({"podMetadata": {"annotations": {"openshift.io/required-scc": "privileged"}}})",
     "spec.podMetadata.annotations", "leave out openshift.io/scc"},
    {R"({"podMetadata": {"annotations": {"io.kubernetes.cri-o.userns-mode": "host"}}})",
     "spec.podMetadata.annotations", "leave out openshift.io/scc"},
    {R"({"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 80}]})", "spec.ports[1]",
     "give each port a number"},
    {R"({"ports": [{"name": "a", "port": 80, "nodePort": 30080}]})", "spec.ports[0]",
     "leave nodePort out"},
    {R"({"service": {"type": "NodePort"},
         "ports": [{"name": "a", "port": 80, "nodePort": 30080},
                   {"name": "b", "port": 81, "nodePort": 30080}]})",
     "spec.ports[1]", "give each nodePort"},
    {R"({"service": {"externalTrafficPolicy": "Local"}})", "spec.service.externalTrafficPolicy",
     "leave externalTrafficPolicy out"},
    {R"({"service": {"type": "NodePort", "loadBalancerClass": "a"}})",
     "spec.service.loadBalancerClass", "leave loadBalancerClass out"},
    {R"({"service": {"type": "NodePort", "loadBalancerSourceRanges": ["192.0.2.0/24"]}})",
     "spec.service.loadBalancerSourceRanges", "leave loadBalancerSourceRanges out"},
    {R"({"service": {"ipFamilies": ["IPv4", "IPv6"]}})", "spec.service.ipFamilyPolicy",
     "set ipFamilyPolicy"},
    {R"({"service": {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6", "IPv4"]}})",
     "spec.service.ipFamilyPolicy", "set ipFamilyPolicy"},
    {R"({"route": {"path": "/x", "tls": {"termination": "passthrough"}}})", "spec.route.path",
     "leave path out"},
    {R"({"route": {"tls": {"termination": "passthrough",
                           "insecureEdgeTerminationPolicy": "Allow"}}})",
     "spec.route.tls.insecureEdgeTerminationPolicy", "use None or Redirect"},
    {R"({"route": {"tls": {"termination": "passthrough", "certificateSecret": "s"}}})",
     "spec.route.tls.certificateSecret", "leave certificateSecret out"},
    {R"({"route": {"tls": {"termination": "edge",
                           "destinationCACertificate": "-----BEGIN CERTIFICATE-----\n"}}})",
     "spec.route.tls.destinationCACertificate", "leave destinationCACertificate out"},
    {R"({"route": {"ingressClassName": "a", "parentRef": {"name": "b"}}})",
     "spec.route.ingressClassName", "set ingressClassName"},
    {R"({"readiness": {"acceptDegraded": true, "selfHealing": {"action": "Restart"}}})",
     "spec.readiness.selfHealing.action", "name units"},
    {R"({"readiness": {"periodSeconds": 60, "startupTimeoutSeconds": 30}})",
     "spec.readiness.periodSeconds", "make startupTimeoutSeconds"},
    {R"({"storage": {"claims": [{"name": "a", "mountPath": "/x", "size": "1Gi"},
                                {"name": "b", "mountPath": "/x", "size": "1Gi"}]}})",
     "spec.storage.claims[1]", "give each claim a mountPath"},
    {R"({"storage": {"claims": [{"name": "a", "mountPath": "/x", "size": "1Gi",
                                 "accessModes": ["ReadWriteOncePod", "ReadWriteMany"]}]}})",
     "spec.storage.claims[0]", "use ReadWriteOncePod alone"},
    {R"({"platform": {"capabilities": {"add": ["CAP_SYS_ADMIN"]}}})",
     "spec.platform.capabilities.add[0]", "leave the CAP_ prefix out"},
    {R"({"platform": {"capabilities": {"drop": ["CAP_KILL"]}}})",
     "spec.platform.capabilities.drop[0]", "leave the CAP_ prefix out"},
    {R"({"platform": {"capabilities": {"add": ["ALL"]}}})", "spec.platform.capabilities.add[0]",
     "name the capabilities"},
    {R"({"platform": {"capabilities": {"add": ["KILL"], "drop": ["KILL"]}}})",
     "spec.platform.capabilities.add[0]", "add a capability or drop it"},
    {R"({"env": [{"name": "A", "valueFrom": {}}]})", "spec.env[0]", "set exactly one of"},
    {R"({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"},
                                             "secretKeyRef": {"name": "s", "key": "k"}}}]})",
     "spec.env[0]", "set exactly one of"},
    {R"({"envFrom": [{}]})", "spec.envFrom[0]", "set configMapRef or secretRef"},
    {R"({"envFrom": [{"configMapRef": {"name": "a"}, "secretRef": {"name": "b"}}]})",
     "spec.envFrom[0]", "set configMapRef or secretRef"},
    {R"({"volumes": [{"name": "a", "projected": {"sources": [{}]}}]})", "spec.volumes[0]",
     "give each projected source"},
    {R"({"volumes": [{"name": "a", "projected": {"sources": [
            {"secret": {"name": "a"}, "configMap": {"name": "b"}}]}}]})",
     "spec.volumes[0]", "give each projected source"},
    {R"({"volumes": [{"name": "a", "downwardAPI": {"items": [{"path": "x"}]}}]})",
     "spec.volumes[0]", "set fieldRef or resourceFieldRef"},
    {R"({"volumes": [{"name": "a", "projected": {"sources": [
            {"downwardAPI": {"items": [{"path": "x", "fieldRef": {"fieldPath": "y"},
                                        "resourceFieldRef": {"resource": "z"}}]}}]}}]})",
     "spec.volumes[0]", "set fieldRef or resourceFieldRef"},
    {R"({"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]})",
     "spec.tolerations[0]", "leave value out"},
    {R"({"tolerations": [{"operator": "Equal"}]})", "spec.tolerations[0]", "set key, or operator"},
    {R"({"tolerations": [{"key": "a", "tolerationSeconds": 5}]})", "spec.tolerations[0]",
     "set effect NoExecute"},
    {R"({"podMetadata": {"annotations": {"userns-mode.crio.io": "host"}}})",
     "spec.podMetadata.annotations", "leave out openshift.io/scc"},
    {R"({"podMetadata": {"annotations": {"seccomp-profile.crio.io/systemd": "x"}}})",
     "spec.podMetadata.annotations", "leave out openshift.io/scc"},
    // Without CEL.
    {R"({"volumes": [{"name": "a", "emptyDir": {}}],
         "volumeMounts": [{"name": "a", "mountPath": "x"}]})",
     "spec.volumeMounts[0]", "mount it at an absolute path"},
    {R"({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": []}}}})",
     "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
     "list a term"},
    {R"({"ports": [{"name": "a", "port": 80}, {"name": "a", "port": 81}]})", "spec.ports[1]",
     "list each name once"},
    {R"({"env": [{"name": "A"}, {"name": "A"}]})", "spec.env[1]", "list each name once"},
    {R"({"hostAliases": [{"ip": "192.0.2.1"}, {"ip": "192.0.2.1"}]})", "spec.hostAliases[1]",
     "list each name once"},
    {R"({"storage": {"claims": [{"name": "a", "mountPath": "/x", "size": "1Gi",
                                 "accessModes": []}]}})",
     "spec.storage.claims[0]", "list an access mode"},
    {R"({"route": {"parentRef": {"namespace": "x"}}})", "spec.route.parentRef.name",
     "name the Gateway"},
};

std::vector<FieldError> validate_json(const Json& object) {
  const Parsed<Workload> parsed = parse_workload(object);
  if (const auto* fault = std::get_if<FieldError>(&parsed)) return {*fault};
  return validate(std::get<Workload>(parsed));
}

Json object_of(const Example& example) {
  Json object =
      workload_of(Json::parse(R"({"image": "a", "ports": [{"name": "http", "port": 80}]})"));
  if (*example.spec == '\0') {
    object["metadata"]["name"] = "Not.A.Name";
  } else {
    object["spec"].merge_patch(Json::parse(example.spec));
  }
  return object;
}

TEST(CelRules, ValidateRefusesEachExampleForItsRuleAlone) {
  for (const Example& example : kExamples) {
    const auto errors = validate_json(object_of(example));
    ASSERT_EQ(errors.size(), 1U) << example.spec
                                 << "\nfirst: " << (errors.empty() ? "" : errors[0].message());
    EXPECT_EQ(errors[0].path, example.path) << example.spec;
    EXPECT_THAT(errors[0].remedy, testing::StartsWith(example.message)) << example.spec;
  }
}

TEST(CelRules, EveryCelRuleHasATwinOfTheSameWordsAndAnExample) {
  const auto twins = cross_field_rules();
  for (const CelRule& cel : cel_rules()) {
    if (compares_with_the_past(cel)) continue;
    EXPECT_TRUE(
        std::any_of(twins.begin(), twins.end(),
                    [&](const CrossFieldRule& twin) { return twin.message == cel.message; }))
        << "no twin in rules.cpp: " << cel.message;
    EXPECT_TRUE(std::any_of(
        std::begin(kExamples), std::end(kExamples),
        [&](const Example& example) { return cel.message.starts_with(example.message); }))
        << "no example: " << cel.message;
  }
}

TEST(CelRules, EveryTwinStandsForACelRuleOrForAListedKeyword) {
  const auto rules = cel_rules();
  for (const CrossFieldRule& twin : cross_field_rules()) {
    const bool in_cel = std::any_of(rules.begin(), rules.end(), [&](const CelRule& cel) {
      return cel.message == twin.message;
    });
    const bool listed = std::find(std::begin(kWithoutCel), std::end(kWithoutCel), twin.message) !=
                        std::end(kWithoutCel);
    EXPECT_NE(in_cel, listed) << twin.message;
  }
}

TEST(CelRules, AVolumesClassAndAccessModesCannotChange) {
  std::vector<std::string> messages;
  for (const CelRule& cel : cel_rules()) {
    if (compares_with_the_past(cel)) messages.push_back(cel.message);
  }
  EXPECT_THAT(messages,
              testing::UnorderedElementsAre(testing::StartsWith("leave storageClassName as it was"),
                                            testing::StartsWith("leave accessModes as they were")));
}

// Functions that came after Kubernetes 1.25 make older API servers refuse the whole CRD.
TEST(CelRules, TheRulesUseOnlyWhatTheFirstClustersWithCelKnow) {
  for (const CelRule& cel : cel_rules()) {
    for (const char* late : {"quantity(", "isQuantity", "optional", "?.", "format.", ".join(",
                             "isIP", "isCIDR", "messageExpression", "sets.", "ip("}) {
      EXPECT_THAT(cel.rule, testing::Not(testing::HasSubstr(late)));
    }
  }
}

TEST(CelRules, ASpecWithEveryFieldSetIsValid) {
  const auto errors = validate_json(workload_of(api_test::full_spec()));
  for (const FieldError& error : errors) ADD_FAILURE() << error.message();
}

TEST(CelRules, TheSmallestSpecIsValid) {
  EXPECT_TRUE(validate_json(workload_of({{"image", "a"}})).empty());
}

}  // namespace
}  // namespace swo::api
