#include "node/volumes.hpp"

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>

#include <sys/stat.h>
#include <unistd.h>

#include "node/pod_error.hpp"

namespace node {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFailedMount = "FailedMount";
constexpr int kDefaultFileMode = 0644;
constexpr mode_t kVolumeMode =
    0777;  // emptyDir's, which the others are made in (pkg/volume/emptydir)
constexpr mode_t kSubPathMode = 0755;
constexpr const char* kDataDir = "..data";
constexpr const char* kTimestampedDir =
    "..2021_03_30_00_00_00.000000001";  // any name does: never rewritten

struct File {
  std::string content;
  int mode = kDefaultFileMode;
};
using Files = std::map<std::string, File>;  // by relative path

// A path that stays inside: relative, without "..".
void check_relative(const std::string& field, const std::string& path) {
  const fs::path p(path);
  bool bad = path.empty() || p.is_absolute();
  for (const fs::path& part : p) bad = bad || part == "..";
  if (bad)
    throw PodError(kFailedMount, field + ": \"" + path + "\" must be relative and without \"..\"");
}

void add_items(Files& files, const std::string& what, const std::string& volume, const Json& source,
               const std::map<std::string, std::string>& data, int mode) {
  if (!source.contains("items")) {
    for (const auto& [key, content] : data) files[key] = {content, mode};
    return;
  }
  for (const Json& item : source["items"]) {
    const std::string key = item.value("key", "");
    const auto content = data.find(key);
    if (content == data.end()) {
      if (source.value("optional", false)) continue;
      throw PodError(kFailedMount, "MountVolume.SetUp failed for volume \"" + volume + "\" : " +
                                       what + " references non-existent config key: " + key);
    }
    const std::string path = item.value("path", "");
    check_relative("items.path", path);
    files[path] = {content->second, item.value("mode", mode)};
  }
}

void add_object(Files& files, const std::string& kind, const std::string& name,
                const std::string& volume, const Json& source, const Contents& contents, int mode) {
  const auto object = contents.find(kind + "/" + name);
  if (object != contents.end()) {
    add_items(files, kind, volume, source, object->second, mode);
  } else if (!source.value("optional", false)) {
    throw PodError(kFailedMount, "MountVolume.SetUp failed for volume \"" + volume +
                                     "\" : " + kind + " \"" + name + "\" not found");
  }
}

void add_downward(Files& files, const Json& pod, const Json& source, int mode,
                  const std::string& pod_ip) {
  for (const Json& item : source.value("items", Json::array())) {
    const std::string path = item.value("path", "");
    check_relative("items.path", path);
    if (!item.contains("fieldRef")) continue;  // resourceFieldRef: not imitated
    files[path] = {field_value(pod, item["fieldRef"].value("fieldPath", ""), pod_ip),
                   item.value("mode", mode)};
  }
}

// The files of a configMap, secret, downwardAPI or projected volume; nothing for other kinds.
std::optional<Files> files_of(const Json& pod, const Json& volume, const Contents& contents,
                              const std::string& pod_ip) {
  const std::string name = volume.value("name", "");
  Files files;
  if (volume.contains("configMap")) {
    const Json& source = volume["configMap"];
    add_object(files, "configmap", source.value("name", ""), name, source, contents,
               source.value("defaultMode", kDefaultFileMode));
  } else if (volume.contains("secret")) {
    const Json& source = volume["secret"];
    add_object(files, "secret", source.value("secretName", ""), name, source, contents,
               source.value("defaultMode", kDefaultFileMode));
  } else if (volume.contains("downwardAPI")) {
    const Json& source = volume["downwardAPI"];
    add_downward(files, pod, source, source.value("defaultMode", kDefaultFileMode), pod_ip);
  } else if (volume.contains("projected")) {
    const int mode = volume["projected"].value("defaultMode", kDefaultFileMode);
    for (const Json& source : volume["projected"].value("sources", Json::array())) {
      if (source.contains("configMap")) {
        const Json& map = source["configMap"];
        add_object(files, "configmap", map.value("name", ""), name, map, contents, mode);
      } else if (source.contains("secret")) {
        const Json& secret = source["secret"];
        add_object(files, "secret", secret.value("name", ""), name, secret, contents, mode);
      } else if (source.contains("downwardAPI")) {
        add_downward(files, pod, source["downwardAPI"], mode, pod_ip);
      } else if (source.contains("serviceAccountToken")) {
        const std::string path = source["serviceAccountToken"].value("path", "token");
        const auto token = contents.find("token/" + name);
        if (token != contents.end() && token->second.count(path) != 0) {
          files[path] = {token->second.at(path), mode};
        }
      }
    }
  } else {
    return std::nullopt;
  }
  return files;
}

void own(const fs::path& path, std::uint32_t owner) {
  if (lchown(path.c_str(), owner, owner) != 0) {
    throw PodError(kFailedMount,
                   "chown " + path.string() + " to " + std::to_string(owner) + " failed");
  }
}

void make_dir(const fs::path& path, mode_t mode, std::uint32_t owner) {
  if (fs::exists(path)) return;
  if (path.has_parent_path()) make_dir(path.parent_path(), kSubPathMode, owner);
  fs::create_directory(path);
  chmod(path.c_str(), mode);
  own(path, owner);
}

void write_files(const fs::path& volume, const Files& files, std::uint32_t owner) {
  const fs::path data = volume / kTimestampedDir;
  make_dir(data, kSubPathMode, owner);
  std::set<std::string> top;
  for (const auto& [path, file] : files) {
    const fs::path target = data / path;
    make_dir(target.parent_path(), kSubPathMode, owner);
    std::ofstream(target, std::ios::binary) << file.content;
    chmod(target.c_str(), static_cast<mode_t>(file.mode));
    own(target, owner);
    top.insert(fs::path(path).begin()->string());
  }
  fs::create_directory_symlink(kTimestampedDir, volume / kDataDir);
  own(volume / kDataDir, owner);
  for (const std::string& name : top) {
    fs::create_symlink(fs::path(kDataDir) / name, volume / name);
    own(volume / name, owner);
  }
}

}  // namespace

std::map<std::string, std::string> write_volumes(const Json& pod, const Contents& contents,
                                                 const std::string& directory, std::uint32_t owner,
                                                 const std::string& pod_ip) {
  std::map<std::string, std::string> made;
  const Json hosts = volume_sources(pod, contents);  // to know which names are to be mounted on
  for (const Json& volume : pod.at("spec").value("volumes", Json::array())) {
    const std::string name = volume.value("name", "");
    check_relative("volumes.name", name);
    const fs::path path = fs::path(directory) / name;
    const std::optional<Files> files = files_of(pod, volume, contents, pod_ip);
    if (!files && !volume.contains("emptyDir") && !hosts.contains(name)) {
      throw PodError(kFailedMount,
                     "volume \"" + name +
                         "\": this node knows emptyDir, configMap, secret, "
                         "downwardAPI, projected, persistentVolumeClaim and hostPath");
    }
    make_dir(path, kVolumeMode, owner);
    if (files) write_files(path, *files, owner);
    made[name] = path;
  }
  return made;
}

std::map<std::string, std::string> volume_sources(const Json& pod, const Contents& contents) {
  std::map<std::string, std::string> sources;
  for (const Json& volume : pod.at("spec").value("volumes", Json::array())) {
    const std::string name = volume.value("name", "");
    if (volume.contains("hostPath")) {
      sources[name] = volume["hostPath"].value("path", "");
    } else if (volume.contains("persistentVolumeClaim")) {
      const std::string claim = volume["persistentVolumeClaim"].value("claimName", "");
      const auto directory = contents.find("claim/" + claim);
      if (directory == contents.end() || directory->second.count("") == 0) {
        throw PodError(kFailedMount, "persistentvolumeclaim \"" + claim + "\" not found");
      }
      sources[name] = directory->second.at("");
    }
  }
  return sources;
}

std::vector<BindMount> volume_mounts(const Json& container,
                                     const std::map<std::string, std::string>& volumes,
                                     const Env& env, std::uint32_t owner) {
  std::vector<BindMount> mounts;
  for (const Json& mount : container.value("volumeMounts", Json::array())) {
    const std::string name = mount.value("name", "");
    const auto volume = volumes.find(name);
    if (volume == volumes.end()) {
      throw PodError("CreateContainerConfigError",
                     "volumeMounts: volume \"" + name + "\" not found");
    }
    fs::path source = volume->second;
    const std::string sub = mount.contains("subPathExpr") ? expand(mount["subPathExpr"], env)
                                                          : mount.value("subPath", "");
    if (!sub.empty()) {
      check_relative("subPath", sub);
      if (!fs::exists(source / sub)) make_dir(source / sub, kSubPathMode, owner);
      const fs::path root = fs::canonical(source);
      source = fs::canonical(source / sub);
      if (source.string().rfind(root.string() + "/", 0) != 0) {
        throw PodError("CreateContainerConfigError",
                       "subPath \"" + sub + "\" leads out of its volume");
      }
    }
    mounts.push_back({source, mount.value("mountPath", ""), mount.value("readOnly", false)});
  }
  return mounts;
}

std::string etc_hosts(const Json& pod, const std::string& pod_ip) {
  const Json& spec = pod.at("spec");
  const std::string hostname = pod_hostname(pod);
  std::string text =
      "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\n"
      "fe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n" +
      pod_ip + "\t";
  if (const std::string subdomain = spec.value("subdomain", ""); !subdomain.empty()) {
    text += hostname + "." + subdomain + "." + pod.at("metadata").value("namespace", "default") +
            ".svc.cluster.local\t";
  }
  text += hostname + "\n";
  for (const Json& alias : spec.value("hostAliases", Json::array())) {
    text += alias.value("ip", "");
    for (const Json& name : alias.value("hostnames", Json::array()))
      text += "\t" + name.get<std::string>();
    text += "\n";
  }
  return text;
}

std::string resolv_conf(const Json& pod, const std::string& nameserver) {
  const std::string ns = pod.at("metadata").value("namespace", "default");
  return "search " + ns + ".svc.cluster.local svc.cluster.local cluster.local\nnameserver " +
         nameserver + "\noptions ndots:5\n";
}

}  // namespace node
