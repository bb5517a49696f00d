// Workers that take keys from a queue and reconcile them.
//
// The reconcile function is called with one key by one worker at a time, and says how to go on.
// What it throws becomes an error of that key: no key can take the process down. Thread-safe. The
// queue and the reconcile function must outlive the controller.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/clock.hpp"
#include "runtime/work_queue.hpp"

namespace swo::runtime {

struct Outcome {
  enum class Kind { kDone, kRequeueAfter, kError };
  Kind kind = Kind::kDone;
  Milliseconds after{0};     // kRequeueAfter
  std::string message;       // kError: why, for the log
  bool quiet = false;        // kError: an everyday one (a conflict), which is not worth a warning
  Milliseconds at_least{0};  // kError: as long as the server asks to be left alone (Retry-After)

  static Outcome done() { return {}; }
  // Look again after `after`; the failure count starts anew.
  static Outcome requeue_after(Milliseconds after) {
    return {Kind::kRequeueAfter, after, {}, false};
  }
  // Look again after the key's backoff.
  static Outcome error(std::string message, bool quiet = false) {
    return {Kind::kError, Milliseconds{0}, std::move(message), quiet};
  }
};

using Reconcile = std::function<Outcome(const ObjectKey& key)>;

// What a controller tells its metrics; called by the workers, must be thread-safe.
class ControllerMetrics {
 public:
  virtual ~ControllerMetrics() = default;
  virtual void started() = 0;
  virtual void finished(const Outcome& outcome, Instant::duration took) = 0;
};

struct ControllerOptions {
  std::string name;
  int workers = 2;
  // A reconcile is a handful of API calls of at most 30 s each: after so long it hangs.
  Milliseconds stuck_after{300'000};
  const Clock* clock = nullptr;          // nullptr: the machine's
  ControllerMetrics* metrics = nullptr;  // may be left out
};

class Controller {
 public:
  Controller(ControllerOptions options, WorkQueue& queue, Reconcile reconcile);
  ~Controller();  // stops, without a limit
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  void start();
  // Lets the workers finish what they are at, and no more; waits at most `limit`. False: some are
  // still at it (the destructor waits for them: shut the transport down first).
  bool stop(Milliseconds limit);

  // Reconciles one ready key on the caller's thread; false when none is ready. For tests.
  bool run_one(Instant now);

  struct Stuck {
    ObjectKey key;
    Instant::duration since{};
  };
  // The reconcile that has been running longest, if too long: for the liveness check.
  std::optional<Stuck> stuck(Instant now) const;

  struct Counts {
    std::uint64_t done = 0, requeued = 0, failed = 0;
    int active = 0;
  };
  Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace swo::runtime
