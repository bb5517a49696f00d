// One PersistentVolumeClaim for each of the workload's claims and each instance.
#include <string>

#include "api/names.hpp"
#include "render/common.hpp"
#include "render/quantity.hpp"
#include "render/render.hpp"

namespace swo::render {

Json claim(const api::Workload& workload, const api::Claim& claim, int ordinal) {
  Json result = {{"apiVersion", "v1"},
                 {"kind", "PersistentVolumeClaim"},
                 {"metadata", metadata(workload, claim_name(claim, workload, ordinal))},
                 {"spec",
                  {{"accessModes", claim.access_modes},
                   {"resources", {{"requests", {{"storage", canonical_quantity(claim.size)}}}}},
                   {"volumeMode", "Filesystem"}}}};
  Json& labels = result["metadata"]["labels"];
  labels[std::string(api::kLabelOrdinal)] = std::to_string(ordinal);
  // By this label Argo CD takes an object without an owner for one of the application of that name,
  // and prunes what is not in its repository: here, the data.
  labels.erase(std::string(api::kLabelInstance));
  set_unless_empty(result["spec"], "storageClassName", claim.storage_class_name);
  // An owned claim goes with its workload, whether the operator still runs or not; a retained one
  // must not.
  if (workload.spec.storage.when_deleted != "Delete") {
    result["metadata"].erase("ownerReferences");
  }
  return result;
}

}  // namespace swo::render
