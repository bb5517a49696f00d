#include "reconcile/proof.hpp"

namespace swo::reconcile {

std::optional<platform::UserNamespaceVia> proof_of(const PodFacts& pod) {
  if (!pod.started) {
    return std::nullopt;
  }
  if (pod.host_users == false) {
    return platform::UserNamespaceVia::kHostUsers;
  }
  return pod.user_namespace_asked ? std::optional(platform::UserNamespaceVia::kAnnotation)
                                  : std::nullopt;
}

}  // namespace swo::reconcile
