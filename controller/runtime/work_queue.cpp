#include "runtime/work_queue.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "runtime/slot_index.hpp"

namespace swo::runtime {
namespace {

using Slot = std::uint32_t;

// All that is known of one key.
struct Entry {
  ObjectKey key;
  std::size_t hash = 0;
  bool ready = false;
  bool in_work = false;
  bool again = false;  // added while in work
  Priority priority = Priority::kLow;
  Priority delayed_priority = Priority::kLow;
  int failures = 0;
  std::uint64_t ticket = 0;        // of its place among the ready; others there are stale
  std::uint64_t delay_ticket = 0;  // likewise among the delayed; 0 = not delayed
  Instant due{};
  Instant added_at{};
  Instant taken_at{};
};

struct Place {
  Slot slot = 0;
  std::uint64_t ticket = 0;
};

struct Delayed {
  Instant due;
  Slot slot = 0;
  std::uint64_t ticket = 0;
  bool operator<(const Delayed& other) const {
    return due > other.due;
  }  // a heap has the largest on top
};

// A crowd that has gone leaves its slots behind; more than this many are given back.
constexpr std::size_t kSlotsKept = 1024;
// A server that asks to be left alone for longer is asked again all the same.
constexpr Milliseconds kMostAsked = std::chrono::minutes(5);

}  // namespace

struct WorkQueue::State {
  explicit State(WorkQueueOptions wanted)
      : options(wanted), clock(wanted.clock != nullptr ? *wanted.clock : system_clock()) {}

  // All of the following: under the lock.
  Entry* find(const ObjectKey& key) {
    auto slot =
        index.find(kube::ObjectKeyHash{}(key), [&](Slot at) { return slots[at].key == key; });
    return slot ? &slots[*slot] : nullptr;
  }

  Slot find_or_make(const ObjectKey& key) {
    std::size_t hash = kube::ObjectKeyHash{}(key);
    auto known = index.find(hash, [&](Slot at) { return slots[at].key == key; });
    if (known) return *known;
    Slot slot = 0;
    if (free.empty()) {
      slot = static_cast<Slot>(slots.size());
      slots.emplace_back();
    } else {
      slot = free.back();
      free.pop_back();
    }
    slots[slot].key = key;
    slots[slot].hash = hash;
    index.insert(hash, slot, [&](Slot at) { return slots[at].hash; });
    return slot;
  }

  // Forgets a key of which nothing is to be remembered.
  void release(Slot slot) {
    Entry& entry = slots[slot];
    if (entry.ready || entry.in_work || entry.delay_ticket != 0 || entry.failures != 0) return;
    index.erase(entry.hash, slot, [&](Slot at) { return slots[at].hash; });
    free.push_back(slot);
    if (free.size() == slots.size() && slots.size() > kSlotsKept) {
      slots.clear();
      free = {};
      delayed_heap = {};
      for (auto& ring : ready) ring.clear();
      index = {};
    }
  }

  void undelay(Entry& entry) {
    if (entry.delay_ticket == 0) return;
    entry.delay_ticket = 0;
    --delayed_count;
  }

  // True when a waiting worker has something to do by it.
  bool make_ready(Slot slot, Priority priority, Instant now) {
    Entry& entry = slots[slot];
    if (entry.in_work) {
      if (!entry.again && options.metrics != nullptr) options.metrics->added(ready_count);
      entry.priority = entry.again ? std::max(entry.priority, priority) : priority;
      entry.again = true;
      return false;
    }
    if (entry.ready) {
      if (priority <= entry.priority) return false;
    } else {
      entry.ready = true;
      entry.added_at = now;
      ++ready_count;
      if (options.metrics != nullptr) options.metrics->added(ready_count);
    }
    entry.priority = priority;
    entry.ticket = ++tickets;
    ready[static_cast<std::size_t>(priority)].push_back({slot, entry.ticket});
    return true;
  }

  void delay(Slot slot, Instant due, Priority priority) {
    Entry& entry = slots[slot];
    if (entry.delay_ticket != 0) {
      entry.delayed_priority = std::max(entry.delayed_priority, priority);
      if (entry.due <= due) return;
    } else {
      entry.delayed_priority = priority;
      ++delayed_count;
    }
    entry.due = due;
    entry.delay_ticket = ++tickets;
    // Most heap entries stale: keys that were added before their delay was over, again and again.
    if (delayed_heap.size() > 2 * delayed_count + 64) {
      std::erase_if(delayed_heap, [&](const Delayed& at) { return stale(at); });
      std::make_heap(delayed_heap.begin(), delayed_heap.end());
    }
    delayed_heap.push_back({due, slot, entry.delay_ticket});
    std::push_heap(delayed_heap.begin(), delayed_heap.end());
  }

  bool stale(const Delayed& at) const { return slots[at.slot].delay_ticket != at.ticket; }

  // The next delayed key that is still meant.
  const Delayed* first_delayed() {
    while (!delayed_heap.empty() && stale(delayed_heap.front())) {
      std::pop_heap(delayed_heap.begin(), delayed_heap.end());
      delayed_heap.pop_back();
    }
    return delayed_heap.empty() ? nullptr : &delayed_heap.front();
  }

  void make_due_ready(Instant now) {
    for (const Delayed* first = first_delayed(); first != nullptr && first->due <= now;
         first = first_delayed()) {
      Slot slot = first->slot;
      undelay(slots[slot]);
      make_ready(slot, slots[slot].delayed_priority, now);
    }
  }

  std::deque<Place>& clean(Priority priority) {
    auto& ring = ready[static_cast<std::size_t>(priority)];
    while (!ring.empty() && (!slots[ring.front().slot].ready ||
                             slots[ring.front().slot].ticket != ring.front().ticket)) {
      ring.pop_front();
    }
    return ring;
  }

  std::optional<Slot> take(Instant now) {
    if (delayed_count > 0) make_due_ready(now);
    if (ready_count == 0) return std::nullopt;
    auto& high = clean(Priority::kHigh);
    auto& low = clean(Priority::kLow);
    bool take_low = high.empty() || (!low.empty() && passed_over >= kPassedOver);
    passed_over = take_low || low.empty() ? 0 : passed_over + 1;
    auto& ring = take_low ? low : high;
    Slot slot = ring.front().slot;
    ring.pop_front();

    Entry& entry = slots[slot];
    entry.ready = false;
    entry.in_work = true;
    entry.taken_at = now;
    --ready_count;
    in_work.push_back(slot);
    if (options.metrics != nullptr) options.metrics->taken(ready_count, now - entry.added_at);
    return slot;
  }

  WorkQueueOptions options;
  const Clock& clock;
  mutable std::mutex mutex;
  std::condition_variable wake;
  int waiting = 0;
  int timed = 0;  // of them those that wake when the next key comes due
  bool shut = false;

  std::deque<Entry> slots;  // a deque: Items point into it
  std::vector<Slot> free;
  SlotIndex index;
  std::array<std::deque<Place>, 2> ready;  // by priority, in order of their adds
  std::vector<Delayed> delayed_heap;
  std::vector<Slot> in_work;
  std::size_t ready_count = 0;
  std::size_t delayed_count = 0;
  std::uint64_t tickets = 0;
  int passed_over = 0;
};

WorkQueue::WorkQueue(WorkQueueOptions options) : state_(std::make_unique<State>(options)) {}
WorkQueue::~WorkQueue() = default;

void WorkQueue::add(const ObjectKey& key, Priority priority) {
  State& state = *state_;
  Instant now = state.clock.now();
  std::lock_guard lock(state.mutex);
  if (state.shut) return;
  Slot slot = state.find_or_make(key);
  state.undelay(state.slots[slot]);
  if (state.make_ready(slot, priority, now) && state.waiting > 0) state.wake.notify_one();
}

void WorkQueue::add_after(const ObjectKey& key, Milliseconds delay, Priority priority) {
  if (delay <= Milliseconds{0}) return add(key, priority);
  State& state = *state_;
  Instant due = state.clock.now() + delay;
  std::lock_guard lock(state.mutex);
  if (state.shut) return;
  state.delay(state.find_or_make(key), due, priority);
  if (state.waiting > 0) state.wake.notify_one();  // one of them waits for the new earliest
}

Milliseconds WorkQueue::add_failed(const ObjectKey& key, Priority priority, Milliseconds at_least) {
  State& state = *state_;
  Instant now = state.clock.now();
  std::lock_guard lock(state.mutex);
  if (state.shut) return Milliseconds{0};
  Slot slot = state.find_or_make(key);
  const Milliseconds backoff = state.options.backoff.delay(++state.slots[slot].failures);
  const Milliseconds delay = std::max(backoff, std::min(at_least, kMostAsked));
  state.delay(slot, now + delay, priority);
  if (state.options.metrics != nullptr) state.options.metrics->retried();
  if (state.waiting > 0) state.wake.notify_one();
  return delay;
}

void WorkQueue::forget(const ObjectKey& key) {
  std::lock_guard lock(state_->mutex);
  auto slot = state_->index.find(kube::ObjectKeyHash{}(key),
                                 [&](Slot at) { return state_->slots[at].key == key; });
  if (!slot || state_->slots[*slot].failures == 0) return;
  state_->slots[*slot].failures = 0;
  state_->release(*slot);
}

int WorkQueue::failures(const ObjectKey& key) const {
  std::lock_guard lock(state_->mutex);
  const Entry* entry = state_->find(key);
  return entry == nullptr ? 0 : entry->failures;
}

std::optional<WorkQueue::Item> WorkQueue::get() {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  while (true) {
    Instant now = state.clock.now();
    if (auto slot = state.take(now)) {
      // Whoever waits on may not know of what else is ready or of what comes due: this thread did.
      const bool unwatched = state.timed == 0 && state.first_delayed() != nullptr;
      if (state.waiting > 0 && (state.ready_count > 0 || unwatched)) state.wake.notify_one();
      const Entry& entry = state.slots[*slot];
      return Item(&entry.key, *slot, entry.priority);
    }
    if (state.shut) return std::nullopt;
    const Delayed* next = state.first_delayed();
    ++state.waiting;
    if (next == nullptr) {
      state.wake.wait(lock);
    } else {
      ++state.timed;
      state.wake.wait_for(lock, next->due - now);
      --state.timed;
    }
    --state.waiting;
  }
}

std::optional<WorkQueue::Item> WorkQueue::try_get(Instant now) {
  std::lock_guard lock(state_->mutex);
  auto slot = state_->take(now);
  if (!slot) return std::nullopt;
  const Entry& entry = state_->slots[*slot];
  return Item(&entry.key, *slot, entry.priority);
}

void WorkQueue::done(const Item& item) {
  State& state = *state_;
  Instant now = state.clock.now();
  std::lock_guard lock(state.mutex);
  Entry& entry = state.slots[item.slot_];
  entry.in_work = false;
  std::erase(state.in_work, item.slot_);
  if (state.options.metrics != nullptr) state.options.metrics->done(now - entry.taken_at);
  if (std::exchange(entry.again, false) && !state.shut) {
    entry.ready = true;
    entry.added_at = now;
    entry.ticket = ++state.tickets;
    state.ready[static_cast<std::size_t>(entry.priority)].push_back({item.slot_, entry.ticket});
    ++state.ready_count;
    if (state.waiting > 0) state.wake.notify_one();
  } else {
    state.release(item.slot_);
  }
}

void WorkQueue::shut_down() {
  std::lock_guard lock(state_->mutex);
  state_->shut = true;
  for (const Delayed& at : state_->delayed_heap) {
    if (!state_->stale(at)) state_->undelay(state_->slots[at.slot]);
  }
  state_->delayed_heap.clear();
  state_->wake.notify_all();
}

void WorkQueue::shut_down_now() {
  shut_down();
  std::lock_guard lock(state_->mutex);
  for (auto& ring : state_->ready) {
    for (const Place& place : ring) state_->slots[place.slot].ready = false;
    ring.clear();
  }
  state_->ready_count = 0;
}

std::size_t WorkQueue::depth() const {
  std::lock_guard lock(state_->mutex);
  return state_->ready_count;
}

std::size_t WorkQueue::delayed() const {
  std::lock_guard lock(state_->mutex);
  return state_->delayed_count;
}

std::size_t WorkQueue::in_work() const {
  std::lock_guard lock(state_->mutex);
  return state_->in_work.size();
}

Instant WorkQueue::next_due() const {
  std::lock_guard lock(state_->mutex);
  const Delayed* next = state_->first_delayed();
  return next == nullptr ? Instant::max() : next->due;
}

std::pair<Instant::duration, Instant::duration> WorkQueue::working(Instant now) const {
  std::lock_guard lock(state_->mutex);
  Instant::duration sum{0};
  Instant::duration longest{0};
  for (Slot slot : state_->in_work) {
    auto time = now - state_->slots[slot].taken_at;
    sum += time;
    longest = std::max(longest, time);
  }
  return {sum, longest};
}

}  // namespace swo::runtime
