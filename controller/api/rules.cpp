#include "api/rules.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "api/fault.hpp"
#include "api/formats.hpp"
#include "api/names.hpp"
#include "api/rules_common.hpp"

namespace swo::api {
namespace {

// A member that is a list; an empty one where it is not.
const Json& list_in(const Json& object, const char* key) {
  static const Json kEmpty = Json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : kEmpty;
}

bool names_one_of(const Json& list, std::string_view name) {
  return std::any_of(list.begin(), list.end(),
                     [&](const Json& item) { return text_of(item, "name") == name; });
}

// --- the object ---

// "<name>-instances", the longest of the names made from it, is a Service's: a DNS label of 63.
constexpr std::size_t kMaxWorkloadName = 53;

Found name(const Workload& w) {
  if (kServiceName.matches(w.name) && w.name.size() <= kMaxWorkloadName) return std::nullopt;
  return Breach{"metadata.name", w.name.empty() ? "" : excerpt(w.name)};
}

// --- init, environment, names, metadata of Pods ---

Found arguments_need_command(const Workload& w) {
  const InitSpec& init = w.spec.init;
  if (!init.command.empty()) return std::nullopt;
  const bool arguments = !init.args.empty() || !init.target.empty() || !init.log_level.empty() ||
                         !init.log_target.empty() || init.journal_to_console ||
                         !init.mask_units.empty();
  return arguments ? Found(Breach{"spec.init.command", "an empty list"}) : std::nullopt;
}

Found drop_in_key(const Workload& w) {
  return first(w.spec.init.unit_files, "spec.init.unitFiles",
               [](const UnitFile& file, std::size_t) -> std::optional<std::string> {
                 if (!file.drop_in || file.key.ends_with(".conf")) return std::nullopt;
                 return file.key.empty() ? "a drop-in without key" : excerpt(file.key);
               });
}

Found one_env_source(const Workload& w) {
  return first(w.spec.env, "spec.env",
               [](const Json& item, std::size_t) -> std::optional<std::string> {
                 if (text_of(item, "value").empty() || !item.contains("valueFrom"))
                   return std::nullopt;
                 return "both";
               });
}

// How many of `fields` an object has.
template <std::size_t N>
std::size_t count_of(const Json& object, const std::array<const char*, N>& fields) {
  return static_cast<std::size_t>(std::count_if(
      fields.begin(), fields.end(),
      [&](const char* field) { return object.contains(field) && !object[field].is_null(); }));
}

// "none", or those of `fields` that an object has, where it has not exactly one.
template <std::size_t N>
std::optional<std::string> not_just_one(const Json& object,
                                        const std::array<const char*, N>& fields) {
  if (count_of(object, fields) == 1) return std::nullopt;
  std::string found;
  for (const char* field : fields) {
    if (count_of(object, std::array{field}) == 0) continue;
    found += (found.empty() ? "" : ", ") + std::string(field);
  }
  return found.empty() ? "none" : found;
}

Found one_variable_source(const Workload& w) {
  return first(
      w.spec.env, "spec.env", [](const Json& item, std::size_t) -> std::optional<std::string> {
        if (!item.contains("valueFrom") || item["valueFrom"].is_null()) return std::nullopt;
        return not_just_one(item["valueFrom"], std::array{"configMapKeyRef", "fieldRef",
                                                          "resourceFieldRef", "secretKeyRef"});
      });
}

Found one_variables_source(const Workload& w) {
  return first(w.spec.env_from, "spec.envFrom", [](const Json& item, std::size_t) {
    return not_just_one(item, std::array{"configMapRef", "secretRef"});
  });
}

Found own_nameservers_are_listed(const Workload& w) {
  const Json& servers = list_in(w.spec.dns_config, "nameservers");
  if (w.spec.dns_policy != "None" || !servers.empty()) return std::nullopt;
  return Breach{"spec.dnsConfig.nameservers", ""};
}

constexpr std::array<std::string_view, 3> kOwnLabels = {kLabelName, kLabelInstance,
                                                        kLabelManagedBy};
constexpr std::array<std::string_view, 1> kOwnLabelPrefixes = {"workloads.systemd-operator.dev/"};
// What decides how a Pod is confined: the operator derives it from `platform`, and with these a
// tenant could ask the runtime or the admission for more.
constexpr std::array<std::string_view, 2> kOwnAnnotations = {"openshift.io/required-scc",
                                                             "openshift.io/scc"};
constexpr std::array<std::string_view, 3> kOwnAnnotationPrefixes = {
    "workloads.systemd-operator.dev/", "io.kubernetes.cri-o.", "io.openshift."};
// CRI-O's since 1.35: of the Pod, or of one container of it (cri-o pkg/annotations/v2).
constexpr std::array<std::string_view, 4> kOwnAnnotationSuffixes = {
    ".crio.io", ".crio.io/systemd", ".crio.io/seed-storage", ".crio.io/POD"};

Found reserved_key(const Json& map, std::string_view path, std::span<const std::string_view> own,
                   std::span<const std::string_view> prefixes,
                   std::span<const std::string_view> suffixes = {}) {
  for (const auto& [key, value] : map.items()) {
    const std::string_view name = key;
    if (any(own, [&](std::string_view other) { return other == name; }) ||
        any(prefixes, [&](std::string_view prefix) { return name.starts_with(prefix); }) ||
        any(suffixes, [&](std::string_view suffix) { return name.ends_with(suffix); })) {
      return Breach{std::string(path), excerpt(key)};
    }
  }
  return std::nullopt;
}

Found reserved_labels(const Workload& w) {
  return reserved_key(w.spec.pod_labels, "spec.podMetadata.labels", kOwnLabels, kOwnLabelPrefixes);
}

Found reserved_annotations(const Workload& w) {
  return reserved_key(w.spec.pod_annotations, "spec.podMetadata.annotations", kOwnAnnotations,
                      kOwnAnnotationPrefixes, kOwnAnnotationSuffixes);
}

// --- volumes and storage ---

constexpr std::array<std::string_view, 9> kVolumeSources = {
    "configMap", "csi",   "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim",
    "projected", "secret"};

Found one_volume_source(const Workload& w) {
  return first(w.spec.volumes, "spec.volumes",
               [](const Json& volume, std::size_t) -> std::optional<std::string> {
                 std::string keys;
                 std::size_t sources = 0;
                 bool known = true;
                 for (const auto& [key, value] : volume.items()) {
                   if (key == "name" || value.is_null()) continue;
                   ++sources;
                   known = known && std::find(kVolumeSources.begin(), kVolumeSources.end(), key) !=
                                        kVolumeSources.end();
                   keys += (keys.empty() ? "" : ", ") + key;
                 }
                 if (sources == 1 && known) return std::nullopt;
                 return sources == 0 ? "no source" : keys;
               });
}

std::optional<std::string> bad_file(const Json& downward) {
  for (const Json& file : list_in(downward, "items")) {
    if (auto bad = not_just_one(file, std::array{"fieldRef", "resourceFieldRef"})) return bad;
  }
  return std::nullopt;
}

Found one_projected_source(const Workload& w) {
  return first(w.spec.volumes, "spec.volumes",
               [](const Json& volume, std::size_t) -> std::optional<std::string> {
                 if (!volume.contains("projected")) return std::nullopt;
                 for (const Json& source : list_in(volume["projected"], "sources")) {
                   if (auto bad = not_just_one(
                           source, std::array{"clusterTrustBundle", "configMap", "downwardAPI",
                                              "secret", "serviceAccountToken"})) {
                     return bad;
                   }
                 }
                 return std::nullopt;
               });
}

Found one_field_of_a_file(const Workload& w) {
  return first(w.spec.volumes, "spec.volumes",
               [](const Json& volume, std::size_t) -> std::optional<std::string> {
                 if (volume.contains("downwardAPI")) {
                   if (auto bad = bad_file(volume["downwardAPI"])) return bad;
                 }
                 if (!volume.contains("projected")) return std::nullopt;
                 for (const Json& source : list_in(volume["projected"], "sources")) {
                   if (!source.contains("downwardAPI")) continue;
                   if (auto bad = bad_file(source["downwardAPI"])) return bad;
                 }
                 return std::nullopt;
               });
}

Found mounts_are_absolute(const Workload& w) {
  return first(w.spec.volume_mounts, "spec.volumeMounts",
               [](const Json& mount, std::size_t) -> std::optional<std::string> {
                 const auto path = text_of(mount, "mountPath");
                 if (kAbsolutePath.matches(path)) return std::nullopt;
                 return excerpt(Json(path));
               });
}

bool is_claim(const Workload& w, std::string_view name) {
  return any(w.spec.storage.claims, [&](const Claim& claim) { return claim.name == name; });
}

Found mounts_name_volumes(const Workload& w) {
  return first(w.spec.volume_mounts, "spec.volumeMounts",
               [&](const Json& mount, std::size_t) -> std::optional<std::string> {
                 const auto volume = text_of(mount, "name");
                 if (names_one_of(w.spec.volumes, volume) || is_claim(w, volume))
                   return std::nullopt;
                 return excerpt(Json(volume));
               });
}

Found claim_is_no_volume(const Workload& w) {
  return first(w.spec.storage.claims, "spec.storage.claims",
               [&](const Claim& claim, std::size_t) -> std::optional<std::string> {
                 if (!names_one_of(w.spec.volumes, claim.name)) return std::nullopt;
                 return claim.name;
               });
}

constexpr std::string_view kOwnVolumes = "systemd-";

Found reserved_volumes(const Workload& w) {
  return first(w.spec.volumes, "spec.volumes",
               [](const Json& volume, std::size_t) -> std::optional<std::string> {
                 const auto name = text_of(volume, "name");
                 return name.starts_with(kOwnVolumes) ? std::optional(excerpt(Json(name)))
                                                      : std::nullopt;
               });
}

Found reserved_claims(const Workload& w) {
  return first(w.spec.storage.claims, "spec.storage.claims",
               [](const Claim& claim, std::size_t) -> std::optional<std::string> {
                 return claim.name.starts_with(kOwnVolumes) ? std::optional(excerpt(claim.name))
                                                            : std::nullopt;
               });
}

Found claims_mount_apart(const Workload& w) {
  const auto& claims = w.spec.storage.claims;
  return first(claims, "spec.storage.claims",
               [&](const Claim& claim, std::size_t i) -> std::optional<std::string> {
                 const std::span before(claims.data(), i);
                 const auto same = [&](const Claim& c) { return c.mount_path == claim.mount_path; };
                 return any(before, same) ? std::optional(excerpt(claim.mount_path)) : std::nullopt;
               });
}

Found mounts_apart_from_claims(const Workload& w) {
  return first(w.spec.volume_mounts, "spec.volumeMounts",
               [&](const Json& mount, std::size_t) -> std::optional<std::string> {
                 const auto path = text_of(mount, "mountPath");
                 const auto same = [&](const Claim& claim) { return claim.mount_path == path; };
                 if (!any(w.spec.storage.claims, same)) return std::nullopt;
                 return excerpt(Json(path));
               });
}

Found single_writer_mode_alone(const Workload& w) {
  return first(w.spec.storage.claims, "spec.storage.claims",
               [](const Claim& claim, std::size_t) -> std::optional<std::string> {
                 const auto& modes = claim.access_modes;
                 const auto pod = std::find(modes.begin(), modes.end(), "ReadWriteOncePod");
                 if (pod == modes.end() || modes.size() == 1) return std::nullopt;
                 return "ReadWriteOncePod with others";
               });
}

Found claims_have_modes(const Workload& w) {
  return first(w.spec.storage.claims, "spec.storage.claims",
               [](const Claim& claim, std::size_t) -> std::optional<std::string> {
                 if (!claim.access_modes.empty()) return std::nullopt;
                 return "an empty list of accessModes";
               });
}

// Lists that the schema keys by name (x-kubernetes-list-map-keys).
Found keyed_lists(const Workload& w) {
  const Spec& spec = w.spec;
  const auto name_of = [](const auto& item) { return std::string_view(item.name); };
  const auto json_name = [](const Json& item) { return text_of(item, "name"); };
  const auto mount_path = [](const Json& item) { return text_of(item, "mountPath"); };
  const auto ip = [](const Json& item) { return text_of(item, "ip"); };
  const auto file = [](const UnitFile& f) { return f.name + " " + f.config_map + " " + f.key; };
  const std::array<Found, 9> found = {
      repeated(spec.ports, "spec.ports", name_of),
      repeated(spec.storage.claims, "spec.storage.claims", name_of),
      repeated(spec.init.credentials, "spec.init.credentials", name_of),
      repeated(spec.init.unit_files, "spec.init.unitFiles", file),
      repeated(spec.env, "spec.env", json_name),
      repeated(spec.volumes, "spec.volumes", json_name),
      repeated(spec.image_pull_secrets, "spec.imagePullSecrets", json_name),
      repeated(spec.host_aliases, "spec.hostAliases", ip),
      repeated(spec.volume_mounts, "spec.volumeMounts", mount_path)};
  const auto first_found =
      std::find_if(found.begin(), found.end(), [](const Found& f) { return f.has_value(); });
  return first_found == found.end() ? std::nullopt : *first_found;
}

// --- placement and resources ---

Found exists_has_no_value(const Workload& w) {
  return first(w.spec.tolerations, "spec.tolerations",
               [](const Json& toleration, std::size_t) -> std::optional<std::string> {
                 const auto value = text_of(toleration, "value");
                 if (text_of(toleration, "operator") != "Exists" || value.empty())
                   return std::nullopt;
                 return excerpt(Json(value));
               });
}

Found toleration_has_a_key(const Workload& w) {
  return first(w.spec.tolerations, "spec.tolerations",
               [](const Json& toleration, std::size_t) -> std::optional<std::string> {
                 const bool right = !text_of(toleration, "key").empty() ||
                                    text_of(toleration, "operator") == "Exists";
                 return right ? std::nullopt : std::optional<std::string>("no key");
               });
}

Found seconds_are_of_no_execute(const Workload& w) {
  return first(w.spec.tolerations, "spec.tolerations",
               [](const Json& toleration, std::size_t) -> std::optional<std::string> {
                 const bool right = count_of(toleration, std::array{"tolerationSeconds"}) == 0 ||
                                    text_of(toleration, "effect") == "NoExecute";
                 return right ? std::nullopt : std::optional<std::string>("another effect");
               });
}

Found node_affinity_has_terms(const Workload& w) {
  constexpr const char* kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
  const Json& affinity = w.spec.affinity;
  const auto nodes = affinity.find("nodeAffinity");
  if (nodes == affinity.end() || !nodes->is_object()) return std::nullopt;
  const auto required = nodes->find(kRequired);
  if (required == nodes->end() || !required->is_object()) return std::nullopt;
  if (!list_in(*required, "nodeSelectorTerms").empty()) return std::nullopt;
  return Breach{"spec.affinity.nodeAffinity." + std::string(kRequired) + ".nodeSelectorTerms",
                "an empty list"};
}

// --- readiness and platform ---

Found healing_has_something_to_heal(const Workload& w) {
  const ReadinessSpec& readiness = w.spec.readiness;
  const bool contradiction = readiness.self_healing.action == "Restart" &&
                             readiness.accept_degraded && readiness.units.empty();
  return contradiction ? Found(Breach{"spec.readiness.selfHealing.action", "Restart"})
                       : std::nullopt;
}

Found startup_outlasts_a_probe(const Workload& w) {
  const ReadinessSpec& readiness = w.spec.readiness;
  if (readiness.period_seconds <= readiness.startup_timeout_seconds) return std::nullopt;
  return Breach{"spec.readiness.periodSeconds", std::to_string(readiness.period_seconds)};
}

Found capability_prefix(const Workload& w) {
  const auto prefixed = [](const std::string& name, std::size_t) -> std::optional<std::string> {
    return name.starts_with("CAP_") ? std::optional(excerpt(name)) : std::nullopt;
  };
  const auto& platform = w.spec.platform;
  if (auto found = first(platform.add_capabilities, "spec.platform.capabilities.add", prefixed)) {
    return found;
  }
  return first(platform.drop_capabilities, "spec.platform.capabilities.drop", prefixed);
}

Found all_capabilities(const Workload& w) {
  return first(w.spec.platform.add_capabilities, "spec.platform.capabilities.add",
               [](const std::string& name, std::size_t) -> std::optional<std::string> {
                 return name == "ALL" ? std::optional(name) : std::nullopt;
               });
}

Found added_and_dropped(const Workload& w) {
  const auto& drop = w.spec.platform.drop_capabilities;
  return first(w.spec.platform.add_capabilities, "spec.platform.capabilities.add",
               [&](const std::string& name, std::size_t) -> std::optional<std::string> {
                 const bool both = std::find(drop.begin(), drop.end(), name) != drop.end();
                 return both ? std::optional(excerpt(name)) : std::nullopt;
               });
}

constexpr CrossFieldRule kRules[] = {
    {"use a name of at most 53 lower-case letters, digits and '-' that starts with a letter "
     "and does not end with '-': host names and Services are made from it",
     name},
    {"set command, or leave args, target, logLevel, logTarget, journalToConsole and maskUnits "
     "out: they are arguments of the command",
     arguments_need_command},
    {"give a drop-in a key that ends in .conf: systemd reads no other drop-ins", drop_in_key},
    {"set value or valueFrom, not both", one_env_source},
    {"set exactly one of configMapKeyRef, fieldRef, resourceFieldRef and secretKeyRef",
     one_variable_source},
    {"set configMapRef or secretRef, one of the two", one_variables_source},
    {"list dnsConfig.nameservers: with dnsPolicy None there are no others",
     own_nameservers_are_listed},
    {"leave out app.kubernetes.io/name, instance and managed-by and what starts with "
     "workloads.systemd-operator.dev/: the operator sets them",
     reserved_labels},
    {"leave out openshift.io/scc and required-scc, what starts with io.kubernetes.cri-o., "
     "io.openshift. or workloads.systemd-operator.dev/, and CRI-O's own of crio.io: the operator "
     "sets them, see platform",
     reserved_annotations},
    {"give each volume exactly one source: configMap, csi, downwardAPI, emptyDir, ephemeral, "
     "image, persistentVolumeClaim, projected or secret",
     one_volume_source},
    {"give each projected source exactly one of clusterTrustBundle, configMap, downwardAPI, secret "
     "and serviceAccountToken",
     one_projected_source},
    {"set fieldRef or resourceFieldRef, one of the two", one_field_of_a_file},
    {"mount it at an absolute path without ':', below /", mounts_are_absolute},
    {"name one of volumes or of storage.claims", mounts_name_volumes},
    {"rename the claim or the volume: they share the Pod's volume names", claim_is_no_volume},
    {"use a volume name that does not start with systemd-: the operator's own volumes do",
     reserved_volumes},
    {"use a claim name that does not start with systemd-: the operator's own volumes do",
     reserved_claims},
    {"give each claim a mountPath of its own", claims_mount_apart},
    {"mount it elsewhere: a claim of storage has this mountPath", mounts_apart_from_claims},
    {"use ReadWriteOncePod alone: it excludes every other mode", single_writer_mode_alone},
    {"list an access mode, or leave accessModes out for ReadWriteOnce", claims_have_modes},
    {"list each name once", keyed_lists},
    {"leave value out: operator Exists matches every value", exists_has_no_value},
    {"set key, or operator Exists for the taints of every key", toleration_has_a_key},
    {"set effect NoExecute, or leave tolerationSeconds out", seconds_are_of_no_execute},
    {"list a term, or leave it out for any node", node_affinity_has_terms},
    {"name units, or set acceptDegraded to false: as it is, no failed unit counts and nothing "
     "would be healed",
     healing_has_something_to_heal},
    {"make startupTimeoutSeconds at least periodSeconds", startup_outlasts_a_probe},
    {"leave the CAP_ prefix out, as in NET_ADMIN", capability_prefix},
    {"name the capabilities that are needed: ALL would add every one", all_capabilities},
    {"add a capability or drop it, not both", added_and_dropped},
};

}  // namespace

std::span<const CrossFieldRule> cross_field_rules() {
  static const std::vector<CrossFieldRule> kAll = [] {
    std::vector<CrossFieldRule> all(std::begin(kRules), std::end(kRules));
    const auto of_exposure = exposure_rules();
    all.insert(all.end(), of_exposure.begin(), of_exposure.end());
    return all;
  }();
  return kAll;
}

}  // namespace swo::api
