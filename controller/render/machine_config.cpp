// What old OpenShift nodes lack: cgroups v2, and user namespaces for annotated Pods.
//
// Ignition 3.2.0 (coreos.github.io/ignition/configuration-v3_2), the version that the Machine
// Config Operator takes from OpenShift 4.7 on; `overwrite`, because it refuses `append`. Any change
// of such an object reboots a pool, so: nothing in it may depend on anything but the need.
#include <string>

#include "api/names.hpp"
#include "kube/resource.hpp"
#include "render/render.hpp"

namespace swo::render {
namespace {

constexpr int kFileMode = 0644;

// The workload class of this name and annotation is the one of OpenShift's own examples, so that a
// drop-in already there and this one are one class (cri-o docs/crio.conf.5.md,
// "crio.runtime.workloads").
constexpr std::string_view kCrioDropIn =
    "[crio.runtime.workloads.openshift-userns]\n"
    "activation_annotation = \"io.openshift.userns\"\n"
    "allowed_annotations = [\n"
    "  \"io.kubernetes.cri-o.userns-mode\",\n"
    "  \"io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw\",\n"
    "]\n";

// CRI-O 1.20 to 1.22 asks the runtime what a Pod may be given. It ends on an annotation it does not
// know, so there is none but this one.
constexpr std::string_view kCrioRuntimeDropIn =
    "[crio.runtime.runtimes.runc]\n"
    "allowed_annotations = [\"io.kubernetes.cri-o.userns-mode\"]\n";

// `core` keeps the range that rootless podman has on CoreOS; from the range of `containers` CRI-O
// takes one of 65,536 for each Pod (cri-o tutorials/userns.md).
constexpr std::string_view kSubordinateIds =
    "core:100000:65536\n"
    "containers:200000:268435456\n";

// A data: URL (RFC 2397), percent-encoded: what it says can be read in a review.
Json file(std::string_view path, std::string_view contents) {
  return {{"path", path},
          {"mode", kFileMode},
          {"overwrite", true},
          {"contents", {{"source", "data:," + kube::url_escape(contents)}}}};
}

}  // namespace

Json machine_config(const platform::MachineConfigNeed& need) {
  Json config = {{"apiVersion", "machineconfiguration.openshift.io/v1"},
                 {"kind", "MachineConfig"},
                 {"metadata",
                  {{"name", machine_config_name(need.pool)},
                   {"labels",
                    {{"machineconfiguration.openshift.io/role", need.pool},
                     {std::string(api::kLabelManagedBy), api::kFieldManager},
                     {std::string(api::kLabelShared), "true"}}}}},
                 {"spec", {{"config", {{"ignition", {{"version", "3.2.0"}}}}}}}};
  if (need.kernel_arguments) {
    // psi=1: pressure stall information, which systemd-oomd and MemoryPressureWatch= read.
    config["spec"]["kernelArguments"] = {"systemd.unified_cgroup_hierarchy=1",
                                         "cgroup_no_v1=\"all\"", "psi=1"};
  }
  if (need.crio_files) {
    config["spec"]["config"]["storage"]["files"] = {
        file("/etc/crio/crio.conf.d/99-systemd-workload.conf",
             need.crio_runtime_table ? kCrioRuntimeDropIn : kCrioDropIn),
        file("/etc/subuid", kSubordinateIds),
        file("/etc/subgid", kSubordinateIds),
    };
  }
  return config;
}

Json nodes_config() {
  return {
      {"apiVersion", "config.openshift.io/v1"},
      {"kind", "Node"},
      {"metadata",
       {{"name", "cluster"}, {"annotations", {{std::string(api::kAnnotationCgroupMode), "v2"}}}}},
      {"spec", {{"cgroupMode", "v2"}}}};
}

}  // namespace swo::render
