#include "render/pod_systemd.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "api/names.hpp"
#include "render/common.hpp"
#include "render/hash.hpp"
#include "render/render.hpp"

namespace swo::render {
namespace {

// Not below /run: CRI-O puts a tmpfs there after the Pod's volumes are mounted, and hides them.
constexpr std::string_view kCredentialsDirectory = "/etc/systemd-workload/credentials";
constexpr std::string_view kUnitDirectory = "/etc/systemd/system/";

constexpr const char* kCredentialsVolume = "systemd-credentials";
constexpr const char* kUnitsVolume = "systemd-units";

// Credentials are root's alone. Where CRI-O makes the user namespace by annotation, volumes are not
// id-mapped: root inside sees the host's root as nobody, and can read only what everyone may.
constexpr int kRootOnly = 0400;
constexpr int kEveryoneReads = 0444;

// What CRI-O mounts by itself when it detects init, and containerd does not (cri-o
// internal/factory/container; systemd docs/CONTAINER_INTERFACE.md, "Execution Environment").
// /dev/shm, because containerd's is fixed at 64 MiB.
struct RuntimeMount {
  const char* volume;
  const char* path;
};
constexpr std::array<RuntimeMount, 5> kRuntimeMounts = {{{"systemd-run", "/run"},
                                                         {"systemd-run-lock", "/run/lock"},
                                                         {"systemd-tmp", "/tmp"},
                                                         {"systemd-dev-shm", "/dev/shm"},
                                                         {"systemd-journal", "/var/log/journal"}}};

// systemd halts on SIGRTMIN+3 (systemd(1), "Signals"). The runtime sends that only if the image
// says STOPSIGNAL SIGRTMIN+3; to all others it sends SIGTERM, on which systemd re-executes itself
// and lives on until it is killed. lifecycle.stopSignal is no way out: an API server without
// KEP-4960 drops it, and CRI-O turns it into SIGTERM even over a correct STOPSIGNAL. The hook must
// not wait: it is a process of the container that is going down. A second SIGRTMIN+3, from the
// runtime, changes nothing. Shells that do not know the name know the number (34 + 3 with glibc).
constexpr const char* kStop =
    "kill -s RTMIN+3 1 2>/dev/null || kill -37 1 2>/dev/null || systemctl --no-block poweroff";

// The kubelet makes every emptyDir world-writable (kubernetes pkg/volume/emptydir, 0777), and
// whoever may write /run may put a directory of his own in the place of root's. A hook that fails
// would end the container.
constexpr const char* kSetModes = "chmod 0755 /run; chmod 1777 /run/lock /tmp /dev/shm; exit 0";

Json shell_hook(const char* script) { return {{"exec", {{"command", {"/bin/sh", "-c", script}}}}}; }

bool has_item(const Json& items, const char* field, std::string_view value) {
  return std::any_of(items.begin(), items.end(), [&](const Json& item) {
    const auto found = item.is_object() ? item.find(field) : item.end();
    return found != item.end() && *found == value;
  });
}

// Each file by a mount of its own, as a subPath: a real file in place of the symbolic links through
// which the kubelet swaps a volume's contents, and which not every reader of credentials and units
// follows (systemd-creds lists regular files only). The price: a changed Secret is seen by the next
// Pod.
void mount_file(Mounts& result, const char* volume, const std::string& sub_path,
                const std::string& mount_path) {
  result.mounts.push_back(
      {{"name", volume}, {"mountPath", mount_path}, {"subPath", sub_path}, {"readOnly", true}});
}

Json projected(const char* name, Json sources, int mode) {
  return {{"name", name}, {"projected", {{"defaultMode", mode}, {"sources", std::move(sources)}}}};
}

Json projection(const char* kind, const std::string& object, const std::string& key,
                const std::string& path) {
  return {{kind, {{"name", object}, {"items", Json::array({{{"key", key}, {"path", path}}})}}}};
}

void add_credentials(const api::Workload& workload, const platform::Strategy& strategy,
                     Mounts& result) {
  Json sources = Json::array();
  for (const api::Credential& credential : workload.spec.init.credentials) {
    const std::string& key = credential.key.empty() ? credential.name : credential.key;
    sources.push_back(projection("secret", credential.secret, key, credential.name));
    mount_file(result, kCredentialsVolume, credential.name,
               std::string(kCredentialsDirectory) + "/" + credential.name);
  }
  if (!sources.empty()) {
    const bool mapped = strategy.user_namespace == platform::UserNamespaceVia::kHostUsers;
    result.volumes.push_back(
        projected(kCredentialsVolume, std::move(sources), mapped ? kRootOnly : kEveryoneReads));
  }
}

// Where a unit file goes below /etc/systemd/system: NAME, or NAME.d/KEY.conf.
std::string unit_path(const api::UnitFile& unit) {
  if (!unit.drop_in) {
    return unit.name;
  }
  std::string file = unit.key.empty() ? unit.config_map : unit.key;
  if (!file.ends_with(".conf")) {
    file += ".conf";  // systemd.unit(5) reads no other
  }
  return unit.name + ".d/" + file;
}

void add_units(const api::Workload& workload, Mounts& result) {
  Json sources = Json::array();
  for (const api::UnitFile& unit : workload.spec.init.unit_files) {
    const std::string path = unit_path(unit);
    const std::string& key = unit.key.empty() ? unit.name : unit.key;
    sources.push_back(projection("configMap", unit.config_map, key, path));
    mount_file(result, kUnitsVolume, path, std::string(kUnitDirectory) + path);
  }
  if (!sources.empty()) {
    result.volumes.push_back(projected(kUnitsVolume, std::move(sources), kEveryoneReads));
  }
}

// A claim is mounted under its own name; like a StatefulSet's, it takes the place of a volume of
// that name.
void add_claims(const api::Workload& workload, int ordinal, Mounts& result) {
  for (const api::Claim& claim : workload.spec.storage.claims) {
    result.volumes.push_back(
        {{"name", claim.name},
         {"persistentVolumeClaim", {{"claimName", claim_name(claim, workload, ordinal)}}}});
    result.mounts.push_back(claim_mount(claim, claim.mount_path));
  }
}

void add_own(const api::Workload& workload, Mounts& result) {
  for (const Json& volume : workload.spec.volumes) {
    if (!volume.is_object() || !has_item(result.volumes, "name", volume.value("name", ""))) {
      result.volumes.push_back(volume);
    }
  }
  for (const Json& mount : workload.spec.volume_mounts) {
    result.mounts.push_back(mount);
  }
}

void add_runtime_mounts(Mounts& result) {
  for (const RuntimeMount& mount : kRuntimeMounts) {
    if (has_item(result.mounts, "mountPath", mount.path)) {
      continue;  // a claim on /var/log/journal, say
    }
    result.volumes.push_back({{"name", mount.volume}, {"emptyDir", {{"medium", "Memory"}}}});
    result.mounts.push_back({{"name", mount.volume}, {"mountPath", mount.path}});
  }
}

// The machine id of an image without one (empty /etc/machine-id): it is the instance's, and
// outlives its Pods. Without a cluster there is no uid to take it from, and the names must do.
std::string container_uuid(const api::Workload& workload, int ordinal) {
  if (!workload.uid.empty()) {
    return uuid_v5(workload.uid, std::to_string(ordinal));
  }
  return uuid_v5(api::kGroup, workload.ns + "/" + instance_name(workload, ordinal));
}

}  // namespace

Json init_args(const api::Workload& workload) {
  const api::InitSpec& init = workload.spec.init;
  Json args = Json::array();
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) {
      args.push_back(key + value);
    }
  };
  add("systemd.unit=", init.target);
  add("systemd.log_level=", init.log_level);
  add("systemd.log_target=", init.log_target);
  if (init.journal_to_console) {
    args.push_back("systemd.journald.forward_to_console=1");
  }
  for (const std::string& unit : init.mask_units) {
    add("systemd.mask=", unit);
  }
  for (const std::string& arg : init.args) {
    args.push_back(arg);
  }
  return args;
}

Json init_env(const api::Workload& workload, const platform::Strategy& strategy, int ordinal) {
  Json env = Json::array();
  const auto add = [&](const char* name, std::string_view value) {
    if (!has_item(workload.spec.env, "name", name)) {
      env.push_back({{"name", name}, {"value", value}});
    }
  };
  if (strategy.runtime_mounts) {
    add("container",
        "containerd");  // CRI-O sets "crio" itself; any value tells systemd where it is
  }
  add("container_uuid", container_uuid(workload, ordinal));
  if (!workload.spec.init.credentials.empty()) {
    add("CREDENTIALS_DIRECTORY", kCredentialsDirectory);
  }
  for (const Json& variable : workload.spec.env) {
    env.push_back(variable);
  }
  return env;
}

Mounts init_mounts(const api::Workload& workload, const platform::Strategy& strategy, int ordinal) {
  Mounts result;
  add_claims(workload, ordinal, result);
  add_own(workload, result);
  add_credentials(workload, strategy, result);
  add_units(workload, result);
  if (strategy.runtime_mounts) {
    add_runtime_mounts(result);
  }
  return result;
}

Json claim_mount(const api::Claim& claim, const std::string& path) {
  Json mount = {{"name", claim.name}, {"mountPath", path}};
  set_unless_empty(mount, "subPath", claim.sub_path);
  return mount;
}

Json lifecycle(const platform::Strategy& strategy) {
  Json hooks = {{"preStop", shell_hook(kStop)}};
  if (strategy.runtime_mounts) {
    hooks["postStart"] = shell_hook(kSetModes);
  }
  return hooks;
}

}  // namespace swo::render
