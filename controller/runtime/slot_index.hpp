// Finds the slot of a key by its hash: open addressing with linear probing, deletion by shifting
// back, so that there are no tombstones and a lookup is one run through neighbouring words.
//
// Knows neither keys nor their storage: callers say what equals, and what hash a slot has.
// Not thread-safe. (Knuth, TAOCP vol. 3, 6.4, Algorithm R.)
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace swo::runtime {

class SlotIndex {
 public:
  template <class Equals>
  std::optional<std::uint32_t> find(std::size_t hash, Equals equals) const {
    if (table_.empty()) return std::nullopt;
    for (std::size_t at = home(hash); table_[at] != 0; at = next(at)) {
      if (equals(table_[at] - 1)) return table_[at] - 1;
    }
    return std::nullopt;
  }

  // The slot must not be there yet.
  template <class HashOf>
  void insert(std::size_t hash, std::uint32_t slot, HashOf hash_of) {
    if ((size_ + 1) * 2 > table_.size()) grow(hash_of);
    place(hash, slot);
    ++size_;
  }

  // The slot must be there.
  template <class HashOf>
  void erase(std::size_t hash, std::uint32_t slot, HashOf hash_of) {
    std::size_t hole = home(hash);
    while (table_[hole] != slot + 1) hole = next(hole);
    // What follows in the run moves back into the hole unless that is before its home.
    for (std::size_t at = next(hole); table_[at] != 0; at = next(at)) {
      std::size_t wanted = home(hash_of(table_[at] - 1));
      if (((at - wanted) & mask()) >= ((at - hole) & mask())) {
        table_[hole] = table_[at];
        hole = at;
      }
    }
    table_[hole] = 0;
    --size_;
  }

  std::size_t size() const { return size_; }

 private:
  std::size_t mask() const { return table_.size() - 1; }
  std::size_t next(std::size_t at) const { return (at + 1) & mask(); }
  // The standard library's hashes of short integers and the like are weak in their low bits.
  std::size_t home(std::size_t hash) const {
    constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;
    return ((hash * kGolden) >> 32U) & mask();
  }
  void place(std::size_t hash, std::uint32_t slot) {
    std::size_t at = home(hash);
    while (table_[at] != 0) at = next(at);
    table_[at] = slot + 1;
  }
  template <class HashOf>
  void grow(HashOf hash_of) {
    std::vector<std::uint32_t> old(table_.empty() ? 16 : table_.size() * 2);
    old.swap(table_);
    for (std::uint32_t entry : old) {
      if (entry != 0) place(hash_of(entry - 1), entry - 1);
    }
  }

  std::vector<std::uint32_t> table_;  // slot + 1; 0 = empty. Its size is a power of two
  std::size_t size_ = 0;
};

}  // namespace swo::runtime
