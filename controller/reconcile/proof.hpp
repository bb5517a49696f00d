// What a running instance proves of its cluster, where there was a claim. Pure.
#pragma once

#include <optional>

#include "platform/strategy.hpp"
#include "reconcile/facts.hpp"

namespace swo::reconcile {

// How the Pod came by the user namespace that it has booted in. nullopt: it proves nothing, as one
// that an API server has robbed of hostUsers: it is root of its node. That its annotation was
// obeyed its startup probe has looked at. Judged by the Pod alone: it may be older than what is
// asked of it now.
std::optional<platform::UserNamespaceVia> proof_of(const PodFacts& pod);

}  // namespace swo::reconcile
