// What the chains of status.hpp's conditions share. Internal to this floor's conditions_*.cpp.
// Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "reconcile/status.hpp"

namespace swo::reconcile::judging {

using Judge = std::optional<Verdict> (*)(const View&);

// The verdict of the first that has one.
template <std::size_t N>
Verdict first_of(const Judge (&chain)[N], const View& view, Verdict otherwise) {
  for (const Judge judge : chain) {
    if (auto verdict = judge(view)) {
      return *std::move(verdict);
    }
  }
  return otherwise;
}

inline const api::Spec& spec(const View& view) { return view.input.workload.spec; }
inline bool all_ready(const View& view) { return view.ready >= view.instances.wanted; }

inline ChildKey child(const kube::ResourceType& type, std::string name) {
  return {std::string(type.plural), std::move(name)};
}

// The name of that child is taken by an object of someone else.
std::optional<Verdict> taken(const View& view, const ChildKey& key);
// The last write to it failed.
std::optional<Verdict> refused(const View& view, const ChildKey& key, std::string reason);
std::optional<Verdict> platform_blocked(const View& view);
std::optional<Verdict> pod_refused(const View& view);

}  // namespace swo::reconcile::judging
