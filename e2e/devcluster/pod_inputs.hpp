// What a Pod needs from other objects before its container can be made: ConfigMaps, Secrets,
// claims. Source: kubernetes pkg/kubelet/volumemanager, kubelet_pods.go (makeEnvironmentVariables).
#pragma once

#include <set>
#include <string>

#include "devcluster/api_server.hpp"
#include "node/pod_runtime.hpp"

namespace devcluster {

struct PodInputs {
  node::PodRuntime::VolumeContents contents;  // a claim's is the name of its volume, under ""
  std::set<std::string> nfs_claims;           // of the StorageClass "nfs"
  std::string mount_fault;                    // FailedMount: its message
  std::string config_fault;                   // CreateContainerConfigError: its message
};

PodInputs gather_inputs(Api& api, const Json& pod);

}  // namespace devcluster
