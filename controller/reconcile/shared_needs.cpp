#include "reconcile/shared_needs.hpp"

#include <algorithm>

namespace swo::reconcile {

std::size_t SharedNeeds::index_of(const Need& need) {
  const auto found = std::find_if(kinds_.begin(), kinds_.end(),
                                  [&](const Kind& kind) { return kind.need == need; });
  if (found != kinds_.end()) {
    return static_cast<std::size_t>(found - kinds_.begin());
  }
  kinds_.push_back({need, 0});
  return kinds_.size() - 1;
}

bool SharedNeeds::report(const kube::ObjectKey& workload, const Need& need, std::size_t of) {
  const std::lock_guard lock(mutex_);
  const std::size_t index = index_of(need);
  const auto [entry, inserted] = by_workload_.try_emplace(workload, index);
  if (!inserted && entry->second == index) {
    return false;
  }
  bool changed = false;
  if (!inserted) {
    changed = --kinds_[entry->second].users == 0;
    entry->second = index;
  }
  const bool complete = inserted && by_workload_.size() >= of;
  return ++kinds_[index].users == 1 || changed || complete;
}

bool SharedNeeds::report_unknown(const kube::ObjectKey& workload, std::size_t of) {
  {
    const std::lock_guard lock(mutex_);
    if (by_workload_.contains(workload)) {
      return false;
    }
  }
  Need need;
  need.unknown = true;
  return report(workload, need, of);
}

bool SharedNeeds::has_reported(const kube::ObjectKey& workload) const {
  const std::lock_guard lock(mutex_);
  return by_workload_.contains(workload);
}

bool SharedNeeds::forget(const kube::ObjectKey& workload) {
  const std::lock_guard lock(mutex_);
  const auto entry = by_workload_.find(workload);
  if (entry == by_workload_.end()) {
    return true;
  }
  const bool last = --kinds_[entry->second].users == 0;
  by_workload_.erase(entry);
  return last;
}

SharedNeedsSum SharedNeeds::sum() const {
  const std::lock_guard lock(mutex_);
  SharedNeedsSum sum;
  for (const auto& [need, users] : kinds_) {
    if (users == 0) {
      continue;
    }
    if (!need.scc.empty()) {
      NeededScc& scc = sum.sccs[need.scc];
      scc.capabilities = need.capabilities;
      // With the level it would refuse those that have their user namespace by annotation.
      scc.user_namespace_level =
          (scc.users == 0 || scc.user_namespace_level) && need.scc_user_namespace_level;
      scc.users += static_cast<int>(users);
    }
    if (need.machine_config) {
      auto& config = sum.machine_configs[need.machine_config->pool];
      config.pool = need.machine_config->pool;
      config.kernel_arguments = config.kernel_arguments || need.machine_config->kernel_arguments;
      config.crio_files = config.crio_files || need.machine_config->crio_files;
      config.crio_runtime_table =
          config.crio_runtime_table || need.machine_config->crio_runtime_table;
    }
    sum.cgroup_mode = sum.cgroup_mode || need.cgroup_mode;
    sum.unknown += need.unknown ? users : 0;
  }
  return sum;
}

}  // namespace swo::reconcile
