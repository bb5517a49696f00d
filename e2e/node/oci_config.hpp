// From a Pod to the configuration that an OCI runtime is given, by the rules that CRI-O follows
// (cri-o server/container_create_linux.go, internal/factory/container/container.go). Pure, so that
// each rule is a row of a table in the tests; throws PodError (CreateContainerConfigError) on what
// no container can be made of.
//
// Left out, because this stand-in has no way to them: seccomp, SELinux and AppArmor profiles,
// devices.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "node/image_store.hpp"
#include "node/namespaces.hpp"
#include "node/pod_env.hpp"

namespace node {

struct NodeRules {
  bool cgroups_v1 = false;  // no cgroup namespace
  bool userns_annotation =
      false;                      // CRI-O's annotations for user namespaces and cgroups are allowed
  bool honour_host_users = true;  // false: spec.hostUsers is unknown to this node
  bool resource_limits = false;   // the memory and cpu controllers are there to be used
};

struct BindMount {
  std::string source, destination;
  bool read_only = false;
};

// What the sandbox provides to a container.
struct Sandbox {
  std::string cgroup;             // absolute path below the cgroup root
  std::string network_namespace;  // paths
  std::string user_namespace;     // empty: the host's
  std::optional<IdRange> ids;     // of the user namespace
  std::vector<BindMount> mounts;  // volumes and the kubelet's and CRI-O's files
  Env env;                        // of the container's spec, resolved
};

// Whether the runtime takes this for systemd: argv[0] contains "/sbin/init" or its base name is
// "systemd".
bool is_init(const std::string& argv0);

// Whether the Pod gets a user namespace of its own on such a node.
bool wants_user_namespace(const Json& pod, const NodeRules& rules);

// The cgroup of the Pod as the kubelet's systemd driver names it, by quality of service and uid.
std::string pod_cgroup(const Json& pod, const std::string& uid);

// command and args over the image's entrypoint and cmd, with $(NAME) expanded.
std::vector<std::string> container_argv(const Json& container, const ImageConfig& image,
                                        const Env& env);

// The host name of the Pod: spec.hostname or its name, at most 63 characters.
std::string pod_hostname(const Json& pod);

// linux.resources of the OCI configuration, by the container's limits.
Json resource_limits(const Json& container);

Json oci_config(const Json& pod, const Json& container, const ImageConfig& image,
                const NodeRules& rules, const Sandbox& sandbox);

// "SIGRTMIN+3", "TERM", "SIGTERM", "15" → number; nothing when it is no signal.
std::optional<int> signal_number(const std::string& name);

}  // namespace node
