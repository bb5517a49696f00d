// What is called at an event: added at any time, by any thread, and called outside the lock.
#pragma once

#include <functional>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

namespace devcluster {

template <typename Signature>
class Hooks {
 public:
  void add(std::function<Signature> hook) {
    const std::unique_lock lock(mutex_);
    hooks_.push_back(std::move(hook));
  }
  void add_first(std::function<Signature> hook) {
    const std::unique_lock lock(mutex_);
    hooks_.insert(hooks_.begin(), std::move(hook));
  }
  std::vector<std::function<Signature>> all() const {
    const std::shared_lock lock(mutex_);
    return hooks_;
  }

 private:
  mutable std::shared_mutex mutex_;
  std::vector<std::function<Signature>> hooks_;
};

}  // namespace devcluster
