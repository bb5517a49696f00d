// Texts: kubelet images, container and volume managers; cri-o server/container_create*.go;
// containerd and CRI-O registry clients; runc and crun; containers/storage idtools. The rows of the
// user namespace are as met on real nodes.

#include <algorithm>
#include <array>

#include "diagnose/causes.hpp"
#include "diagnose/text.hpp"

namespace swo::diagnose {
namespace {

constexpr std::int64_t kMappedIds = 65536;  // what a Pod's user namespace maps (KEP-127)

constexpr std::string_view kAsRoot =
    "leave spec.platform.securityContextConstraints to the operator, whose SCC allows uid 0, and "
    "let no webhook set another runAsUser: systemd runs as uid 0 of its own user namespace; "
    "delete the Pod then";
constexpr std::string_view kNoToken =
    "leave spec.platform.automountServiceAccountToken false and mount no Secret, or use nodes with "
    "Linux ≥ 6.3 (spec.nodeSelector)";

constexpr std::array kImageTexts = {
    Row{"unauthorized", "ImagePullUnauthorized", "The registry does not let the image be pulled",
        "name a pull secret in spec.imagePullSecrets that may read the image"},
    Row{"authentication required", "ImagePullUnauthorized",
        "The registry does not let the image be pulled",
        "name a pull secret in spec.imagePullSecrets that may read the image"},
    Row{"denied", "ImagePullUnauthorized", "The registry does not let the image be pulled",
        "name a pull secret in spec.imagePullSecrets that may read the image"},
    Row{"403 Forbidden", "ImagePullUnauthorized", "The registry does not let the image be pulled",
        "name a pull secret in spec.imagePullSecrets that may read the image"},
    Row{"toomanyrequests", "ImagePullRateLimited", "The registry allows no more pulls for now",
        "wait, sign in with spec.imagePullSecrets, or mirror the image", true},
    Row{"manifest unknown", "ImageNotFound", "The registry has no such image or tag",
        "correct spec.image"},
    Row{"name unknown", "ImageNotFound", "The registry has no such image or tag",
        "correct spec.image"},
    Row{"not found", "ImageNotFound", "The registry has no such image or tag",
        "correct spec.image"},
    Row{"no such host", "RegistryUnreachable", "The node cannot reach the registry",
        "correct the host in spec.image, or the node's DNS and proxy"},
    Row{"i/o timeout", "RegistryUnreachable", "The node cannot reach the registry",
        "check network, proxy and firewall between node and registry"},
    Row{"connection refused", "RegistryUnreachable", "The node cannot reach the registry",
        "check that the registry runs, and the port in spec.image"},
    Row{"x509: ", "RegistryUnreachable", "The node does not trust the registry's certificate",
        "add the registry's CA to the cluster's image configuration"},
    Row{"no image found in image index", "ImageWrongArchitecture",
        "The image is not built for the node's architecture",
        "build it for that, or choose nodes with spec.nodeSelector kubernetes.io/arch"},
    Row{"no match for platform", "ImageWrongArchitecture",
        "The image is not built for the node's architecture",
        "build it for that, or choose nodes with spec.nodeSelector kubernetes.io/arch"},
    Row{"no space left on device", "NodeDiskFull", "The node has no room for the image",
        "free disk space on the node"},
};

constexpr std::array kContainerTexts = {
    Row{"failed to construct FQDN from pod hostname", "HostnameTooLong",
        "The instance's whole name is longer than the 64 characters that Linux takes",
        "leave spec.setHostnameAsFQDN out, or use a shorter name for the workload or its "
        "namespace"},
    Row{"cannot set uid to unmapped user in user namespace", "UnmappedUser",
        "The container's user lies outside the 65,536 ids of its user namespace", kAsRoot},
    Row{"cannot setresuid to ", "UnmappedUser",
        "The container's user lies outside the 65,536 ids of its user namespace", kAsRoot},
    Row{"setgroups: Invalid argument", "UnmappedUser",
        "A group of the container lies outside the 65,536 ids of its user namespace", kAsRoot},
    Row{"could not find enough available IDs", "NoIdRanges",
        "The node has no id range left for CRI-O's user namespaces",
        "let the operator write the MachineConfig (--machine-config=Apply), or add ranges for "
        "\"containers\" to /etc/subuid and /etc/subgid"},
    Row{"No subuid ranges found", "NoIdRanges",
        "The node has no id ranges for CRI-O's user namespaces",
        "let the operator write the MachineConfig (--machine-config=Apply), or add ranges for "
        "\"containers\" to /etc/subuid and /etc/subgid"},
    Row{"could not find an empty slot", "OutOfIdRanges",
        "All id ranges of the node are taken by Pods with user namespaces",
        "place fewer such Pods on the node, or give the kubelet a longer range (/etc/subuid of "
        "user kubelet; userNamespaces.idsPerPod is the length of one Pod's)"},
    Row{"net.ipv4.ping_group_range", "PingGroupRange",
        "CRI-O before 1.31 sets a range of groups that the user namespace lacks",
        "set the Pod's sysctl net.ipv4.ping_group_range to \"0 65535\": the operator does where it "
        "knows CRI-O's version; or update CRI-O"},
    // kubernetes pkg/kubelet/userns: the API server has the gate, and this kubelet has not.
    Row{"can't set spec.HostUsers", "KubeletGateOff",
        "The node's kubelet refuses user namespaces: its feature gate UserNamespacesSupport is "
        "off, as it is by default before Kubernetes 1.33",
        "finish the upgrade of the nodes, turn the gate on for their kubelets, or leave them out "
        "with spec.nodeSelector"},
    Row{"runtime does not support user namespaces", "UserNamespacesUnsupported",
        "The node's container runtime has no user namespaces",
        "update it (CRI-O ≥ 1.25 or containerd ≥ 2.0), or leave the node out with "
        "spec.nodeSelector"},
    Row{"does not support user namespaces", "UserNamespacesUnsupported",
        "The node's container runtime has no user namespaces",
        "update it (CRI-O ≥ 1.25 or containerd ≥ 2.0), or leave the node out with "
        "spec.nodeSelector"},
    Row{"RuntimeHandler", "RuntimeHandlerMissing",
        "The node's runtime lacks the handler of the RuntimeClass",
        "configure the handler on the node, or leave out spec.platform.runtimeClassName"},
    Row{"no runtime for ", "RuntimeHandlerMissing",
        "The node's runtime lacks the handler of the RuntimeClass",
        "configure the handler on the node, or leave out spec.platform.runtimeClassName"},
    Row{"exec format error", "ImageWrongArchitecture",
        "The image is not built for the node's architecture",
        "build it for that, or choose nodes with spec.nodeSelector kubernetes.io/arch"},
    Row{"executable file", "InitMissing",
        "The image has no such program as spec.init.command names",
        "install systemd in the image (with /sbin/init), or correct spec.init.command"},
    Row{"unable to start container process: exec", "InitMissing",
        "The image has no such program as spec.init.command names",
        "install systemd in the image (with /sbin/init), or correct spec.init.command"},
    Row{"runAsNonRoot", "RunAsNonRoot",
        "The Pod must not run as root, yet systemd is uid 0 of its own user namespace", kAsRoot},
    Row{"couldn't find key", "KeyMissing",
        "A Secret or ConfigMap lacks a key that the workload refers to",
        "add the key, or correct spec.env, spec.init or spec.volumes"},
};

constexpr std::array kVolumeTexts = {
    Row{"references non-existent secret key", "KeyMissing",
        "A Secret lacks a key that the workload refers to",
        "add the key, or correct the reference"},
    Row{"references non-existent config key", "KeyMissing",
        "A ConfigMap lacks a key that the workload refers to",
        "add the key, or correct the reference"},
    Row{"Multi-Attach error", "VolumeInUse", "The volume is still attached to another node",
        "wait until the old Pod is gone; if its node is lost, see to that node", true},
    Row{"volume is already exclusively attached", "VolumeInUse",
        "The volume is still attached to another node",
        "wait until the old Pod is gone; if its node is lost, see to that node", true},
    Row{"timed out waiting for the condition", "VolumeMountFailed",
        "The kubelet could not mount the volumes in time",
        "see `kubectl describe pod` for the volume, and the storage driver's own Pods", true},
};

bool any_mentions(const std::vector<std::string>& texts, std::string_view part) {
  return std::ranges::any_of(texts, [&](const std::string& text) { return contains(text, part); });
}

bool before_start(const Case& c) {
  return c.evidence.phase == "Pending" || c.evidence.phase.empty() ||
         (!c.evidence.waiting_reason.empty() && !c.waits("CrashLoopBackOff"));
}

bool create_failed(const Case& c) {
  constexpr std::array<std::string_view, 6> kReasons = {
      "CreateContainerError", "CreateContainerConfigError",
      "RunContainerError",    "CreatePodSandboxError",
      "StartError",           "ContainerCannotRun"};
  return std::ranges::any_of(kReasons, [&](std::string_view reason) {
    return c.waits(reason) || (c.evidence.terminated_reason == reason);
  });
}

// `secret "x" not found`, `configmap "x" not found`.
std::optional<Diagnosis> object_missing(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    if (!contains(text, "not found")) {
      continue;
    }
    if (contains(text, "secret \"") || contains(text, "secrets \"")) {
      return make("SecretMissing", "A Secret that the workload refers to does not exist", text,
                  "create it in the workload's namespace, or correct the name");
    }
    if (contains(text, "configmap \"") || contains(text, "configmaps \"")) {
      return make("ConfigMapMissing", "A ConfigMap that the workload refers to does not exist",
                  text, "create it in the workload's namespace, or correct the name");
    }
  }
  return std::nullopt;
}

// mount_setattr fails on a tmpfs before Linux 6.3, and on filesystems such as NFS on any.
std::optional<Diagnosis> not_mappable(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    if (!contains(text, "MOUNT_ATTR_IDMAP") && !contains(text, "mount_setattr")) {
      continue;
    }
    if (contains(text, "/secrets/") || contains(text, "kubernetes.io~secret") ||
        contains(text, "kubernetes.io~projected") || contains(text, "/run/credentials")) {
      return make(
          "TokenNotMappable",
          "Secrets and tokens are a tmpfs, which kernels before 6.3 cannot mount with mapped "
          "ids",
          text, kNoToken);
    }
    return make("VolumeNotIdMappable",
                "The filesystem of a volume cannot be mounted with mapped ids, as NFS cannot", text,
                "use another StorageClass (ext4, xfs, CephFS), or nodes with a newer kernel");
  }
  return std::nullopt;
}

}  // namespace

std::optional<Diagnosis> image_trouble(const Case& c) {
  constexpr std::array<std::string_view, 7> kReasons = {
      "ErrImagePull",      "ImagePullBackOff",    "InvalidImageName",         "ErrImageNeverPull",
      "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"};
  const std::string& reason = c.evidence.waiting_reason;
  if (std::ranges::find(kReasons, reason) == kReasons.end()) {
    return std::nullopt;
  }
  if (reason == "InvalidImageName") {
    return make("ImageNameInvalid", "spec.image is not the name of an image",
                c.evidence.waiting_message, "correct spec.image");
  }
  if (reason == "ErrImageNeverPull") {
    return make("ImageNotOnNode", "The image is not on the node, and is never to be pulled",
                c.evidence.waiting_message, "set spec.imagePullPolicy: IfNotPresent");
  }
  if (reason == "SignatureValidationFailed") {
    return make("ImageSignatureRefused", "The node's policy does not accept the image's signature",
                c.evidence.waiting_message, "sign the image, or change the policy");
  }
  const auto texts = c.kubelet_texts();
  if (auto diagnosis = newest_match(kImageTexts, texts)) {
    return diagnosis;
  }
  return make("ImagePullFailed", "The image cannot be pulled",
              texts.empty() ? reason : texts.front(),
              "see `kubectl describe pod` for the registry's answer");
}

std::optional<Diagnosis> volume_trouble(const Case& c) {
  if (!before_start(c)) {
    return std::nullopt;
  }
  const auto texts = c.kubelet_texts();
  if (auto diagnosis = not_mappable(texts)) {
    return diagnosis;
  }
  if (auto diagnosis = object_missing(texts)) {
    return diagnosis;
  }
  std::vector<std::string> mounts;
  for (const char* reason : {"FailedMount", "FailedAttachVolume", "FailedMapVolume"}) {
    if (std::string event = c.event(reason); !event.empty()) {
      mounts.push_back(std::move(event));
    }
  }
  // A mount that failed once is tried again; once the container is being made it has worked.
  if (mounts.empty() || create_failed(c)) {
    return std::nullopt;
  }
  if (auto diagnosis = newest_match(kVolumeTexts, mounts)) {
    return diagnosis;
  }
  return make("VolumeMountFailed", "A volume cannot be mounted", mounts.front(),
              "see to the volume that the message names, and the storage driver's own Pods");
}

// cp's words, with the C library's for errno (coreutils src/copy.c).
std::optional<Diagnosis> seed_failed(const Case& c) {
  const std::string& said = c.evidence.seed_failure;
  if (said.empty()) {
    return std::nullopt;
  }
  if (contains(said, "No space left on device") || contains(said, "Disk quota exceeded")) {
    return make("ClaimTooSmall", "A claim is too small for what the image has at its mountPath",
                said, "give it a larger size in spec.storage.claims; the copy is then made again");
  }
  if (contains(said, "Operation not permitted") || contains(said, "Permission denied")) {
    return make("SeedFailed", "The claim's filesystem does not let root of the workload own files",
                said,
                "use a StorageClass whose volumes can be mounted with mapped ids (not NFS), or "
                "leave out seedFromImage and fill the claim yourself");
  }
  return make("SeedFailed", "What the image has at a claim's mountPath could not be copied to it",
              said,
              "see to what the message names: the image needs sh and cp of coreutils; or leave "
              "out seedFromImage");
}

std::optional<Diagnosis> container_refused(const Case& c) {
  if (!before_start(c) && !create_failed(c)) {
    return std::nullopt;
  }
  return newest_match(kContainerTexts, c.kubelet_texts());
}

// With a terminal the runtime's error is lost: CRI-O reads the console's socket and finds it
// closed. What it was is inferred from the Pod and its node.
std::optional<Diagnosis> hidden_by_terminal(const Case& c) {
  const auto texts = c.kubelet_texts();
  if (!create_failed(c) || !any_mentions(texts, "error reading container")) {
    return std::nullopt;
  }
  const std::string& seen = texts.front();
  const bool no_root_asked = !c.evidence.run_as_user_set;
  const bool unmapped = c.evidence.run_as_user < 0 || c.evidence.run_as_user >= kMappedIds;
  const bool other_scc = c.evidence.scc.starts_with("restricted") || c.evidence.scc == "nonroot" ||
                         c.evidence.scc == "nonroot-v2";
  if (no_root_asked || unmapped || other_scc) {
    const std::string taken =
        c.evidence.scc.empty() ? "" : " (the Pod was taken by SCC " + c.evidence.scc + ")";
    return make(
        "UnmappedUser",
        "The runtime's own error is hidden by the terminal; the container's user lies outside "
        "the 65,536 ids of its user namespace" +
            taken,
        seen, kAsRoot);
  }
  if (c.evidence.node != nullptr && c.evidence.node->tmpfs_idmap == platform::Tri::kNo) {
    return make(
        "TokenNotMappable",
        "The runtime's own error is hidden by the terminal; the node's kernel is older than 6.3 "
        "and cannot mount Secrets and tokens with mapped ids",
        seen, kNoToken);
  }
  return make("ContainerCreateFailed",
              "The runtime could not create the container; its own error is hidden by the terminal",
              seen, "read it on the node: `journalctl -u crio`");
}

std::optional<Diagnosis> creation_failed(const Case& c) {
  const std::string sandbox = c.event("FailedCreatePodSandBox");
  if (create_failed(c)) {
    const auto texts = c.kubelet_texts();
    return make("ContainerCreateFailed", "The runtime could not create the container",
                texts.empty() ? c.evidence.waiting_reason : texts.front(),
                "read the runtime's log on the node: `journalctl -u crio` (or containerd)");
  }
  if (!sandbox.empty() && c.evidence.phase == "Pending") {
    return make("SandboxFailed", "The runtime could not make the Pod's sandbox", sandbox,
                "see to what the message names (often the network plugin); it is tried again",
                true);
  }
  return std::nullopt;
}

}  // namespace swo::diagnose
