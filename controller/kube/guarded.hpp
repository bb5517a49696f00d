// A value that its mutex owns: the value cannot be reached without the lock.
//
//   Guarded<std::vector<int>> numbers;
//   numbers.lock()->push_back(1);                // held for one expression
//   auto held = numbers.lock(); held->clear();   // held for a scope
#pragma once

#include <mutex>
#include <utility>

namespace swo::kube {

template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  template <class V>
  class Held {
   public:
    Held(std::mutex& mutex, V& value) : lock_(mutex), value_(value) {}
    V* operator->() const { return &value_; }
    V& operator*() const { return value_; }

   private:
    std::unique_lock<std::mutex> lock_;
    V& value_;
  };

  Held<T> lock() { return {mutex_, value_}; }
  Held<const T> lock() const { return {mutex_, value_}; }

 private:
  mutable std::mutex mutex_;
  T value_;
};

}  // namespace swo::kube
