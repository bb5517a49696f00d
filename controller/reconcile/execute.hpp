// Carries out a plan's actions, in order, and remembers what came of each.
//
// Thread-safe for different owners. A write that is refused does not keep the next from being
// tried; a server that cannot be reached does, and one that fails keeps those of its API group.
// Every write is recorded as an expectation, so that the owner is not looked at again before the
// watches have shown it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kube/client.hpp"
#include "kube/expectations.hpp"
#include "reconcile/plan.hpp"
#include "reconcile/world.hpp"

namespace swo::reconcile {

struct Executed {
  int writes = 0;
  std::optional<kube::Error> error;  // the first; the owner is to be looked at again, with backoff
};

// Called for each action that was carried out, or was refused (`error`).
using ActionObserver = std::function<void(const Action&, const kube::Error* error)>;

class Executor {
 public:
  Executor(kube::Client& client, World& world, kube::Expectations& expectations)
      : client_(client), world_(world), expectations_(expectations) {}

  // Whether the live object of our name may be written: it belongs to the owner.
  using BelongsToUs = std::function<bool(const Json& live)>;

  // Looks again at the names that were taken, and forgets those that have become free.
  void recheck_foreign(std::string_view ns, const BelongsToUs& belongs, Memory& memory);

  Executed carry_out(const kube::ObjectKey& owner, const std::vector<Action>& actions,
                     const BelongsToUs& belongs, Memory& memory, kube::Instant now,
                     const ActionObserver& observer);

 private:
  kube::Result<kube::Written> create(const CreateAction& action, const Action& whole,
                                     const BelongsToUs& belongs, Memory& memory);
  kube::Result<kube::Written> apply(const ApplyAction& action, const Action& whole,
                                    const BelongsToUs& belongs, Memory& memory);
  kube::Result<kube::Written> remove(const DeleteAction& action);
  kube::Result<kube::Written> patch(const PatchAction& action, const Action& whole, Memory& memory);
  // What the store has of an object that is to be deleted: the event may be here before the answer.
  std::optional<kube::StoreBase::Version> held_before(const Action& action);
  // `held`: that. False: the kind is not watched.
  bool expect(const kube::ObjectKey& owner, const Action& action, const kube::Written& written,
              const std::optional<kube::StoreBase::Version>& held, kube::Instant now);

  kube::Client& client_;
  World& world_;
  kube::Expectations& expectations_;
};

}  // namespace swo::reconcile
