// The Pod finds no node, no volume, or loses them.
#include "failure_rows.hpp"

namespace swo::test {
namespace {

std::function<void(Simulation&)> every_worker(Json change) {
  return [change = std::move(change)](Simulation& simulation) {
    for (const char* node : {"worker-0", "worker-1", "worker-2"}) {
      simulation.admin().merge_patch("/api/v1/nodes", node, change);
    }
  };
}

Json claim_of(const std::string& storage_class) {
  return {{"storage",
           {{"claims",
             {{{"name", "data"},
               {"mountPath", "/data"},
               {"size", "1Gi"},
               {"storageClassName", storage_class}}}}}}};
}

}  // namespace

std::vector<FailureRow> placement_rows() {
  return {
      {.name = "NodesWithoutRoom",
       .reason = "InsufficientResources",
       .evidence = "3 Insufficient memory",
       .remedy = "lower spec.resources.requests",
       .spec = {{"resources", {{"requests", {{"memory", "64Gi"}}}}}},
       .mend = respec({{"resources", {{"requests", {{"memory", "1Gi"}}}}}})},
      {.name = "NodesWithATaint",
       .reason = "TaintNotTolerated",
       .evidence = "untolerated taint {dedicated: database}",
       .remedy = "spec.tolerations",
       .hinder = every_worker(
           {{"spec",
             {{"taints",
               {{{"key", "dedicated"}, {"value", "database"}, {"effect", "NoSchedule"}}}}}}}),
       .mend = respec({{"tolerations", {{{"key", "dedicated"}, {"operator", "Exists"}}}}})},
      {.name = "NodesWithoutTheLabelAskedFor",
       .reason = "NodeSelectorUnmatched",
       .evidence = "didn't match Pod's node affinity/selector",
       .remedy = "label a node",
       .spec = {{"nodeSelector", {{"disk", "fast"}}}},
       .mend =
           patch("/api/v1/nodes", "worker-1", {{"metadata", {{"labels", {{"disk", "fast"}}}}}})},
      {.name = "NodesThatAreCordoned",
       .reason = "NodesCordoned",
       .evidence = "3 node(s) were unschedulable",
       .remedy = "uncordon a node",
       .hinder = every_worker({{"spec", {{"unschedulable", true}}}}),
       .mend = every_worker({{"spec", {{"unschedulable", nullptr}}}})},
      {.name = "AClaimWithoutAVolume",
       .reason = "ClaimUnbound",
       .evidence = "unbound immediate PersistentVolumeClaims",
       .remedy = "the StorageClass: does it exist",
       .spec = claim_of("fast"),
       .mend = create("/apis/storage.k8s.io/v1/storageclasses",
                      {{"metadata", {{"name", "fast"}}}, {"provisioner", "example.com/fast"}})},
      {.name = "AClaimThatIsNotThere",
       .reason = "ClaimMissing",
       .evidence = "persistentvolumeclaim \"shared\" not found",
       .remedy = "create the claim",
       .spec = {{"volumes",
                 {{{"name", "shared"}, {"persistentVolumeClaim", {{"claimName", "shared"}}}}}},
                {"volumeMounts", {{{"name", "shared"}, {"mountPath", "/shared"}}}}},
       .mend = create(core_path + "persistentvolumeclaims",
                      {{"metadata", {{"name", "shared"}}},
                       {"spec",
                        {{"accessModes", {"ReadWriteMany"}},
                         {"resources", {{"requests", {{"storage", "1Gi"}}}}}}}})},
      {.name = "ANodeThatIsLost",
       .reason = "NodeLost",
       .evidence = "The node worker-0 is not ready",
       .remedy = "bring the node back",
       .spoil = [](Simulation& simulation) { simulation.cluster().fail_node("worker-0"); },
       .mend = [](Simulation& simulation) { simulation.cluster().restore_node("worker-0"); }},
  };
}

}  // namespace swo::test
