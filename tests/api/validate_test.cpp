// Golden messages for one bad value of every bounded field: what a user reads.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/formats.hpp"
#include "api/workload.hpp"
#include "documents.hpp"

namespace swo::api {
namespace {

using api_test::workload_of;

std::string messages(const Json& object) {
  const Parsed<Workload> parsed = parse_workload(object);
  if (const auto* fault = std::get_if<FieldError>(&parsed)) return fault->message();
  std::string text;
  for (const FieldError& error : validate(std::get<Workload>(parsed))) {
    if (!text.empty()) text += "\n";
    text += error.message();
  }
  return text;
}

struct Case {
  const char* pointer;  // into the spec
  const char* value;    // JSON
  const char* message;
};

constexpr Case kCases[] = {
    {"/image", R"("")",
     "spec.image is missing: write an image reference without white space, as in "
     "quay.io/example/app:1.0"},
    {"/image", R"("my image")",
     "spec.image: \"my image\" is not valid: write an image reference without white space, as in "
     "quay.io/example/app:1.0"},
    {"/imagePullPolicy", R"("Sometimes")",
     "spec.imagePullPolicy: \"Sometimes\" is not valid: use Always, IfNotPresent or Never"},
    {"/replicas", "-1", "spec.replicas: -1 is not valid: use a number from 0 to 1000"},
    {"/replicas", "1001", "spec.replicas: 1001 is not valid: use a number from 0 to 1000"},
    {"/init/target", R"("multi-user")",
     "spec.init.target: \"multi-user\" is not valid: name a systemd target, as in "
     "multi-user.target"},
    {"/init/logLevel", R"("verbose")",
     "spec.init.logLevel: \"verbose\" is not valid: use emerg, alert, crit, err, warning, notice, "
     "info or debug"},
    {"/init/logTarget", R"("stdout")",
     "spec.init.logTarget: \"stdout\" is not valid: use auto, console, console-prefixed, journal, "
     "journal-or-kmsg, kmsg or null"},
    {"/init/maskUnits/0", R"("nginx")",
     "spec.init.maskUnits[0]: \"nginx\" is not valid: name a systemd unit with its type, as in "
     "nginx.service"},
    {"/init/maskUnits", R"(["a.service", "a.service"])",
     "spec.init.maskUnits[1]: \"a.service\" is not valid: list it once"},
    {"/init/maskUnits", R"([""])",
     "spec.init.maskUnits[0] is missing: name a systemd unit with its type, as in nginx.service"},
    {"/init/credentials/0/name", R"("a/b")",
     "spec.init.credentials[0].name: \"a/b\" is not valid: use letters, digits, '-', '_' and '.'"},
    {"/init/credentials/0/secret", "null",
     "spec.init.credentials[0].secret is missing: use lower-case letters, digits, '-' and '.', "
     "with "
     "a letter or digit at both ends of each part"},
    {"/init/credentials/0/key", R"("../x")",
     "spec.init.credentials[0].key: \"../x\" is not valid: use letters, digits, '-', '_' and '.'"},
    {"/init/unitFiles/0/name", R"("../nginx.service")",
     "spec.init.unitFiles[0].name: \"../nginx.service\" is not valid: name a systemd unit with its "
     "type, as in nginx.service"},
    {"/init/unitFiles/0/configMap", R"("Units")",
     "spec.init.unitFiles[0].configMap: \"Units\" is not valid: use lower-case letters, digits, "
     "'-' "
     "and '.', with a letter or digit at both ends of each part"},
    {"/nodeSelector", R"({"disk type": "ssd"})",
     "spec.nodeSelector.disk type: \"disk type\" is not valid: write it as a label's key: "
     "[example.com/]name, the name at most 63 long"},
    {"/nodeSelector", R"({"disk": "s s d"})",
     "spec.nodeSelector.disk: \"s s d\" is not valid: use at most 63 letters, digits, '-', '_' and "
     "'.', with a letter or digit at both ends"},
    {"/priorityClassName", R"("High")",
     "spec.priorityClassName: \"High\" is not valid: use lower-case letters, digits, '-' and '.', "
     "with a letter or digit at both ends of each part"},
    {"/schedulerName", R"("My Scheduler")",
     "spec.schedulerName: \"My Scheduler\" is not valid: use lower-case letters, digits, '-' and "
     "'.', with a letter or digit at both ends of each part"},
    {"/dnsPolicy", R"("ClusterFirstWithHostNet")",
     "spec.dnsPolicy: \"ClusterFirstWithHostNet\" is not valid: use Default, ClusterFirst or None; "
     "ClusterFirstWithHostNet is for Pods on the node's network, which an instance never is: for "
     "it ClusterFirst does the same"},
    {"/dnsConfig", R"(["192.0.2.53"])", "spec.dnsConfig: a list is not valid: write an object"},
    {"/hostAliases", R"({"ip": "192.0.2.7"})",
     "spec.hostAliases: an object is not valid: write a list of objects"},
    {"/setHostnameAsFQDN", R"("yes")",
     "spec.setHostnameAsFQDN: \"yes\" is not valid: write true or false, without quotes"},
    {"/terminationGracePeriodSeconds", "0",
     "spec.terminationGracePeriodSeconds: 0 is not valid: use a number from 1 to 86400"},
    {"/podMetadata/labels", R"({"team": "a b"})",
     "spec.podMetadata.labels.team: \"a b\" is not valid: use at most 63 letters, digits, '-', '_' "
     "and '.', with a letter or digit at both ends"},
    {"/ports/0/name", R"("HTTP")",
     "spec.ports[0].name: \"HTTP\" is not valid: use lower-case letters, digits and single '-', "
     "starting with a letter, as in https-alt"},
    {"/ports/0/name", R"("a-name-of-16-chr")",
     "spec.ports[0].name: \"a-name-of-16-chr\" is not valid: use at most 15 characters"},
    {"/ports/0/port", "99999",
     "spec.ports[0].port: 99999 is not valid: use a number from 1 to 65535"},
    {"/ports/0/port", "null", "spec.ports[0].port: 0 is not valid: use a number from 1 to 65535"},
    {"/ports/0/targetPort", "0",
     "spec.ports[0].targetPort: 0 is not valid: use a number from 1 to 65535"},
    {"/ports/0/protocol", R"("HTTP")",
     "spec.ports[0].protocol: \"HTTP\" is not valid: use TCP, UDP or SCTP"},
    {"/service/type", R"("ExternalName")",
     "spec.service.type: \"ExternalName\" is not valid: use ClusterIP, NodePort or LoadBalancer"},
    {"/ports/0/nodePort", "0",
     "spec.ports[0].nodePort: 0 is not valid: use a number from 1 to 65535"},
    {"/ports/0/appProtocol", R"("my http")",
     "spec.ports[0].appProtocol: \"my http\" is not valid: write it as a label's key: "
     "[example.com/]name, the name at most 63 long"},
    {"/service/externalTrafficPolicy", R"("Node")",
     "spec.service.externalTrafficPolicy: \"Node\" is not valid: use Cluster or Local"},
    {"/service/internalTrafficPolicy", R"("Node")",
     "spec.service.internalTrafficPolicy: \"Node\" is not valid: use Cluster or Local"},
    {"/service/loadBalancerClass", R"("/internal")",
     "spec.service.loadBalancerClass: \"/internal\" is not valid: write it as a label's key: "
     "[example.com/]name, the name at most 63 long"},
    {"/service/loadBalancerSourceRanges/0", R"("192.0.2.1")",
     "spec.service.loadBalancerSourceRanges[0]: \"192.0.2.1\" is not valid: write a range of "
     "addresses, as in 192.0.2.0/24"},
    {"/service/ipFamilyPolicy", R"("DualStack")",
     "spec.service.ipFamilyPolicy: \"DualStack\" is not valid: use SingleStack, PreferDualStack or "
     "RequireDualStack"},
    {"/service/ipFamilies/0", R"("v4")",
     "spec.service.ipFamilies[0]: \"v4\" is not valid: use IPv4 or IPv6"},
    {"/service/sessionAffinity", R"("Cookie")",
     "spec.service.sessionAffinity: \"Cookie\" is not valid: use None or ClientIP"},
    {"/service/annotations", R"({"a b": ""})",
     "spec.service.annotations.a b: \"a b\" is not valid: write it as a label's key: "
     "[example.com/]name, the name at most 63 long"},
    {"/route/host", R"("https://ipa.example.com")",
     "spec.route.host: \"https://ipa.example.com\" is not valid: use lower-case letters, digits, "
     "'-' and '.', with a letter or digit at both ends of each part"},
    {"/route/path", R"("ipa")",
     "spec.route.path: \"ipa\" is not valid: start it with '/' and leave out white space, '?' and "
     "'#'"},
    {"/route/tls", R"({"termination": "none"})",
     "spec.route.tls.termination: \"none\" is not valid: use edge, passthrough or reencrypt"},
    {"/route/tls", "{}",
     "spec.route.tls.termination is missing: use edge, passthrough or reencrypt"},
    {"/route/tls/insecureEdgeTerminationPolicy", R"("Deny")",
     "spec.route.tls.insecureEdgeTerminationPolicy: \"Deny\" is not valid: use None, Allow or "
     "Redirect"},
    {"/readiness/units/0", R"("nginx.svc")",
     "spec.readiness.units[0]: \"nginx.svc\" is not valid: name a systemd unit with its type, as "
     "in "
     "nginx.service"},
    {"/readiness/startupTimeoutSeconds", "90000",
     "spec.readiness.startupTimeoutSeconds: 90000 is not valid: use a number from 10 to 86400"},
    {"/readiness/periodSeconds", "0",
     "spec.readiness.periodSeconds: 0 is not valid: use a number from 1 to 3600"},
    {"/readiness/selfHealing/action", R"("Reboot")",
     "spec.readiness.selfHealing.action: \"Reboot\" is not valid: use None or Restart"},
    {"/readiness/selfHealing/afterSeconds", "1",
     "spec.readiness.selfHealing.afterSeconds: 1 is not valid: use a number from 10 to 86400"},
    {"/readiness/selfHealing/maxRestarts", "0",
     "spec.readiness.selfHealing.maxRestarts: 0 is not valid: use a number from 1 to 1000"},
    {"/storage/claims/0/name", R"("My_Data")",
     "spec.storage.claims[0].name: \"My_Data\" is not valid: use lower-case letters, digits and "
     "'-', with a letter or digit at both ends"},
    {"/storage/claims/0/mountPath", R"("var/lib")",
     "spec.storage.claims[0].mountPath: \"var/lib\" is not valid: write an absolute path below / "
     "without ':', as in /var/lib/ipa"},
    {"/storage/claims/0/mountPath", R"("/")",
     "spec.storage.claims[0].mountPath: \"/\" is not valid: write an absolute path below / without "
     "':', as in /var/lib/ipa"},
    {"/storage/claims/0/size", R"("10 GB")",
     "spec.storage.claims[0].size: \"10 GB\" is not valid: write a whole number with a unit, as in "
     "10Gi or 500M"},
    {"/storage/claims/0/size", "10",
     "spec.storage.claims[0].size: 10 is not valid: write text (in YAML, in quotes)"},
    {"/storage/claims/0/accessModes/0", R"("RWO")",
     "spec.storage.claims[0].accessModes[0]: \"RWO\" is not valid: use ReadWriteOnce, "
     "ReadWriteOncePod, ReadWriteMany or ReadOnlyMany"},
    {"/storage/claims/0/subPath", R"("../../etc")",
     "spec.storage.claims[0].subPath: \"../../etc\" is not valid: write a relative path of "
     "letters, "
     "digits, '-', '_' and '.', no part of which starts with '.'"},
    {"/storage/retention/whenDeleted", R"("Keep")",
     "spec.storage.retention.whenDeleted: \"Keep\" is not valid: use Retain or Delete"},
    {"/storage/retention/whenScaled", R"("delete")",
     "spec.storage.retention.whenScaled: \"delete\" is not valid: use Retain or Delete"},
    {"/platform/userNamespace", R"("Host")",
     "spec.platform.userNamespace: \"Host\" is not valid: use Auto, HostUsers or Annotation"},
    {"/platform/cgroups/machineConfig", R"("Never")",
     "spec.platform.cgroups.machineConfig: \"Never\" is not valid: use Auto or Unmanaged"},
    {"/platform/cgroups/pool", R"("my.pool")",
     "spec.platform.cgroups.pool: \"my.pool\" is not valid: use lower-case letters, digits and "
     "'-', "
     "with a letter or digit at both ends"},
    {"/platform/capabilities/add/0", R"("net_admin")",
     "spec.platform.capabilities.add[0]: \"net_admin\" is not valid: name a capability in upper "
     "case, as in NET_ADMIN"},
    {"/updateStrategy/type", R"("Recreate")",
     "spec.updateStrategy.type: \"Recreate\" is not valid: use RollingUpdate or OnDelete"},
    {"/updateStrategy/maxUnavailable", "0",
     "spec.updateStrategy.maxUnavailable: 0 is not valid: use a number from 1 to 1000"},
    {"/updateStrategy/partition", "-1",
     "spec.updateStrategy.partition: -1 is not valid: use a number from 0 to 1000"},
    {"/revisionHistoryLimit", "101",
     "spec.revisionHistoryLimit: 101 is not valid: use a number from 0 to 100"},
};

TEST(Validate, EachBadValueIsToldWithPathValueAndRemedy) {
  const Json full = api_test::full_spec();
  for (const Case& c : kCases) {
    Json spec = full;
    spec[Json::json_pointer(c.pointer)] = Json::parse(c.value);
    // Neighbours that the change would break a rule with are not the point here.
    if (std::string_view(c.pointer).starts_with("/ports")) spec.erase("route");
    EXPECT_EQ(messages(workload_of(spec)), c.message) << c.pointer << " = " << c.value;
  }
}

TEST(Validate, AllFaultsAreToldNotOnlyTheFirst) {
  const Json spec = Json::parse(R"({"replicas": -1, "ports": [{"name": "A", "port": 0}]})");
  EXPECT_EQ(
      messages(workload_of(spec)),
      "spec.image is missing: write an image reference without white space, as in "
      "quay.io/example/app:1.0\n"
      "spec.replicas: -1 is not valid: use a number from 0 to 1000\n"
      "spec.ports[0].name: \"A\" is not valid: use lower-case letters, digits and single '-', "
      "starting with a letter, as in https-alt\n"
      "spec.ports[0].port: 0 is not valid: use a number from 1 to 65535");
}

TEST(Validate, LengthsAreCountedInCharactersNotBytes) {
  std::string text;
  for (int i = 0; i < 4096; ++i) text += "ä";
  const Json spec = {{"image", "a"}, {"init", {{"args", {text}}}}};
  EXPECT_EQ(messages(workload_of(spec)), "");
  EXPECT_EQ(length(text), 4096U);
  const Json longer = {{"image", "a"}, {"init", {{"args", {text + "ä"}}}}};
  EXPECT_THAT(messages(workload_of(longer)), testing::EndsWith("use at most 4096 characters"));
}

TEST(Validate, TooManyItemsAreCounted) {
  Json ports = Json::array();
  for (int i = 1; i <= 33; ++i) ports.push_back({{"name", "p" + std::to_string(i)}, {"port", i}});
  EXPECT_EQ(messages(workload_of({{"image", "a"}, {"ports", ports}})),
            "spec.ports: 33 items is not valid: list at most 32");
}

TEST(Validate, ANameOf53IsTakenAndOneOf54IsNot) {
  Json object = workload_of({{"image", "a"}});
  object["metadata"]["name"] = std::string(53, 'a');
  EXPECT_EQ(messages(object), "");
  object["metadata"]["name"] = std::string(54, 'a');
  EXPECT_THAT(messages(object), testing::StartsWith("metadata.name: "));
  object["metadata"].erase("name");
  EXPECT_THAT(messages(object), testing::StartsWith("metadata.name is missing: "));
}

// Every text field, filled with what tends to break parsers, must end in a message and nothing
// else.
TEST(Validate, HostileTextIsRefusedOrTakenAndNeverHarms) {
  const std::string hostile[] = {std::string(100'000, 'a'),
                                 std::string("a\0b", 3),
                                 "\xff\xfe",
                                 "../../../etc/passwd",
                                 "a\r\nX-Header: b",
                                 "${HOME}",
                                 "👋",
                                 std::string(100'000, '.'),
                                 std::string(100'000, '/')};
  const Json full = api_test::full_spec();
  const Json flat = full.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    if (!value.is_string()) continue;
    for (const std::string& text : hostile) {
      Json spec = full;
      spec[Json::json_pointer(pointer)] = text;
      EXPECT_LT(messages(workload_of(spec)).size(), 2000U) << pointer;
    }
  }
}

}  // namespace
}  // namespace swo::api
