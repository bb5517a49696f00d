#include "kube/expectations.hpp"

#include <algorithm>
#include <utility>

namespace swo::kube {

bool Expectations::Pending::shown() const {
  if (uid.empty()) return store->seen(object.ns) >= resource_version;
  auto held = store->version(object);
  return !held || held->uid != uid || held->resource_version > resource_version;
}

void Expectations::wrote(const ObjectKey& workload, const StoreBase& store, const ObjectKey& object,
                         std::uint64_t resource_version, Instant now) {
  add(workload, Pending{&store, object, "", resource_version, now + timeout_});
}

void Expectations::removed(const ObjectKey& workload, const StoreBase& store,
                           const ObjectKey& object, const StoreBase::Version& held, Instant now) {
  add(workload, Pending{&store, object, held.uid, held.resource_version, now + timeout_});
}

void Expectations::add(const ObjectKey& workload, Pending pending) {
  if (pending.shown()) return;
  state_.lock()->by_workload[workload].push_back(std::move(pending));
}

bool Expectations::satisfied(const ObjectKey& workload, Instant now) {
  auto state = state_.lock();
  auto waits = state->by_workload.find(workload);
  if (waits == state->by_workload.end()) return true;
  std::erase_if(waits->second, [&](const Pending& pending) {
    if (pending.shown()) return true;
    if (pending.deadline > now) return false;
    ++state->timed_out;
    return true;
  });
  if (!waits->second.empty()) return false;
  state->by_workload.erase(waits);
  return true;
}

Instant Expectations::deadline(const ObjectKey& workload, Instant now) const {
  auto state = state_.lock();
  auto waits = state->by_workload.find(workload);
  if (waits == state->by_workload.end()) return now;
  Instant latest = now;
  for (const Pending& pending : waits->second) latest = std::max(latest, pending.deadline);
  return latest;
}

void Expectations::forget(const ObjectKey& workload) { state_.lock()->by_workload.erase(workload); }

std::uint64_t Expectations::timed_out() const { return state_.lock()->timed_out; }

std::size_t Expectations::pending() const {
  auto state = state_.lock();
  std::size_t count = 0;
  for (const auto& [workload, waits] : state->by_workload) count += waits.size();
  return count;
}

}  // namespace swo::kube
