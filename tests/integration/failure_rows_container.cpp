// On its node, and the container cannot be made.
#include "failure_rows.hpp"

namespace swo::test {
namespace {

const char* const token_mount = "mount_setattr `/var/run/secrets/kubernetes.io/serviceaccount`";

// The row of a fault that the stand-in has only in words: over once they are taken away.
FailureRow in_words(std::string name, std::string reason, const std::string& place,
                    const std::string& words, std::string remedy) {
  return {.name = std::move(name),
          .reason = std::move(reason),
          .evidence = words,
          .remedy = std::move(remedy),
          .spec = faulty(place + ": " + words),
          .mend = without_fault()};
}

// A claim that is to be seeded, and what its copy ends with.
FailureRow not_seeded(std::string name, std::string reason, const std::string& words,
                      std::string remedy) {
  auto row = in_words(std::move(name), std::move(reason), "init", words, std::move(remedy));
  row.spec["storage"]["claims"] = Json::array(
      {{{"name", "var"}, {"mountPath", "/var"}, {"size", "1Mi"}, {"seedFromImage", true}}});
  return row;
}

void old_kernel(devcluster::Profile& profile) { profile.kernel = "6.1.0-37-amd64"; }

void old_kernel_with_runc(devcluster::Profile& profile) {
  old_kernel(profile);
  profile.oci_runtime = "runc";
}

std::vector<FailureRow> image_rows() {
  return {
      {.name = "AnImageThatIsNotThere",
       .reason = "ImageNotFound",
       .evidence = "manifest unknown",
       .remedy = "correct spec.image",
       .spec = {{"image", "registry.example.com/nginx:missing"}},
       .mend = respec({{"image", "v1"}})},
      in_words("AnImageThatIsNotPublic", "ImagePullUnauthorized", "image",
               "unauthorized: access to the requested resource is not authorized",
               "spec.imagePullSecrets"),
      in_words("ARegistryThatLimitsPulls", "ImagePullRateLimited", "image",
               "toomanyrequests: You have reached your pull rate limit", "mirror the image"),
      in_words("ARegistryThatCannotBeReached", "RegistryUnreachable", "image",
               "dial tcp: lookup registry.example.com: no such host", "DNS and proxy"),
      in_words("AnImageOfAnotherArchitecture", "ImageWrongArchitecture", "image",
               "no image found in image index for architecture amd64", "kubernetes.io/arch"),
      in_words("ANodeWithoutRoomForTheImage", "NodeDiskFull", "image",
               "write /var/lib/containers/storage/layer: no space left on device",
               "free disk space"),
      in_words("APullThatFailsForAReasonNobodyKnows", "ImagePullFailed", "image",
               "the registry speaks in riddles", "kubectl describe pod"),
  };
}

std::vector<FailureRow> input_rows() {
  return {
      {.name = "ASecretThatIsNotThere",
       .reason = "SecretMissing",
       .evidence = "secret \"settings\" not found",
       .remedy = "create it in the workload's namespace",
       .spec = {{"envFrom", {{{"secretRef", {{"name", "settings"}}}}}}},
       .mend = create(core_path + "secrets", {{"metadata", {{"name", "settings"}}}})},
      {.name = "AConfigMapThatIsNotThere",
       .reason = "ConfigMapMissing",
       .evidence = "configmap \"site\" not found",
       .remedy = "create it in the workload's namespace",
       .spec = {{"volumes", {{{"name", "site"}, {"configMap", {{"name", "site"}}}}}},
                {"volumeMounts", {{{"name", "site"}, {"mountPath", "/srv/site"}}}}},
       .mend = create(core_path + "configmaps", {{"metadata", {{"name", "site"}}}})},
      in_words("AKeyThatIsNotThere", "KeyMissing", "config",
               "couldn't find key password in Secret demo/settings", "add the key"),
      in_words("AVolumeThatIsAttachedElsewhere", "VolumeInUse", "mount",
               "Multi-Attach error for volume \"pvc-1\" Volume is already exclusively attached",
               "wait until the old Pod is gone"),
      in_words("AVolumeThatCannotBeMounted", "VolumeMountFailed", "mount",
               "MountVolume.MountDevice failed for volume \"pvc-1\" : mount failed: exit status 32",
               "the storage driver's own Pods"),
      not_seeded("AClaimThatIsTooSmallForWhatTheImageHasThere", "ClaimTooSmall",
                 "cp: error writing '/systemd-workload/var/cache/big': No space left on device",
                 "give it a larger size"),
      not_seeded("AClaimWhoseFilesNobodyInsideMayOwn", "SeedFailed",
                 "cp: failed to preserve ownership for '/systemd-workload/var/spool': Operation "
                 "not permitted",
                 "use a StorageClass whose volumes can be mounted with mapped ids"),
      {.name = "AVolumeThatCannotBeMapped",
       .reason = "VolumeNotIdMappable",
       .evidence = "failed to set MOUNT_ATTR_IDMAP",
       .remedy = "use another StorageClass",
       .spec = {{"storage",
                 {{"claims",
                   {{{"name", "data"},
                     {"mountPath", "/data"},
                     {"size", "1Gi"},
                     {"storageClassName", "nfs"}}}}}}},
       .mend = respec({{"storage",
                        {{"claims",
                          {{{"name", "files"},
                            {"mountPath", "/data"},
                            {"size", "1Gi"},
                            {"storageClassName", "standard"}}}}}}})},
      {.name = "ATokenThatTheKernelCannotMap",
       .reason = "TokenNotMappable",
       .evidence = token_mount,
       .remedy = "automountServiceAccountToken false",
       .profile = "kubernetes-1.33",
       .adjust = old_kernel_with_runc,
       .spec = {{"platform", {{"automountServiceAccountToken", true}}}},
       .mend = respec({{"platform", {{"automountServiceAccountToken", false}}}})},
      {.name = "ATokenThatTheKernelCannotMapBehindATerminal",
       .reason = "TokenNotMappable",
       .evidence = "error reading container (probably exited) json message: EOF",
       .remedy = "Linux ≥ 6.3",
       .profile = "kubernetes-1.33",
       .adjust = old_kernel,
       .spec = {{"platform", {{"automountServiceAccountToken", true}}}},
       .mend = with_software([](devcluster::Profile& profile) { profile.kernel = "6.12.38"; })},
  };
}

std::vector<FailureRow> identity_rows() {
  return {
      {.name = "AUserBeyondItsIds",
       .reason = "UnmappedUser",
       .evidence = "cannot set uid to unmapped user in user namespace",
       .remedy = "delete the Pod",
       .profile = "kubernetes-1.33",
       .adjust = [](devcluster::Profile& profile) { profile.oci_runtime = "runc"; },
       .hinder = webhook([](Json& pod) { pod["spec"]["securityContext"]["runAsUser"] = 100000; }),
       .mend = webhook_gone()},
      {.name = "AUserBeyondItsIdsBehindATerminal",
       .reason = "UnmappedUser",
       .evidence = "error reading container (probably exited) json message: EOF",
       .remedy = "delete the Pod",
       .hinder = webhook([](Json& pod) {
         // What a policy engine makes of it that takes every security context away.
         pod["metadata"]["annotations"].erase("openshift.io/required-scc");
         pod["spec"].erase("securityContext");
         pod["spec"]["containers"][0].erase("securityContext");
       }),
       .mend = webhook_gone()},
      {.name = "ANodeWithoutSubordinateIds",
       .reason = "NoIdRanges",
       .evidence = "could not find enough available IDs",
       .remedy = "/etc/subuid and /etc/subgid",
       .profile = "kubernetes-1.33",
       .spec = {{"platform", {{"userNamespace", "Annotation"}}}},
       .hinder = on_every_worker([](devcluster::Machine& machine) {
         machine.userns_annotation = true;
         machine.subordinate_ids = false;
       }),
       .mend =
           on_every_worker([](devcluster::Machine& machine) { machine.subordinate_ids = true; })},
      {.name = "ANodeThatIsOutOfIdRanges",
       .reason = "OutOfIdRanges",
       .evidence = "could not find an empty slot to allocate a user namespace",
       .remedy = "userNamespaces.idsPerPod",
       .hinder = on_every_worker([](devcluster::Machine& machine) { machine.userns_slots = 0; }),
       .mend = on_every_worker([](devcluster::Machine& machine) { machine.userns_slots = -1; })},
      {.name = "ACrioWhosePingGroupRangeDoesNotFit",
       .reason = "PingGroupRange",
       .evidence = "write sysctl key net.ipv4.ping_group_range",
       .remedy = "update CRI-O",
       .profile = "kubernetes-1.33",
       .adjust = [](devcluster::Profile& profile) { profile.ping_group_range_fits = false; },
       .mend = with_software(
           [](devcluster::Profile& profile) { profile.ping_group_range_fits = true; })},
  };
}

std::vector<FailureRow> runtime_rows() {
  return {
      in_words("ARuntimeWithoutTheHandler", "RuntimeHandlerMissing", "sandbox",
               "Failed to create pod sandbox: failed to find runtime handler fast from runtime "
               "list: RuntimeHandler \"fast\" not supported",
               "configure the handler on the node"),
      in_words("AnImageWithoutInit", "InitMissing", "create",
               "container create failed: executable file `/sbin/init` not found in $PATH",
               "install systemd in the image"),
      in_words("APodThatMustNotBeRoot", "RunAsNonRoot", "config",
               "container has runAsNonRoot and image will run as root", "delete the Pod"),
      in_words("ACreationWhoseErrorIsHidden", "ContainerCreateFailed", "create",
               "error reading container (probably exited) json message: EOF", "journalctl -u crio"),
      in_words("AKubeletWhoseFeatureGateIsOff", "KubeletGateOff", "sandbox",
               "Failed to create pod sandbox: the feature gate \"UserNamespacesSupport\" is "
               "disabled: can't set spec.HostUsers",
               "finish the upgrade of the nodes"),
      in_words("AHostNameThatIsTooLong", "HostnameTooLong", "sandbox",
               "failed to construct FQDN from pod hostname and cluster domain, FQDN "
               "nginx-0.nginx-instances.a-namespace-with-a-long-name.svc.cluster.local is too long "
               "(64 characters is the max, 70 characters requested)",
               "leave spec.setHostnameAsFQDN out"),
      in_words("ASandboxThatCannotBeMade", "SandboxFailed", "sandbox",
               "Failed to create pod sandbox: plugin type=\"ovn-k8s-cni-overlay\" failed (add)",
               "the network plugin"),
  };
}

}  // namespace

std::vector<FailureRow> container_rows() {
  std::vector<FailureRow> rows = image_rows();
  for (const auto& some : {input_rows(), identity_rows(), runtime_rows()}) {
    rows.insert(rows.end(), some.begin(), some.end());
  }
  return rows;
}

}  // namespace swo::test
