// The keys that are to be looked at: each at most once, by one worker at a time.
//
// A key added while it waits is one item. A key added while a worker has it is handed out again
// after done(), never to a second worker. A failing key comes back after a delay of its own. User
// changes (kHigh) go before the crowd of a start or a resync (kLow); after kPassedOver of them in a
// row a low one has its turn, so nothing starves, and ten thousand low ones can't hold a high one
// up.
//
// Thread-safe. Semantics of client-go util/workqueue and controller-runtime
// pkg/controller/priorityqueue. Fast because a key is hashed once per add, lives in a slot until
// nothing is known of it any more, and everything else speaks of slots.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "kube/resource.hpp"
#include "runtime/backoff.hpp"
#include "runtime/clock.hpp"

namespace swo::runtime {

using kube::ObjectKey;

enum class Priority : std::uint8_t { kLow, kHigh };

// What a queue tells its metrics. Called under the queue's lock: must be quick, must not call back.
class QueueMetrics {
 public:
  virtual ~QueueMetrics() = default;
  virtual void added(std::size_t depth) = 0;
  virtual void taken(std::size_t depth, Instant::duration waited) = 0;
  virtual void done(Instant::duration worked) = 0;
  virtual void retried() = 0;
};

struct WorkQueueOptions {
  Backoff backoff = {};
  const Clock* clock = nullptr;     // nullptr: the machine's
  QueueMetrics* metrics = nullptr;  // may be left out; must outlive the queue
};

class WorkQueue {
 public:
  // After so many high items in a row, one low item: at most an eighth of the work under full load.
  static constexpr int kPassedOver = 8;

  explicit WorkQueue(WorkQueueOptions options = {});
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  // Ready at once; a delayed add of the same key is thereby done. A higher priority wins. After
  // shut_down() nothing is added.
  void add(const ObjectKey& key, Priority priority = Priority::kHigh);
  // Ready after `delay`; of several delays the shortest counts.
  void add_after(const ObjectKey& key, Milliseconds delay, Priority priority = Priority::kHigh);
  // Counts one failure more and adds after the backoff for that, or after `at_least`, where that is
  // longer (five minutes at most); returns the delay.
  Milliseconds add_failed(const ObjectKey& key, Priority priority = Priority::kHigh,
                          Milliseconds at_least = Milliseconds{0});
  // It went well: the backoff starts from the beginning the next time.
  void forget(const ObjectKey& key);
  int failures(const ObjectKey& key) const;

  // A key in the hands of one worker. The reference is valid until done().
  class Item {
   public:
    const ObjectKey& key() const { return *key_; }
    Priority priority() const { return priority_; }

   private:
    friend class WorkQueue;
    Item(const ObjectKey* key, std::uint32_t slot, Priority priority)
        : key_(key), slot_(slot), priority_(priority) {}
    const ObjectKey* key_;
    std::uint32_t slot_;
    Priority priority_;
  };

  // Waits for a key; empty once shut down and what was ready has been handed out.
  std::optional<Item> get();
  // The same without waiting: what is ready at `now`.
  std::optional<Item> try_get(Instant now);
  // Every item got must be given back, exactly once.
  void done(const Item& item);

  // No more adds, delayed ones are dropped; get() hands out what is ready, then nothing.
  void shut_down();
  // The same, but what is ready is dropped as well: the state of the world is read anew after a
  // restart.
  void shut_down_now();

  std::size_t depth() const;  // ready and not in work
  std::size_t delayed() const;
  std::size_t in_work() const;
  // When the next delayed key is due; Instant::max() when there is none.
  Instant next_due() const;
  // Of the items in work: the sum of their times, and the longest
  // (workqueue_unfinished_work_seconds, …).
  std::pair<Instant::duration, Instant::duration> working(Instant now) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace swo::runtime
