// FNV-1a, 64 bits (datatracker.ietf.org/doc/draft-eastlake-fnv): stable across runs and builds.
#pragma once

#include <cstdint>

namespace swo::reconcile {

class Fnv {
 public:
  void add(std::uint64_t value) { hash_ = (hash_ ^ value) * kPrime; }
  std::uint64_t value() const { return hash_; }

 private:
  static constexpr std::uint64_t kPrime = 1099511628211ULL;
  std::uint64_t hash_ = 14695981039346656037ULL;
};

}  // namespace swo::reconcile
