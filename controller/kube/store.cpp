#include "kube/store.hpp"

#include <algorithm>

namespace swo::kube {

std::uint64_t StoreBase::seen(std::string_view ns) const {
  auto seen = seen_.lock();
  auto scope = seen->find(std::string(ns));
  if (scope == seen->end()) scope = seen->find("");
  return scope == seen->end() ? 0 : scope->second;
}

bool StoreBase::synced() const {
  auto seen = seen_.lock();
  return !seen->empty() && std::all_of(seen->begin(), seen->end(),
                                       [](const auto& scope) { return scope.second > 0; });
}

void StoreBase::expect_scope(const std::string& scope) { seen_.lock()->try_emplace(scope, 0); }

void StoreBase::saw(const std::string& scope, std::uint64_t resource_version) {
  auto seen = seen_.lock();
  std::uint64_t& version = (*seen)[scope];
  version = std::max(version, resource_version);
}

}  // namespace swo::kube
