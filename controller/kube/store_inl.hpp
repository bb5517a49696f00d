// The templates of store.hpp.
#pragma once

#include <algorithm>

#include "kube/store.hpp"

namespace swo::kube {

template <class T>
auto Store<T>::get(const ObjectKey& key) const -> Ptr {
  auto state = state_.lock();
  auto found = state->facts.find(key);
  return found == state->facts.end() ? nullptr : *found;
}

template <class T>
auto Store<T>::owned_by(const ObjectKey& owner) const -> std::vector<Ptr> {
  std::vector<Ptr> facts;
  {
    auto state = state_.lock();
    auto found = state->by_owner.find(owner);
    if (found != state->by_owner.end()) facts = found->second;
  }
  std::sort(facts.begin(), facts.end(), [](const Ptr& a, const Ptr& b) { return a->key < b->key; });
  return facts;
}

template <class T>
auto Store<T>::all() const -> std::vector<Ptr> {
  auto state = state_.lock();
  return {state->facts.begin(), state->facts.end()};
}

template <class T>
void Store<T>::for_each(const std::function<void(const T&)>& visit) const {
  for (const Ptr& fact : all()) visit(*fact);
}

template <class T>
std::optional<StoreBase::Version> Store<T>::version(const ObjectKey& key) const {
  Ptr fact = get(key);
  if (!fact) return std::nullopt;
  return Version{fact->uid, fact->resource_version};
}

template <class T>
std::size_t Store<T>::size() const {
  return state_.lock()->facts.size();
}

template <class T>
auto Store<T>::upsert(T fact) -> std::optional<Change> {
  auto state = state_.lock();
  return upsert(*state, std::move(fact));
}

template <class T>
auto Store<T>::upsert(State& state, T&& fact) -> std::optional<Change> {
  Ptr before;
  auto held = state.facts.find(fact.key);
  if (held != state.facts.end()) {
    if ((*held)->resource_version >= fact.resource_version) return std::nullopt;
    before = *held;
    unindex(state, before);
    state.facts.erase(held);
  }
  auto after = std::make_shared<const T>(std::move(fact));
  state.facts.insert(after);
  index(state, after);
  return Change{std::move(before), std::move(after)};
}

template <class T>
auto Store<T>::remove(const ObjectKey& key, std::uint64_t resource_version)
    -> std::optional<Change> {
  auto state = state_.lock();
  auto held = state->facts.find(key);
  if (held == state->facts.end() || (*held)->resource_version > resource_version) {
    return std::nullopt;
  }
  Ptr before = *held;
  unindex(*state, before);
  state->facts.erase(held);
  return Change{std::move(before), nullptr};
}

template <class T>
auto Store<T>::replace(const std::string& scope, std::vector<T> facts,
                       std::uint64_t resource_version) -> std::vector<Change> {
  std::vector<Change> changes;
  auto state = state_.lock();
  std::unordered_set<const T*> present;
  present.reserve(facts.size());
  for (T& fact : facts) {
    auto held = state->facts.find(fact.key);
    if (held != state->facts.end() && (*held)->resource_version >= fact.resource_version) {
      present.insert(held->get());
      continue;
    }
    auto change = upsert(*state, std::move(fact));
    present.insert(change->after.get());
    changes.push_back(std::move(*change));
  }
  for (auto held = state->facts.begin(); held != state->facts.end();) {
    const Ptr& fact = *held;
    if ((scope.empty() || fact->key.ns == scope) && fact->resource_version <= resource_version &&
        !present.contains(fact.get())) {
      changes.push_back({fact, nullptr});
      unindex(*state, fact);
      held = state->facts.erase(held);
    } else {
      ++held;
    }
  }
  return changes;
}

template <class T>
void Store<T>::index(State& state, const Ptr& fact) {
  if (!owner_of_) return;
  ObjectKey owner = owner_of_(*fact);
  if (!owner.name.empty()) state.by_owner[std::move(owner)].push_back(fact);
}

template <class T>
void Store<T>::unindex(State& state, const Ptr& fact) {
  if (!owner_of_) return;
  auto owned = state.by_owner.find(owner_of_(*fact));
  if (owned == state.by_owner.end()) return;
  std::erase(owned->second, fact);
  if (owned->second.empty()) state.by_owner.erase(owned);
}

}  // namespace swo::kube
