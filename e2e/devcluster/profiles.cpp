#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>

#include "devcluster/data.hpp"
#include "devcluster/profile.hpp"

namespace devcluster {
namespace {

using nlohmann::json;

Profile profile_of(const json& entry) {
  check_keys(entry, {{"name", "kubernetes", "runtime", "kernel"}, {"openshift"}});
  Profile p;
  p.name = entry.at("name");
  p.openshift = entry.value("openshift", "");
  p.kubernetes = entry.at("kubernetes");
  p.runtime = entry.at("runtime");
  p.kernel = entry.at("kernel");
  if (!p.is_openshift()) {
    p.os_image = "Debian GNU/Linux 13 (trixie)";
    p.selinux = false;
    p.restricted_v2 = p.user_namespace_level = p.cgroup_mode = false;
    return p;
  }
  p.os_image = "Red Hat Enterprise Linux CoreOS " + p.openshift;
  // What the generations before 4.20 have in common.
  const int minor = p.minor();
  p.host_users = minor >= 33;
  p.runtime_handlers = minor >= 31;
  p.ping_group_range_fits = minor >= 31;
  p.oci_runtime = minor >= 31 ? "crun" : "runc";
  p.cgroups = minor >= 27 ? 2 : 1;
  p.restricted_v2 = minor >= 24;
  p.user_namespace_level = minor >= 31;
  p.cgroup_mode = minor >= 26;
  p.cgroup_v1_arguments = minor == 26;
  return p;
}

const std::vector<Profile>& profiles() {
  static const std::vector<Profile> all = [] {
    std::vector<Profile> out;
    each_entry("profiles.yaml",
               [&](const std::string&, const json& entry) { out.push_back(profile_of(entry)); });
    return out;
  }();
  return all;
}

}  // namespace

int Profile::minor() const { return minor_of(kubernetes); }

int minor_of(const std::string& kubernetes) {
  int value = 0;
  std::sscanf(kubernetes.c_str(), "v1.%d", &value);
  return value;
}

const Profile* find_profile(std::string_view name) {
  const auto& all = profiles();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Profile& p) { return p.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> profile_names() {
  std::vector<std::string> names;
  for (const auto& p : profiles()) names.push_back(p.name);
  return names;
}

std::vector<std::string> extra_types(const Profile& profile) {
  if (!profile.is_openshift()) return {"types-gateway.yaml"};
  if (!profile.machine_configs) return {"types-openshift.yaml"};
  return {"types-openshift.yaml", "types-machineconfiguration.yaml"};
}

std::vector<json> default_sccs(const Profile& profile) {
  if (!profile.is_openshift()) return {};
  const std::map<std::string, bool> clusters = {
      {"", true},
      {"before restricted_v2", !profile.restricted_v2},
      {"restricted_v2", profile.restricted_v2},
      {"restricted_v3", profile.user_namespace_level && profile.host_users}};
  std::vector<json> all;
  json usual;
  each_entry("sccs.yaml", [&](const std::string&, const json& entry) {
    check_keys(entry, {{"name", "fields"}, {"only"}});
    if (entry["name"] == "default") usual = entry["fields"];
    if (entry["name"] == "default" || !meaning(clusters, entry.value("only", ""))) return;
    json scc = usual;
    scc.update(entry["fields"]);
    scc.update({{"apiVersion", "security.openshift.io/v1"},
                {"kind", "SecurityContextConstraints"},
                {"metadata", {{"name", entry["name"]}}}});
    all.push_back(std::move(scc));
  });
  return all;
}

bool kernel_maps_tmpfs(std::string_view kernel) {
  int major = 0;
  int minor = 0;
  const char* const end = kernel.data() + kernel.size();
  const auto [after, error] = std::from_chars(kernel.data(), end, major);
  if (error == std::errc() && after != end) std::from_chars(after + 1, end, minor);
  const bool carried_back = kernel.find(".el9") != std::string_view::npos;
  return carried_back || major > 6 || (major == 6 && minor >= 3);
}

}  // namespace devcluster
