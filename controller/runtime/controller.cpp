#include "runtime/controller.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/log.hpp"

namespace swo::runtime {

struct Controller::State {
  State(ControllerOptions wanted, WorkQueue& from, Reconcile with)
      : options(std::move(wanted)),
        clock(options.clock != nullptr ? *options.clock : system_clock()),
        queue(from),
        reconcile(std::move(with)) {}

  // What one worker is at.
  struct Work {
    ObjectKey key;
    Instant since;
  };

  void work(const WorkQueue::Item& item) {
    Instant began = clock.now();
    auto at = begin(item.key(), began);
    Outcome outcome = call(item.key());
    Instant::duration took = clock.now() - began;
    go_on(item, outcome, took);
    queue.done(item);
    end(at, outcome, took);
  }

  Outcome call(const ObjectKey& key) const {
    try {
      return reconcile(key);
    } catch (const std::exception& fault) {
      return Outcome::error(std::string("the reconcile threw: ") + fault.what());
    } catch (...) {
      return Outcome::error("the reconcile threw something unknown");
    }
  }

  void go_on(const WorkQueue::Item& item, const Outcome& outcome, Instant::duration took) const {
    if (outcome.kind != Outcome::Kind::kError) {
      queue.forget(item.key());
      if (outcome.kind == Outcome::Kind::kRequeueAfter) {
        queue.add_after(item.key(), outcome.after, item.priority());
      }
      return;
    }
    Milliseconds delay = queue.add_failed(item.key(), item.priority(), outcome.at_least);
    log::Level level = outcome.quiet ? log::Level::kInfo : log::Level::kWarning;
    if (!log::enabled(level)) return;
    log::write(level, "the reconcile failed and will be tried again",
               {{"controller", options.name},
                {"key", item.key().to_string()},
                {"error", outcome.message},
                {"again_in_ms", delay.count()},
                {"took_ms", std::chrono::duration_cast<Milliseconds>(took).count()}});
  }

  std::size_t begin(const ObjectKey& key, Instant now) {
    if (options.metrics != nullptr) options.metrics->started();
    std::lock_guard lock(mutex);
    ++counts.active;
    std::size_t at = 0;
    while (at < current.size() && current[at]) ++at;
    if (at == current.size()) current.emplace_back();
    current[at] = Work{key, now};
    return at;
  }

  void end(std::size_t at, const Outcome& outcome, Instant::duration took) {
    if (options.metrics != nullptr) options.metrics->finished(outcome, took);
    std::lock_guard lock(mutex);
    --counts.active;
    current[at].reset();
    switch (outcome.kind) {
      case Outcome::Kind::kDone:
        ++counts.done;
        break;
      case Outcome::Kind::kRequeueAfter:
        ++counts.requeued;
        break;
      case Outcome::Kind::kError:
        ++counts.failed;
    }
  }

  void run() {
    while (auto item = queue.get()) work(*item);
    std::lock_guard lock(mutex);
    --running;
    stopped.notify_all();
  }

  ControllerOptions options;
  const Clock& clock;
  WorkQueue& queue;
  Reconcile reconcile;

  mutable std::mutex mutex;
  std::condition_variable stopped;
  int running = 0;
  Counts counts;
  std::vector<std::optional<Work>> current;
  std::vector<std::jthread> workers;
};

Controller::Controller(ControllerOptions options, WorkQueue& queue, Reconcile reconcile)
    : state_(std::make_unique<State>(std::move(options), queue, std::move(reconcile))) {}

Controller::~Controller() {
  if (!state_->workers.empty()) state_->queue.shut_down_now();
}

void Controller::start() {
  std::lock_guard lock(state_->mutex);
  for (int i = 0; i < state_->options.workers; ++i) {
    ++state_->running;
    state_->workers.emplace_back([state = state_.get()] { state->run(); });
  }
}

bool Controller::stop(Milliseconds limit) {
  state_->queue.shut_down_now();
  std::unique_lock lock(state_->mutex);
  return state_->stopped.wait_for(lock, limit, [this] { return state_->running == 0; });
}

bool Controller::run_one(Instant now) {
  auto item = state_->queue.try_get(now);
  if (!item) return false;
  state_->work(*item);
  return true;
}

std::optional<Controller::Stuck> Controller::stuck(Instant now) const {
  std::lock_guard lock(state_->mutex);
  std::optional<Stuck> longest;
  for (const auto& work : state_->current) {
    if (!work || now - work->since < state_->options.stuck_after) continue;
    if (!longest || now - work->since > longest->since) {
      longest = Stuck{work->key, now - work->since};
    }
  }
  return longest;
}

Controller::Counts Controller::counts() const {
  std::lock_guard lock(state_->mutex);
  return state_->counts;
}

}  // namespace swo::runtime
