// What is known of the objects of one resource type: projected facts by key, and by the key that
// owns them.
//
// T is a plain struct with at least
//     ObjectKey key;  std::string uid;  std::uint64_t resource_version;
// Facts are immutable and shared: a pointer handed out stays valid and constant, whatever comes
// after.
//
// Thread-safe. Never goes back in time: facts older than those held are ignored. A scope is what
// one list+watch covers: a namespace, or "" for all of them; what has been seen is kept per scope,
// because two watches do not advance together.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "kube/guarded.hpp"
#include "kube/resource.hpp"

namespace swo::kube {

// The part of a store that does not depend on what it holds (see expectations.hpp).
class StoreBase {
 public:
  struct Version {
    std::string uid;
    std::uint64_t resource_version = 0;
  };
  StoreBase() = default;
  StoreBase(const StoreBase&) = delete;
  StoreBase& operator=(const StoreBase&) = delete;
  virtual ~StoreBase() = default;

  // Highest resourceVersion seen (lists, events, bookmarks) where objects of namespace `ns` are
  // watched: every change up to it is in the store. 0 = not listed yet.
  std::uint64_t seen(std::string_view ns = {}) const;
  // True once every scope has been listed.
  bool synced() const;
  virtual std::optional<Version> version(const ObjectKey& key) const = 0;
  virtual std::size_t size() const = 0;

  // For the informer. expect_scope() before the first list; saw() only ever raises.
  void expect_scope(const std::string& scope);
  void saw(const std::string& scope, std::uint64_t resource_version);

 private:
  Guarded<std::unordered_map<std::string, std::uint64_t>> seen_;  // by scope
};

template <class T>
class Store : public StoreBase {
 public:
  using Ptr = std::shared_ptr<const T>;
  using OwnerOf = std::function<ObjectKey(const T&)>;
  // One difference: {nullptr, new}, {old, new} or {old, nullptr}.
  struct Change {
    Ptr before;
    Ptr after;
  };

  // `owner_of` makes the secondary index; a key with an empty name is not indexed. Called under the
  // lock: it must not call back.
  explicit Store(OwnerOf owner_of = nullptr) : owner_of_(std::move(owner_of)) {}

  Ptr get(const ObjectKey& key) const;                      // nullptr when there is none
  std::vector<Ptr> owned_by(const ObjectKey& owner) const;  // in order of their keys
  std::vector<Ptr> all() const;                             // in no order
  // Over a snapshot: `visit` may call back into the store.
  void for_each(const std::function<void(const T&)>& visit) const;
  std::optional<Version> version(const ObjectKey& key) const override;
  std::size_t size() const override;

  // Empty when `fact` is not newer than what is held.
  std::optional<Change> upsert(T fact);
  // Empty when nothing is held, or something newer than `resource_version`.
  std::optional<Change> remove(const ObjectKey& key, std::uint64_t resource_version);
  // `facts` is all there is in `scope` at `resource_version`: what is held, older and not among
  // them has vanished.
  std::vector<Change> replace(const std::string& scope, std::vector<T> facts,
                              std::uint64_t resource_version);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const ObjectKey& key) const noexcept { return ObjectKeyHash{}(key); }
    std::size_t operator()(const Ptr& fact) const noexcept { return ObjectKeyHash{}(fact->key); }
  };
  struct Equal {
    using is_transparent = void;
    static const ObjectKey& key_of(const ObjectKey& key) { return key; }
    static const ObjectKey& key_of(const Ptr& fact) { return fact->key; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return key_of(a) == key_of(b);
    }
  };
  struct State {
    std::unordered_set<Ptr, Hash, Equal> facts;  // the fact is its own key: nothing is kept twice
    std::unordered_map<ObjectKey, std::vector<Ptr>, ObjectKeyHash> by_owner;
  };
  std::optional<Change> upsert(State& state, T&& fact);
  void index(State& state, const Ptr& fact);
  void unindex(State& state, const Ptr& fact);

  OwnerOf owner_of_;
  Guarded<State> state_;
};

}  // namespace swo::kube

#include "kube/store_inl.hpp"  // IWYU pragma: export
