// What of the nodes' settings belongs into the operator's MachineConfig: cgroups v2 and, for the
// annotation, CRI-O's settings. Any change drains and reboots every node of a pool, so it is wanted
// only where something is missing, and what is written already stays.

#include "platform/node_settings.hpp"
#include "platform/rules.hpp"

namespace swo::platform {

void gather_machine_config(Context& context) {
  if (!context.before(kNodeSettingsUntil)) {
    const bool configured = context.annotation_is_proven() || crio_in_force(context) == Tri::kYes;
    if (context.by_annotation() && context.openshift && !configured) {
      Blocker blocker{
          .reason = "CrioNotConfigured",
          .message =
              "CRI-O obeys the annotation only with settings on the node, and from OpenShift "
              "4.19 on the operator writes none. Upgrade to ≥ 4.20 with "
              "spec.platform.userNamespace: Auto, or apply a MachineConfig of role " +
              context.pool_name() + " with " + crio_by_hand(false) + "."};
      blocker.holds_pods = crio_in_force(context) == Tri::kNo;
      context.block(std::move(blocker));
    }
    context.reason("MachineConfig", "none: this platform needs no node settings of the operator");
    return;
  }
  MachineConfigNeed need{.pool = context.pool_name()};
  const PoolFacts* pool = context.pool;
  const bool written_files = pool != nullptr && pool->written_crio_files;
  need.kernel_arguments = context.strategy.cgroups == CgroupsBy::kKernelArguments ||
                          (pool != nullptr && pool->written_kernel_arguments);
  const bool has_files =
      !written_files && (context.annotation_is_proven() || crio_in_force(context) == Tri::kYes);
  need.crio_files = written_files || (context.by_annotation() && !has_files);
  need.crio_runtime_table =
      need.crio_files &&
      (needs_runtime_table(context) || (pool != nullptr && pool->written_crio_runtime_table));
  if (!need.kernel_arguments && !need.crio_files) {
    context.reason("MachineConfig", "none: the nodes have what is needed");
    return;
  }
  context.reason("MachineConfig",
                 machine_config_name(need.pool) + " with" +
                     (need.kernel_arguments ? " the kernel arguments of cgroups v2" : "") +
                     (need.kernel_arguments && need.crio_files ? " and" : "") +
                     (need.crio_files ? " CRI-O's settings for the annotation" : "") +
                     (need.crio_runtime_table ? ", allowed to the runtime as CRI-O before 1.23 "
                                                "knows no workload's allowed_annotations"
                                              : ""));
  context.strategy.machine_config = std::move(need);
}

}  // namespace swo::platform
