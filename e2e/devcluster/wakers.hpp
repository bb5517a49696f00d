// Who is told that there is something new: watches, followed logs.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace devcluster {

// Those who wait for something new. Each is called from whatever thread brings it, outside of the
// locks of this, and must not call back into what it waits for. Thread-safe.
class Wakers {
 public:
  class Waker {
   public:
    // Replaces the one before, which is not called any more once this returns.
    void set(std::function<void()> wake) {
      const std::lock_guard lock(mutex_);
      wake_ = std::move(wake);
    }
    void call() const {
      const std::lock_guard lock(mutex_);
      if (wake_) wake_();
    }

   private:
    mutable std::mutex mutex_;
    std::function<void()> wake_;
  };

  // It is called for as long as somebody holds it.
  std::shared_ptr<Waker> add() {
    const std::lock_guard lock(mutex_);
    std::erase_if(all_, [](const auto& weak) { return weak.expired(); });
    auto waker = std::make_shared<Waker>();
    all_.push_back(waker);
    return waker;
  }
  void call() const {
    std::unique_lock lock(mutex_);
    const auto all = all_;
    lock.unlock();
    for (const auto& weak : all) {
      if (const auto waker = weak.lock()) waker->call();
    }
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<Waker>> all_;
};

}  // namespace devcluster
