// Every field of the spec is set, changed and put back: what it is for is seen to change, and the
// earlier state returns. What is not valid is refused with the field's name, and loses nothing.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure_rows.hpp"
#include "life.hpp"
#include "scenarios.hpp"

namespace swo::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Transition {
  const char* field;
  Json set;              // merge patches to the spec
  Json change;           // null: there is no other value worth trying
  bool seen = true;      // false: nothing of the objects shall change
  bool refused = false;  // the other value: no Pod would be admitted with it
};

const Json config_map_volume = {{"name", "c"}, {"configMap", {{"name", "c"}, {"optional", true}}}};

const Transition all_transitions[] = {
    {"image",
     {{"image", "v2"}},
     {{"image", "registry.example.com:5000/ünït/a@sha256:" + std::string(64, 'a')}}},
    {"imagePullPolicy", {{"imagePullPolicy", "Always"}}, {{"imagePullPolicy", "Never"}}},
    {"imagePullSecrets",
     {{"imagePullSecrets", {{{"name", "a"}}}}},
     {{"imagePullSecrets", {{{"name", "b"}}, {{"name", "a"}}}}}},
    {"replicas", {{"replicas", 3}}, {{"replicas", 2}}},
    {"resources",
     {{"resources", {{"limits", {{"memory", "1Gi"}}}}}},
     {{"resources", {{"limits", {{"memory", "2Gi"}}}, {"requests", {{"cpu", "100m"}}}}}}},
    {"env",
     {{"env", {{{"name", "A"}, {"value", "ü \"$(B)\" 日本"}}}}},
     {{"env", {{{"name", "A"}}}}}},
    {"envFrom",
     {{"envFrom", {{{"configMapRef", {{"name", "c"}, {"optional", true}}}}}}},
     {{"envFrom", {{{"secretRef", {{"name", "s"}, {"optional", true}}}}}}}},
    {"volumes",
     {{"volumes", {config_map_volume}}, {"volumeMounts", {{{"name", "c"}, {"mountPath", "/c"}}}}},
     {{"volumeMounts", {{{"name", "c"}, {"mountPath", "/d"}, {"readOnly", true}}}}}},
    {"nodeSelector", {{"nodeSelector", {{"kubernetes.io/os", "linux"}}}}, nullptr},
    {"tolerations",
     {{"tolerations", {{{"key", "a"}, {"operator", "Exists"}}}}},
     {{"tolerations", {{{"key", "b"}, {"operator", "Exists"}}}}}},
    {"affinity",
     {{"affinity", {{"podAntiAffinity", Json::object()}}}},
     {{"affinity", {{"nodeAffinity", Json::object()}}}}},
    {"topologySpreadConstraints",
     {{"topologySpreadConstraints",
       {{{"maxSkew", 1},
         {"topologyKey", "kubernetes.io/hostname"},
         {"whenUnsatisfiable", "ScheduleAnyway"}}}}},
     nullptr},
    {"terminationGracePeriodSeconds",
     {{"terminationGracePeriodSeconds", 1}},
     {{"terminationGracePeriodSeconds", 3600}}},
    {"podMetadata",
     {{"podMetadata", {{"labels", {{"a", "b"}}}, {"annotations", {{"k", "größer"}}}}}},
     {{"podMetadata", {{"labels", {{"a", "c"}}}}}}},
    {"ports",
     {{"ports", {{{"name", "http"}, {"port", 81}}}}},
     {{"ports",
       {{{"name", "http"}, {"port", 1}, {"targetPort", 65535}},
        {{"name", "dns"}, {"port", 53}, {"protocol", "UDP"}}}}}},
    {"service",
     {{"service", {{"type", "NodePort"}, {"annotations", {{"a", "b"}}}}}},
     {{"service", {{"type", "ClusterIP"}, {"annotations", {{"a", "c"}}}}}}},
    {"ports.nodePort",
     {{"service", {{"type", "NodePort"}}},
      {"ports", {{{"name", "http"}, {"port", 80}, {"nodePort", 30080}, {"appProtocol", "http"}}}}},
     {{"ports", {{{"name", "http"}, {"port", 80}, {"nodePort", 30081}}}}}},
    {"service.ofALoadBalancer",
     {{"service",
       {{"type", "LoadBalancer"},
        {"externalTrafficPolicy", "Local"},
        {"internalTrafficPolicy", "Local"},
        {"loadBalancerClass", "example.com/internal"},
        {"loadBalancerSourceRanges", {"192.0.2.0/24"}},
        {"sessionAffinity", "ClientIP"}}}},
     {{"service",
       {{"externalTrafficPolicy", "Cluster"},
        {"internalTrafficPolicy", "Cluster"},
        {"loadBalancerSourceRanges", {"2001:db8::/32", "192.0.2.0/24"}},
        {"sessionAffinity", "None"}}}}},
    {"service.ipFamilies",
     {{"service", {{"ipFamilyPolicy", "PreferDualStack"}, {"ipFamilies", {"IPv4", "IPv6"}}}}},
     {{"service", {{"ipFamilyPolicy", "SingleStack"}, {"ipFamilies", {"IPv4"}}}}}},
    {"route",
     {{"route", {{"host", "other.apps.example.com"}, {"path", "/a"}}}},
     {{"route", {{"tls", {{"termination", "edge"}}}}}}},
    {"route.targetPort",
     {{"ports", {{{"name", "http"}, {"port", 80}}, {{"name", "admin"}, {"port", 81}}}},
      {"route", {{"targetPort", "admin"}}}},
     {{"route", {{"targetPort", "http"}}}}},
    {"route.tls",
     {{"route",
       {{"tls",
         {{"termination", "edge"},
          {"insecureEdgeTerminationPolicy", "Allow"},
          {"certificateSecret", "login"}}}}}},
     {{"route",
       {{"tls",
         {{"termination", "reencrypt"},
          {"insecureEdgeTerminationPolicy", "Redirect"},
          {"destinationCACertificate",
           "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"}}}}}}},
    {"route.annotations",
     {{"route", {{"annotations", {{"haproxy.router.openshift.io/timeout", "1m"}}}}}},
     {{"route", {{"annotations", {{"haproxy.router.openshift.io/timeout", "2m"}}}}}}},
    {"route.ingressClassName",
     {{"route", {{"ingressClassName", "nginx"}}}},
     {{"route", {{"ingressClassName", "other"}}}},
     false},
    {"route.parentRef",
     {{"route", {{"parentRef", {{"name", "gateway"}}}}}},
     {{"route",
       {{"parentRef", {{"name", "gateway"}, {"namespace", "net"}, {"sectionName", "https"}}}}}},
     false},
    {"no_route", {{"route", nullptr}}, nullptr},
    {"init.command",
     {{"init", {{"command", {"/usr/lib/systemd/systemd"}}}}},
     {{"init", {{"command", Json::array()}}}}},
    {"init.target",
     {{"init", {{"target", "rescue.target"}}}},
     {{"init", {{"target", "a.target"}}}}},
    {"init.logLevel", {{"init", {{"logLevel", "debug"}}}}, {{"init", {{"logLevel", "info"}}}}},
    {"init.logTarget",
     {{"init", {{"logTarget", "journal"}}}},
     {{"init", {{"logTarget", "console"}}}}},
    {"init.journalToConsole", {{"init", {{"journalToConsole", true}}}}, nullptr},
    {"init.maskUnits",
     {{"init", {{"maskUnits", {"a.service"}}}}},
     {{"init", {{"maskUnits", {"b.service", "a.service"}}}}}},
    {"init.args",
     {{"init", {{"args", {"--show-status=1"}}}}},
     {{"init", {{"args", {"--a", "é"}}}}}},
    {"init.credentials",
     {{"init", {{"credentials", {{{"name", "password"}, {"secret", "login"}}}}}}},
     {{"init",
       {{"credentials", {{{"name", "password"}, {"secret", "login"}, {"key", "other"}}}}}}}},
    {"init.unitFiles",
     {{"init", {{"unitFiles", {{{"name", "a.service"}, {"configMap", "units"}}}}}}},
     {{"init",
       {{"unitFiles",
         {{{"name", "nginx.service"},
           {"configMap", "units"},
           {"key", "colour.conf"},
           {"dropIn", true}}}}}}}},
    {"storage.claims",
     {{"storage", Life::storage("1Gi", {{"whenDeleted", "Delete"}, {"whenScaled", "Delete"}})}},
     {{"storage",
       {{"claims",
         {{{"name", "data"},
           {"mountPath", "/srv"},
           {"size", "2Gi"},
           {"subPath", "a"},
           {"seedFromImage", true}},
          {{"name", "more"},
           {"mountPath", "/more"},
           {"size", "1Ti"},
           {"storageClassName", "nfs"},
           {"accessModes", {"ReadWriteMany", "ReadOnlyMany"}}}}}}}}},
    {"priorityClassName",
     {{"priorityClassName", "system-cluster-critical"}},
     // There is no such class: no Pod is given up for it.
     {{"priorityClassName", "no-such"}},
     true,
     true},
    {"schedulerName", {{"schedulerName", "second"}}, {{"schedulerName", "third"}}},
    {"dnsPolicy",
     {{"dnsPolicy", "Default"}},
     {{"dnsPolicy", "None"}, {"dnsConfig", {{"nameservers", {"192.0.2.53"}}}}}},
    {"dnsConfig",
     {{"dnsConfig",
       {{"searches", {"example.com"}}, {"options", {{{"name", "ndots"}, {"value", "2"}}}}}}},
     {{"dnsConfig", {{"searches", {"other.example.com"}}}}}},
    {"hostAliases",
     {{"hostAliases", {{{"ip", "192.0.2.7"}, {"hostnames", {"kdc.example.com"}}}}}},
     {{"hostAliases", {{{"ip", "2001:db8::7"}}}}}},
    {"setHostnameAsFQDN", {{"setHostnameAsFQDN", true}}, nullptr},
    {"serviceAccountName", {{"serviceAccountName", "mine"}}, {{"serviceAccountName", "default"}}},
    {"readiness.units",
     {{"readiness", {{"units", {"a.service"}}}}},
     {{"readiness", {{"units", {"b.service"}}}}}},
    {"readiness.acceptDegraded", {{"readiness", {{"acceptDegraded", true}}}}, nullptr},
    {"readiness.startupTimeoutSeconds",
     {{"readiness", {{"startupTimeoutSeconds", 10}}}},
     {{"readiness", {{"startupTimeoutSeconds", 86400}}}}},
    {"readiness.periodSeconds",
     {{"readiness", {{"periodSeconds", 1}}}},
     {{"readiness", {{"periodSeconds", 60}}}}},
    {"readiness.selfHealing",
     {{"readiness", {{"selfHealing", {{"action", "Restart"}}}}}},
     {{"readiness", {{"selfHealing", {{"afterSeconds", 10}, {"maxRestarts", 1000}}}}}},
     false},
    {"platform.addCapabilities",
     {{"platform", {{"capabilities", {{"add", {"NET_ADMIN"}}}}}}},
     nullptr,
     // A second SCC: its use is the administrator's to grant, so no Pod comes up with it.
     true},
    {"platform.dropCapabilities",
     {{"platform", {{"capabilities", {{"drop", {"KILL"}}}}}}},
     {{"platform", {{"capabilities", {{"drop", {"SETPCAP"}}}}}}}},
    {"platform.automountServiceAccountToken",
     {{"platform", {{"automountServiceAccountToken", true}}}},
     nullptr},
    {"platform.userNamespace",
     {{"platform", {{"userNamespace", "Annotation"}}}},
     {{"platform", {{"userNamespace", "HostUsers"}}}}},
    {"platform.securityContextConstraints",
     {{"platform", {{"securityContextConstraints", "mine"}}}},
     // One that the workload may not use.
     {{"platform", {{"securityContextConstraints", "privileged"}}}},
     true,
     true},
    {"platform.runtimeClassName", {{"platform", {{"runtimeClassName", "crun"}}}}, nullptr},
    {"platform.cgroups.pool", {{"platform", {{"cgroups", {{"pool", "infra"}}}}}}, nullptr, false},
    {"platform.cgroups",
     {{"platform", {{"cgroups", {{"machineConfig", "Unmanaged"}}}}}},
     nullptr,
     false},
    {"updateStrategy.type", {{"updateStrategy", {{"type", "OnDelete"}}}}, nullptr, false},
    {"updateStrategy.maxUnavailable",
     {{"updateStrategy", {{"maxUnavailable", 2}}}},
     {{"updateStrategy", {{"maxUnavailable", 1000}}}}},
    {"updateStrategy.partition", {{"updateStrategy", {{"partition", 1}}}}, nullptr, false},
    {"revisionHistoryLimit", {{"revisionHistoryLimit", 0}}, {{"revisionHistoryLimit", 100}}, false},
    {"hibernate", {{"hibernate", true}}, nullptr},
    {"paused", {{"paused", true}}, nullptr, false},
};

class SpecTransition : public testing::TestWithParam<std::size_t> {
 protected:
  Json base() const { return nginx("v1", 1); }
  // What the specs name.
  void SetUp() override {
    Simulation& simulation = life.simulation;
    auto& admin = simulation.admin();
    admin.create(core_path + "secrets",
                 {{"metadata", {{"name", "login"}}}, {"data", Json::object()}});
    admin.create(core_path + "configmaps", {{"metadata", {{"name", "units"}}}});
    admin.create(core_path + "serviceaccounts", {{"metadata", {{"name", "mine"}}}});
    admin.create("/apis/node.k8s.io/v1/runtimeclasses",
                 {{"metadata", {{"name", "crun"}}}, {"handler", "crun"}});
    own_scc("container_init_t")(simulation);
  }
  // Nothing more happens.
  void rest() { life.simulation.advance(std::chrono::minutes(12)); }
  std::string objects() {
    const std::string all = end_state(life.simulation);
    return all.substr(0, all.rfind('\n'));  // without the headline
  }
  void replace(const Json& spec) {
    Json live = life.simulation.workload("nginx");
    live["spec"] = spec;
    life.simulation.admin().update(Simulation::workloads_path(), live);
    rest();
  }
  Json merged(Json spec, const Json& patch) {
    spec.merge_patch(patch);
    return spec;
  }
  Life life;
};

TEST_P(SpecTransition, IsMadeAndGoneBackOn) {
  const Transition& transition = all_transitions[GetParam()];
  life.apply(base());
  ASSERT_TRUE(life.runs());
  rest();
  const std::string before = objects();
  const std::string headline = life.simulation.phase("nginx");

  const Json set = merged(base(), transition.set);
  replace(set);
  const std::string after_set = objects();
  EXPECT_EQ(after_set != before, transition.seen) << after_set;
  if (!transition.change.is_null()) {
    replace(merged(set, transition.change));
    EXPECT_EQ(objects() != after_set, transition.seen && !transition.refused) << objects();
  }
  replace(base());
  EXPECT_EQ(objects(), before);
  EXPECT_EQ(life.simulation.phase("nginx"), headline);
  life.simulation.forget_writes();
  life.simulation.advance(std::chrono::hours(1));
  EXPECT_EQ(life.simulation.write_count(), 0) << testing::PrintToString(life.simulation.writes());
}

INSTANTIATE_TEST_SUITE_P(Each, SpecTransition,
                         testing::Range<std::size_t>(0, std::size(all_transitions)),
                         [](const auto& one) {
                           std::string name = all_transitions[one.param].field;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

// Kubernetes' own types, which are passed on as they are.
bool is_of_kubernetes(const std::string& field) {
  static const std::set<std::string> all = {"env",
                                            "envFrom",
                                            "volumes",
                                            "volumeMounts",
                                            "affinity",
                                            "tolerations",
                                            "topologySpreadConstraints"};
  return all.contains(field);
}

void add_leaves(const Json& schema, const std::string& path, std::set<std::string>& leaves) {
  if (!path.empty() && is_of_kubernetes(path)) {
    leaves.insert(path);
  } else if (schema.contains("items") && schema["items"].contains("properties")) {
    add_leaves(schema["items"], path, leaves);
  } else if (schema.contains("properties")) {
    for (const auto& [name, field] : schema["properties"].items()) {
      add_leaves(field, path.empty() ? name : path + "." + name, leaves);
    }
  } else {
    leaves.insert(path);
  }
}

// The leaves that a patch sets are taken out.
void take_out(const Json& patch, const std::string& path, std::set<std::string>& leaves) {
  leaves.erase(path);
  if (patch.is_array()) {
    for (const Json& item : patch) {
      take_out(item, path, leaves);
    }
  } else if (patch.is_object()) {
    for (const auto& [name, value] : patch.items()) {
      take_out(value, path.empty() ? name : path + "." + name, leaves);
    }
  }
}

TEST(SpecTransitions, SetEveryFieldOfTheSchema) {
  Life life;
  const Json definition =
      *life.simulation.admin().get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                                   "systemdworkloads.workloads.systemd-operator.dev");
  std::set<std::string> leaves;
  add_leaves(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"],
             "", leaves);
  EXPECT_GT(leaves.size(), 60U);
  for (const Transition& transition : all_transitions) {
    take_out(transition.set, "", leaves);
    take_out(transition.change, "", leaves);
  }
  EXPECT_THAT(leaves, IsEmpty());
}

struct Refusal {
  const char* field;
  Json spec;
};

TEST(SpecRefusal, NamesTheFieldAndLosesNothing) {
  Life life;
  life.apply(nginx("v1", 1));
  ASSERT_TRUE(life.runs());
  const std::string before = end_state(life.simulation);
  const Refusal refusals[] = {
      {"spec.image", {{"image", ""}}},
      {"spec.image", {{"image", 7}}},
      {"spec.replicas", {{"replicas", -1}}},
      {"spec.replicas", {{"replicas", "two"}}},
      {"spec.replicas", {{"replicas", 100000}}},
      {"spec.ports[0].port", {{"ports", {{{"name", "http"}, {"port", 65536}}}}}},
      {"spec.ports[0].port", {{"ports", {{{"name", "http"}, {"port", 0}}}}}},
      {"spec.ports[0].name", {{"ports", {{{"name", "HTTP ü"}, {"port", 80}}}}}},
      {"spec.ports[0].nodePort",
       {{"service", {{"type", "NodePort"}}},
        {"ports", {{{"name", "http"}, {"port", 80}, {"nodePort", 65536}}}}}},
      {"spec.service.externalTrafficPolicy",
       {{"service", {{"type", "NodePort"}, {"externalTrafficPolicy", "Node"}}}}},
      {"spec.service.loadBalancerSourceRanges[0]",
       {{"service", {{"type", "LoadBalancer"}, {"loadBalancerSourceRanges", {"192.0.2.1"}}}}}},
      {"spec.service.ipFamilies[0]", {{"service", {{"ipFamilies", {"IPv5"}}}}}},
      {"spec.service.sessionAffinity", {{"service", {{"sessionAffinity", "Cookie"}}}}},
      {"spec.readiness.periodSeconds", {{"readiness", {{"periodSeconds", 0}}}}},
      {"spec.readiness.units", {{"readiness", {{"units", {"nginx"}}}}}},
      {"spec.init.logLevel", {{"init", {{"logLevel", "loud"}}}}},
      {"spec.updateStrategy.type", {{"updateStrategy", {{"type", "Fast"}}}}},
      {"spec.route.host", {{"route", {{"host", "not a host"}}}}},
      // What a Pod would be refused for, or wait for in vain.
      {"spec.env[0].name", {{"env", {{{"name", "A=B"}, {"value", "1"}}}}}},
      {"spec.env[0].name", {{"env", {{{"name", "A\n"}, {"value", "1"}}}}}},
      {"spec.envFrom[0].prefix", {{"envFrom", {{{"prefix", "A="}}}}}},
      {"spec.imagePullSecrets[0].name", {{"imagePullSecrets", {{{"name", "Registry_Login"}}}}}},
      {"spec.imagePullSecrets[0].name", {{"imagePullSecrets", {{{"name", ""}}}}}},
      {"spec.volumes[0].configMap.items[0].key",
       {{"volumes",
         {{{"name", "a"},
           {"configMap", {{"name", "a"}, {"items", {{{"key", "a/b"}, {"path", "a"}}}}}}}}}}},
      {"spec.volumes[0].name", {{"volumes", {{{"name", "a.b"}, {"emptyDir", Json::object()}}}}}},
      {"spec.dnsPolicy", {{"dnsPolicy", "ClusterFirstWithHostNet"}}},
      {"spec.dnsConfig.nameservers[0]", {{"dnsConfig", {{"nameservers", {"dns.example.com"}}}}}},
      {"spec.dnsConfig.options[0].name", {{"dnsConfig", {{"options", {{{"value", "2"}}}}}}}},
      {"spec.hostAliases[0].ip", {{"hostAliases", {{{"ip", "kdc"}}}}}},
      {"spec.hostAliases[0].hostnames[0]",
       {{"hostAliases", {{{"ip", "192.0.2.7"}, {"hostnames", {"a b"}}}}}}},
      {"spec.tolerations[0].key", {{"tolerations", {{{"key", "a b"}}}}}},
      {"spec.platform.capabilities.add",
       {{"platform", {{"capabilities", {{"add", {"sys_admin"}}}}}}}},
      {"spec.storage.claims[0].name",
       {{"storage",
         {{"claims", {{{"name", std::string(300, 'a')}, {"mountPath", "/a"}, {"size", "1Gi"}}}}}}}},
  };
  for (const Refusal& refusal : refusals) {
    SCOPED_TRACE(refusal.spec.dump());
    try {
      life.apply(refusal.spec);
      ADD_FAILURE() << "was taken";
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr(refusal.field));
    }
  }
  life.simulation.advance(std::chrono::minutes(5));
  EXPECT_EQ(end_state(life.simulation), before);
}

// What only CEL rules refuse can be stored where they are not evaluated, or was before there was
// such a rule.
TEST(SpecRefusal, OfAStoredSpecIsToldAndWhatRunsGoesOn) {
  Life life;
  life.apply(nginx("v1", 1));
  ASSERT_TRUE(life.runs());
  const std::string uid = life.uid("nginx-0");
  life.apply(
      {{"image", "v2"}, {"route", {{"path", "/a"}, {"tls", {{"termination", "passthrough"}}}}}});
  life.simulation.advance(std::chrono::minutes(5));
  EXPECT_EQ(life.simulation.phase("nginx"), "InvalidSpec");
  EXPECT_THAT(life.condition("Ready")["message"], HasSubstr("spec.route.path"));
  EXPECT_EQ(life.uid("nginx-0"), uid);
  for (const char* type : {"Progressing", "Degraded", "PlatformReady", "Admitted", "Exposed"}) {
    const Json condition = life.condition(type);
    EXPECT_EQ(condition["status"], "Unknown") << "nothing is known to be as expected: " << type;
    EXPECT_EQ(condition["reason"], "InvalidSpec");
    EXPECT_EQ(condition["observedGeneration"], life.condition("Ready")["observedGeneration"]);
  }
  life.apply({{"route", {{"path", nullptr}}}});
  ASSERT_TRUE(life.runs());
  EXPECT_EQ(life.pod("nginx-0")["spec"]["containers"][0]["image"], "v2");
  EXPECT_EQ(life.condition("Degraded")["reason"], "AsExpected");
}

}  // namespace
}  // namespace swo::test
