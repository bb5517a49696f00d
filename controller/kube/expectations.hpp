// Read your own writes: holds a workload back until the stores have seen what was written for it.
//
// After a write the watch lags by some milliseconds; a reconcile in between would see the old state
// and create twice. So every write is recorded here, and the workload is looked at only once
// satisfied() – or once the wait has timed out, because a watch may never show a write (it left the
// selector, say).
//
// Thread-safe. Stores must outlive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "kube/guarded.hpp"
#include "kube/resource.hpp"
#include "kube/store.hpp"
#include "kube/watcher.hpp"

namespace swo::kube {

class Expectations {
 public:
  // How long to wait for a watch to show a write. A healthy watch needs milliseconds; a dead one is
  // noticed after 75 s, and until then a resync of the workload is worth a look.
  explicit Expectations(Milliseconds timeout = Milliseconds{10'000}) : timeout_(timeout) {}

  // `workload` wrote `object` into the collection that `store` watches, and the server answered
  // with `resource_version`.
  void wrote(const ObjectKey& workload, const StoreBase& store, const ObjectKey& object,
             std::uint64_t resource_version, Instant now);
  // `workload` deleted `object` when `held` was known of it. Shown when the object is gone, is
  // another one, or has changed (a deletionTimestamp).
  void removed(const ObjectKey& workload, const StoreBase& store, const ObjectKey& object,
               const StoreBase::Version& held, Instant now);

  // True when all that was written for `workload` has been seen or has timed out; forgets what has
  // been.
  bool satisfied(const ObjectKey& workload, Instant now);
  // When satisfied() is true at the latest; `now` when nothing is waited for.
  Instant deadline(const ObjectKey& workload, Instant now) const;
  void forget(const ObjectKey& workload);
  // Waits that ended by timeout: each is a hint of a selector or a watch that is wrong.
  std::uint64_t timed_out() const;
  std::size_t pending() const;

 private:
  struct Pending {
    const StoreBase* store = nullptr;
    ObjectKey object;
    std::string uid;  // of the object that was deleted; "" = it was written
    std::uint64_t resource_version = 0;
    Instant deadline;
    bool shown() const;
  };
  struct State {
    std::unordered_map<ObjectKey, std::vector<Pending>, ObjectKeyHash> by_workload;
    std::uint64_t timed_out = 0;
  };
  void add(const ObjectKey& workload, Pending pending);

  Milliseconds timeout_;
  Guarded<State> state_;
};

}  // namespace swo::kube
