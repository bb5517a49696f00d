// A Pod's volumes as the kubelet lays them out on disk, and the mounts of a container made from
// them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "node/namespaces.hpp"
#include "node/oci_config.hpp"
#include "node/pod_env.hpp"

namespace node {

// Writes emptyDir, configMap, secret, downwardAPI and projected volumes below `directory`, one
// directory per volume, owned by `owner` (the host id of the Pod's root), and returns name → path.
// ConfigMaps and Secrets have the kubelet's layout: KEY → ..data/KEY, ..data → ..TIMESTAMP
// (pkg/volume/util/atomic_writer.go). A claim's and a hostPath's directory is only made, to be
// mounted on: see volume_sources(). Throws PodError (FailedMount).
//
// A projected serviceAccountToken's content is looked for in "token/VOLUME" under its path;
// without, the file is left out.
std::map<std::string, std::string> write_volumes(const Json& pod, const Contents& contents,
                                                 const std::string& directory, std::uint32_t owner,
                                                 const std::string& pod_ip);

// Volumes that are directories of the host: name → host path (claims, hostPath).
std::map<std::string, std::string> volume_sources(const Json& pod, const Contents& contents);

// The container's volumeMounts; subPath is resolved here, as the kubelet does before the container
// starts, so it sees no later change. Throws PodError.
std::vector<BindMount> volume_mounts(const Json& container,
                                     const std::map<std::string, std::string>& volumes,
                                     const Env& env, std::uint32_t owner);

// What the kubelet and CRI-O bind into every container: text of /etc/hosts and /etc/resolv.conf.
std::string etc_hosts(const Json& pod, const std::string& pod_ip);
std::string resolv_conf(const Json& pod, const std::string& nameserver);

}  // namespace node
