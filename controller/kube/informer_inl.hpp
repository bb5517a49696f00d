// The templates of informer.hpp.
#pragma once

#include <exception>

#include "kube/informer.hpp"

namespace swo::kube {

// Carries what one watch brings into the store. The order matters: facts, then what has been seen,
// then the handlers; so a reconcile that a handler starts finds its own writes seen.
template <class T>
class Informer<T>::Sink : public ReflectorSink {
 public:
  Sink(Informer& informer, std::string scope) : informer_(informer), scope_(std::move(scope)) {}

  void stage(Json&& item) override {
    if (auto fact = informer_.fact(item)) {
      staged_.push_back(std::move(*fact));
    } else if (auto held = informer_.store_.get(key_of(item))) {
      staged_.push_back(*held);  // it has not vanished
    }
  }
  void discard_staged() override { staged_ = {}; }
  void commit_staged(std::uint64_t resource_version) override {
    auto changes = informer_.store_.replace(scope_, std::exchange(staged_, {}), resource_version);
    informer_.store_.saw(scope_, resource_version);
    for (const auto& change : changes) informer_.tell(change);
  }
  void upsert(Json&& object, std::uint64_t resource_version) override {
    auto fact = informer_.fact(object);
    auto change = fact ? informer_.store_.upsert(std::move(*fact)) : std::nullopt;
    informer_.store_.saw(scope_, resource_version);
    if (change) informer_.tell(*change);
  }
  void remove(Json&& object, std::uint64_t resource_version) override {
    auto change = informer_.store_.remove(key_of(object), resource_version);
    informer_.store_.saw(scope_, resource_version);
    if (change) informer_.tell(*change);
  }
  void bookmark(std::uint64_t resource_version) override {
    informer_.store_.saw(scope_, resource_version);
  }

 private:
  Informer& informer_;
  std::string scope_;
  std::vector<T> staged_;
};

template <class T>
Informer<T>::Informer(Client& client, InformerOptions<T> options)
    : from_(std::move(options.from)), note_(options.note), store_(std::move(options.owner_of)) {
  type_ = options.type;
  if (options.namespaces.empty()) options.namespaces.emplace_back();
  for (const std::string& ns : options.namespaces) {
    store_.expect_scope(ns);
    add(client,
        ReflectorOptions{options.type, ns, options.label_selector, options.field_selector,
                         options.mask, options.watcher, options.random, options.note, nullptr},
        std::make_unique<Sink>(*this, ns));
  }
}

template <class T>
std::optional<T> Informer<T>::fact(const Json& object) const {
  ObjectKey key = key_of(object);
  try {
    T fact = from_(object);
    fact.uid = uid_of(object);
    fact.resource_version = resource_version_of(object);
    fact.key = std::move(key);
    return fact;
  } catch (const std::exception& fault) {
    if (note_) {
      note_(std::string(type_.kind) + " " + key.to_string() +
            " is not as expected, kept as it was: " + fault.what());
    }
    return std::nullopt;
  }
}

template <class T>
void Informer<T>::tell(const typename Store<T>::Change& change) const {
  for (const Handler& handler : handlers_) handler(change.before.get(), change.after.get());
}

}  // namespace swo::kube
