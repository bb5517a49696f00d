// Keeps a Store<T> in step with a collection of the API server, and tells handlers of each
// difference.
//
//   Informer<PodFacts> pods(client, {.type = types::kPod, .label_selector = "…",
//                                    .mask = {"spec.nodeName", "status.phase"},
//                                    .from = [](const Json& pod) { PodFacts f; …; return f; },
//                                    .owner_of = [](const PodFacts& f) { return f.workload; }});
//   pods.on_change([&](const PodFacts* before, const PodFacts* after) { queue.add(…); });
//   std::jthread thread([&](std::stop_token stop) { pods.run(stop); });      // or, in tests:
//   pods.step(now)
//
// `from` fills in what is T's own; key, uid and resource_version are set by the informer. An object
// that it throws on (a std::exception) is noted and left as it was held before. Handlers run on the
// informer's thread, after the store has changed; add them before run() or step(). With several
// namespaces there is one list+watch for each, and run() uses a thread for each.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kube/reflector.hpp"
#include "kube/store.hpp"

namespace swo::kube {

// Every member has a default, so that designated initialisers may name only what they need.
template <class T>
struct InformerOptions {
  ResourceType type = {};
  std::vector<std::string> namespaces = {};  // empty = all
  std::string label_selector = {};
  std::string field_selector = {};
  FieldMask mask = FieldMask({});
  std::function<T(const Json&)> from = nullptr;
  std::function<ObjectKey(const T&)> owner_of = nullptr;  // may be empty
  WatcherOptions watcher = {};
  Random random = nullptr;
  std::function<void(const std::string&)> note =
      nullptr;  // one line per fault or relist, for the log
};

// The part that does not depend on T: what health and metrics ask, and how it is driven.
class InformerBase {
 public:
  InformerBase() = default;
  InformerBase(const InformerBase&) = delete;
  InformerBase& operator=(const InformerBase&) = delete;
  virtual ~InformerBase() = default;

  // Does all that can be done without waiting; returns when it wants to be called at the latest.
  Instant step(Instant now);
  void run(std::stop_token stop);

  bool synced() const;
  // The part of that which is about one namespace.
  bool listed(std::string_view ns) const;
  // The server says that the namespace may not be read, and it has not been before.
  bool forbidden(std::string_view ns) const;
  // When the server was last heard of by the quietest of the watches; nullopt: one has never been.
  std::optional<Instant> last_event_at() const;
  // How long ago that was; Instant::duration::max() for never.
  Instant::duration age(Instant now) const;
  std::uint64_t restarts() const;           // relists and reconnects
  std::optional<Error> last_error() const;  // of the first watch that is in trouble
  // One of the watches has listed, and the server has not been heard of by it for more than
  // `limit`. One that is refused is not silent: the server answers.
  bool silent(Instant now, Instant::duration limit) const;
  // Of the watches that are about the namespace the one that has been refused longest.
  std::optional<RefusedWatch> refused(std::string_view ns) const;
  // Told, on the watch's thread, when one of `ns` begins or ceases to be refused. Not thread-safe:
  // before run() or step().
  void on_refused(std::function<void(const std::string& ns)> handler) {
    refused_changed_ = std::move(handler);
  }
  const ResourceType& type() const { return type_; }

 protected:
  void add(Client& client, ReflectorOptions options, std::unique_ptr<ReflectorSink> sink);
  ResourceType type_;

 private:
  std::vector<std::unique_ptr<ReflectorSink>> sinks_;
  std::vector<std::unique_ptr<Reflector>> reflectors_;
  std::function<void(const std::string& ns)> refused_changed_;
};

// From the metadata of a projected object; empty or 0 where it is missing or not of its type.
ObjectKey key_of(const Json& object);
std::string uid_of(const Json& object);
std::uint64_t resource_version_of(const Json& object);

template <class T>
class Informer : public InformerBase {
 public:
  using Handler = std::function<void(const T* before, const T* after)>;

  // `client` must outlive the informer.
  Informer(Client& client, InformerOptions<T> options);

  Store<T>& store() { return store_; }
  const Store<T>& store() const { return store_; }
  // Not thread-safe: before run() or step().
  void on_change(Handler handler) { handlers_.push_back(std::move(handler)); }

 private:
  class Sink;
  std::optional<T> fact(const Json& object) const;
  void tell(const typename Store<T>::Change& change) const;

  std::function<T(const Json&)> from_;
  std::function<void(const std::string&)> note_;
  Store<T> store_;
  std::vector<Handler> handlers_;
};

}  // namespace swo::kube

#include "kube/informer_inl.hpp"  // IWYU pragma: export
