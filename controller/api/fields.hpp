// The fields of the resource, once: for each struct its members' JSON names and what the schema
// allows in them. Reading, writing, checking and listing unknown fields all walk these lists
// (walk.hpp), so they cannot differ from one another; tests hold the lists against crds/.
//
// A visitor is called as v("name", &Struct::member, rule) and v.group("name", body) for a JSON
// object that the struct keeps flat.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "api/formats.hpp"
#include "api/workload.hpp"

namespace swo::api {

// What a pass-through JSON field must look like from outside.
enum class Shape { kNone, kObject, kObjects, kStringMap };

// What the schema allows in one field. Zero means "no bound" for lengths and counts.
struct Rule {
  bool required = false;
  std::int64_t min = std::numeric_limits<std::int32_t>::min();
  std::int64_t max = std::numeric_limits<std::int32_t>::max();
  std::size_t max_length = 0;  // in characters, of the text or of each item
  std::size_t max_items = 0;
  bool unique = false;                             // a list that is a set
  std::span<const std::string_view> choices = {};  // of the text or of each item
  std::string_view not_a_choice = {};  // why something that one may look for is none of them
  const Format* format = nullptr;      // of the text, of each item or of each map value
  Shape shape = Shape::kNone;
};

// Bounds. They are generous for people and keep CEL's estimated cost within the API server's
// budget.
inline constexpr std::size_t kMaxName = 253;      // an object's name (RFC 1123 subdomain)
inline constexpr std::size_t kMaxLabel = 63;      // RFC 1123 label
inline constexpr std::size_t kMaxPortName = 15;   // RFC 6335, as container ports have it
inline constexpr std::size_t kMaxUnitName = 255;  // UNIT_NAME_MAX of systemd
inline constexpr std::size_t kMaxPath = 1024;
inline constexpr std::size_t kMaxQualifiedName = 317;  // a subdomain, '/', and a name of 63
inline constexpr std::size_t kMaxCidr = 49;            // an IPv6 address with an IPv4 tail, "/128"
inline constexpr std::size_t kMaxArgument = 4096;
inline constexpr std::size_t kMaxCertificates = 65536;  // PEM of some 30 of them
inline constexpr std::int64_t kMaxReplicas = 1000;      // ordinals of three digits
inline constexpr std::int64_t kDaySeconds = 86400;

namespace choices {
using Text = std::string_view;
inline constexpr std::array<Text, 3> kPullPolicy = {"Always", "IfNotPresent", "Never"};
inline constexpr std::array<Text, 3> kProtocol = {"TCP", "UDP", "SCTP"};
inline constexpr std::array<Text, 3> kServiceType = {"ClusterIP", "NodePort", "LoadBalancer"};
inline constexpr std::array<Text, 2> kTrafficPolicy = {"Cluster", "Local"};
inline constexpr std::array<Text, 3> kIpFamilyPolicy = {"SingleStack", "PreferDualStack",
                                                        "RequireDualStack"};
inline constexpr std::array<Text, 2> kIpFamily = {"IPv4", "IPv6"};
inline constexpr std::array<Text, 2> kSessionAffinity = {"None", "ClientIP"};
inline constexpr std::array<Text, 3> kTermination = {"edge", "passthrough", "reencrypt"};
inline constexpr std::array<Text, 3> kInsecurePolicy = {"None", "Allow", "Redirect"};
inline constexpr std::array<Text, 8> kLogLevel = {"emerg",   "alert",  "crit", "err",
                                                  "warning", "notice", "info", "debug"};
inline constexpr std::array<Text, 7> kLogTarget = {
    "auto", "console", "console-prefixed", "journal", "journal-or-kmsg", "kmsg", "null"};
inline constexpr std::array<Text, 2> kHealing = {"None", "Restart"};
inline constexpr std::array<Text, 4> kAccessMode = {"ReadWriteOnce", "ReadWriteOncePod",
                                                    "ReadWriteMany", "ReadOnlyMany"};
inline constexpr std::array<Text, 2> kRetention = {"Retain", "Delete"};
inline constexpr std::array<Text, 3> kUserNamespace = {"Auto", "HostUsers", "Annotation"};
inline constexpr std::array<Text, 2> kMachineConfig = {"Auto", "Unmanaged"};
inline constexpr std::array<Text, 3> kDnsPolicy = {"Default", "ClusterFirst", "None"};
inline constexpr std::array<Text, 2> kUpdate = {"RollingUpdate", "OnDelete"};
}  // namespace choices

// Rules that many fields share.
inline constexpr Rule kObjectName = {.max_length = kMaxName, .format = &kDnsSubdomain};
inline constexpr Rule kObjectNameRequired = {
    .required = true, .max_length = kMaxName, .format = &kDnsSubdomain};
inline constexpr Rule kKey = {.max_length = kMaxName, .format = &kDataKey};
inline constexpr Rule kAnnotations = {.max_items = 64, .shape = Shape::kStringMap};
inline constexpr Rule kUnits = {
    .max_length = kMaxUnitName, .max_items = 64, .unique = true, .format = &kUnitName};
inline constexpr Rule kCapabilities = {
    .max_length = kMaxLabel, .max_items = 64, .unique = true, .format = &kCapability};

template <class T>
struct Fields;

template <>
struct Fields<Port> {
  template <class V>
  static void each(V& v) {
    v("name", &Port::name, {.required = true, .max_length = kMaxPortName, .format = &kPortName});
    v("port", &Port::port, {.required = true, .min = 1, .max = 65535});
    v("targetPort", &Port::target_port, {.min = 1, .max = 65535});
    v("protocol", &Port::protocol, {.choices = choices::kProtocol});
    v("nodePort", &Port::node_port, {.min = 1, .max = 65535});
    v("appProtocol", &Port::app_protocol,
      {.max_length = kMaxQualifiedName, .format = &kQualifiedName});
  }
};

template <>
struct Fields<ServiceSpec> {
  template <class V>
  static void each(V& v) {
    v("type", &ServiceSpec::type, {.choices = choices::kServiceType});
    v("externalTrafficPolicy", &ServiceSpec::external_traffic_policy,
      {.choices = choices::kTrafficPolicy});
    v("internalTrafficPolicy", &ServiceSpec::internal_traffic_policy,
      {.choices = choices::kTrafficPolicy});
    v("loadBalancerClass", &ServiceSpec::load_balancer_class,
      {.max_length = kMaxQualifiedName, .format = &kQualifiedName});
    v("loadBalancerSourceRanges", &ServiceSpec::load_balancer_source_ranges,
      {.max_length = kMaxCidr, .max_items = 64, .format = &kCidr});
    v("ipFamilyPolicy", &ServiceSpec::ip_family_policy, {.choices = choices::kIpFamilyPolicy});
    v("ipFamilies", &ServiceSpec::ip_families,
      {.max_items = 2, .unique = true, .choices = choices::kIpFamily});
    v("sessionAffinity", &ServiceSpec::session_affinity, {.choices = choices::kSessionAffinity});
    v("annotations", &ServiceSpec::annotations, kAnnotations);
  }
};

template <>
struct Fields<RouteTls> {
  template <class V>
  static void each(V& v) {
    v("termination", &RouteTls::termination, {.required = true, .choices = choices::kTermination});
    v("insecureEdgeTerminationPolicy", &RouteTls::insecure_edge_termination_policy,
      {.choices = choices::kInsecurePolicy});
    v("certificateSecret", &RouteTls::certificate_secret, kObjectName);
    v("destinationCACertificate", &RouteTls::destination_ca_certificate,
      {.max_length = kMaxCertificates, .format = &kCertificates});
  }
};

template <>
struct Fields<RouteSpec> {
  template <class V>
  static void each(V& v) {
    v("host", &RouteSpec::host, kObjectName);
    v("path", &RouteSpec::path, {.max_length = kMaxPath, .format = &kUrlPath});
    v("targetPort", &RouteSpec::target_port, {.max_length = kMaxPortName, .format = &kPortName});
    v("tls", &RouteSpec::tls);
    v("annotations", &RouteSpec::annotations, kAnnotations);
    v("ingressClassName", &RouteSpec::ingress_class_name, kObjectName);
    v("parentRef", &RouteSpec::parent_ref, {.shape = Shape::kObject});
  }
};

template <>
struct Fields<Credential> {
  template <class V>
  static void each(V& v) {
    v("name", &Credential::name,
      {.required = true, .max_length = kMaxUnitName, .format = &kDataKey});
    v("secret", &Credential::secret, kObjectNameRequired);
    v("key", &Credential::key, kKey);
  }
};

template <>
struct Fields<UnitFile> {
  template <class V>
  static void each(V& v) {
    v("name", &UnitFile::name,
      {.required = true, .max_length = kMaxUnitName, .format = &kUnitName});
    v("configMap", &UnitFile::config_map, kObjectNameRequired);
    v("key", &UnitFile::key, kKey);
    v("dropIn", &UnitFile::drop_in);
  }
};

template <>
struct Fields<InitSpec> {
  template <class V>
  static void each(V& v) {
    v("command", &InitSpec::command, {.max_length = kMaxArgument, .max_items = 16});
    v("args", &InitSpec::args, {.max_length = kMaxArgument, .max_items = 64});
    v("target", &InitSpec::target, {.max_length = kMaxUnitName, .format = &kTargetName});
    v("logLevel", &InitSpec::log_level, {.choices = choices::kLogLevel});
    v("logTarget", &InitSpec::log_target, {.choices = choices::kLogTarget});
    v("journalToConsole", &InitSpec::journal_to_console);
    v("maskUnits", &InitSpec::mask_units, kUnits);
    v("credentials", &InitSpec::credentials, {.max_items = 64});
    v("unitFiles", &InitSpec::unit_files, {.max_items = 64});
  }
};

template <>
struct Fields<SelfHealing> {
  template <class V>
  static void each(V& v) {
    v("action", &SelfHealing::action, {.choices = choices::kHealing});
    v("afterSeconds", &SelfHealing::after_seconds, {.min = 10, .max = kDaySeconds});
    v("maxRestarts", &SelfHealing::max_restarts, {.min = 1, .max = 1000});
  }
};

template <>
struct Fields<ReadinessSpec> {
  template <class V>
  static void each(V& v) {
    v("units", &ReadinessSpec::units, kUnits);
    v("acceptDegraded", &ReadinessSpec::accept_degraded);
    v("startupTimeoutSeconds", &ReadinessSpec::startup_timeout_seconds,
      {.min = 10, .max = kDaySeconds});
    v("periodSeconds", &ReadinessSpec::period_seconds, {.min = 1, .max = 3600});
    v("selfHealing", &ReadinessSpec::self_healing);
  }
};

template <>
struct Fields<Claim> {
  template <class V>
  static void each(V& v) {
    v("name", &Claim::name, {.required = true, .max_length = kMaxLabel, .format = &kDnsLabel});
    v("mountPath", &Claim::mount_path,
      {.required = true, .max_length = kMaxPath, .format = &kAbsolutePath});
    v("size", &Claim::size, {.required = true, .max_length = 32, .format = &kSize});
    v("storageClassName", &Claim::storage_class_name, kObjectName);
    v("accessModes", &Claim::access_modes,
      {.max_items = 4, .unique = true, .choices = choices::kAccessMode});
    v("subPath", &Claim::sub_path, {.max_length = kMaxPath, .format = &kRelativePath});
    v("seedFromImage", &Claim::seed_from_image);
  }
};

template <>
struct Fields<StorageSpec> {
  template <class V>
  static void each(V& v) {
    v("claims", &StorageSpec::claims, {.max_items = 16});
    v.group("retention", [](auto& g) {
      g("whenDeleted", &StorageSpec::when_deleted, {.choices = choices::kRetention});
      g("whenScaled", &StorageSpec::when_scaled, {.choices = choices::kRetention});
    });
  }
};

template <>
struct Fields<PlatformSpec> {
  template <class V>
  static void each(V& v) {
    v("userNamespace", &PlatformSpec::user_namespace, {.choices = choices::kUserNamespace});
    v.group("cgroups", [](auto& g) {
      g("machineConfig", &PlatformSpec::machine_config, {.choices = choices::kMachineConfig});
      g("pool", &PlatformSpec::pool, {.max_length = kMaxLabel, .format = &kDnsLabel});
    });
    v.group("capabilities", [](auto& g) {
      g("add", &PlatformSpec::add_capabilities, kCapabilities);
      g("drop", &PlatformSpec::drop_capabilities, kCapabilities);
    });
    v("securityContextConstraints", &PlatformSpec::security_context_constraints, kObjectName);
    v("runtimeClassName", &PlatformSpec::runtime_class_name, kObjectName);
    v("automountServiceAccountToken", &PlatformSpec::automount_service_account_token);
  }
};

template <>
struct Fields<UpdateStrategy> {
  template <class V>
  static void each(V& v) {
    v("type", &UpdateStrategy::type, {.choices = choices::kUpdate});
    v("maxUnavailable", &UpdateStrategy::max_unavailable, {.min = 1, .max = kMaxReplicas});
    v("partition", &UpdateStrategy::partition, {.min = 0, .max = kMaxReplicas});
  }
};

template <>
struct Fields<Spec> {
  template <class V>
  static void each(V& v) {
    v("image", &Spec::image, {.required = true, .max_length = kMaxPath, .format = &kNoWhiteSpace});
    v("imagePullPolicy", &Spec::image_pull_policy, {.choices = choices::kPullPolicy});
    v("imagePullSecrets", &Spec::image_pull_secrets, {.max_items = 16, .shape = Shape::kObjects});
    v("replicas", &Spec::replicas, {.min = 0, .max = kMaxReplicas});
    v("init", &Spec::init);
    v("env", &Spec::env, {.max_items = 256, .shape = Shape::kObjects});
    v("envFrom", &Spec::env_from, {.max_items = 64, .shape = Shape::kObjects});
    v("resources", &Spec::resources, {.shape = Shape::kObject});
    v("volumes", &Spec::volumes, {.max_items = 64, .shape = Shape::kObjects});
    v("volumeMounts", &Spec::volume_mounts, {.max_items = 64, .shape = Shape::kObjects});
    v("nodeSelector", &Spec::node_selector,
      {.max_items = 64, .format = &kLabelValue, .shape = Shape::kStringMap});
    v("tolerations", &Spec::tolerations, {.max_items = 64, .shape = Shape::kObjects});
    v("affinity", &Spec::affinity, {.shape = Shape::kObject});
    v("topologySpreadConstraints", &Spec::topology_spread_constraints,
      {.max_items = 16, .shape = Shape::kObjects});
    v("priorityClassName", &Spec::priority_class_name, kObjectName);
    v("schedulerName", &Spec::scheduler_name, kObjectName);
    v("serviceAccountName", &Spec::service_account_name, kObjectName);
    v("terminationGracePeriodSeconds", &Spec::termination_grace_period_seconds,
      {.min = 1, .max = kDaySeconds});
    v("dnsPolicy", &Spec::dns_policy,
      {.choices = choices::kDnsPolicy,
       .not_a_choice = "ClusterFirstWithHostNet is for Pods on the node's network, which an "
                       "instance never is: for it ClusterFirst does the same"});
    v("dnsConfig", &Spec::dns_config, {.shape = Shape::kObject});
    v("hostAliases", &Spec::host_aliases, {.max_items = 64, .shape = Shape::kObjects});
    v("setHostnameAsFQDN", &Spec::set_hostname_as_fqdn);
    v.group("podMetadata", [](auto& g) {
      g("labels", &Spec::pod_labels,
        {.max_items = 64, .format = &kLabelValue, .shape = Shape::kStringMap});
      g("annotations", &Spec::pod_annotations, kAnnotations);
    });
    v("ports", &Spec::ports, {.max_items = 32});
    v("service", &Spec::service);
    v("route", &Spec::route);
    v("readiness", &Spec::readiness);
    v("storage", &Spec::storage);
    v("platform", &Spec::platform);
    v("updateStrategy", &Spec::update_strategy);
    v("revisionHistoryLimit", &Spec::revision_history_limit, {.min = 0, .max = 100});
    v("paused", &Spec::paused);
    v("hibernate", &Spec::hibernate);
  }
};

// The status: `required` marks what is written even at its default, because people and tools read
// it.

template <>
struct Fields<Condition> {
  template <class V>
  static void each(V& v) {
    v("type", &Condition::type, {.required = true});
    v("status", &Condition::status, {.required = true});
    v("reason", &Condition::reason, {.required = true});
    v("message", &Condition::message, {.required = true});
    v("observedGeneration", &Condition::observed_generation);
    v("lastTransitionTime", &Condition::last_transition_time);
  }
};

template <>
struct Fields<InstanceStatus> {
  template <class V>
  static void each(V& v) {
    v("name", &InstanceStatus::name, {.required = true});
    v("node", &InstanceStatus::node);
    v("phase", &InstanceStatus::phase);
    v("ready", &InstanceStatus::ready, {.required = true});
    v("systemdState", &InstanceStatus::systemd_state);
    v("failedUnits", &InstanceStatus::failed_units);
    v("restarts", &InstanceStatus::restarts);
    v("revision", &InstanceStatus::revision);
    v("diagnosis", &InstanceStatus::diagnosis);
    v("lastExit", &InstanceStatus::last_exit);
  }
};

template <>
struct Fields<HealingStatus> {
  template <class V>
  static void each(V& v) {
    v("name", &HealingStatus::name, {.required = true});
    v("failedSince", &HealingStatus::failed_since);
    v("restarts", &HealingStatus::restarts);
    v("replacing", &HealingStatus::replacing);
  }
};

template <>
struct Fields<PlatformStatus> {
  template <class V>
  static void each(V& v) {
    v("generation", &PlatformStatus::generation);
    v("cgroups", &PlatformStatus::cgroups);
    v("userNamespaces", &PlatformStatus::user_namespaces);
  }
};

template <>
struct Fields<Status> {
  template <class V>
  static void each(V& v) {
    v("observedGeneration", &Status::observed_generation);
    v("replicas", &Status::replicas, {.required = true});
    v("readyReplicas", &Status::ready_replicas, {.required = true});
    v("updatedReplicas", &Status::updated_replicas, {.required = true});
    v("ready", &Status::ready);
    v("phase", &Status::phase);
    v("systemd", &Status::systemd);
    v("url", &Status::url);
    v("addresses", &Status::addresses);
    v("selector", &Status::selector);
    v("currentRevision", &Status::current_revision);
    v("updateRevision", &Status::update_revision);
    v("platform", &Status::platform);
    v("instances", &Status::instances);
    v("selfHealing", &Status::self_healing);
    v("conditions", &Status::conditions);
  }
};

template <class T>
concept HasFields = requires {
  sizeof(Fields<T>);
};

}  // namespace swo::api
