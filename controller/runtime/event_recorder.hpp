// Kubernetes Events for what a person would want to know of an object.
//
// event() only puts the event in a bounded queue: a slow or absent API server never holds a
// reconcile up, and an event that cannot be had is dropped and counted. Repetitions are one Event
// whose count rises; many similar ones are combined; an object that makes too many is held back.
// (client-go tools/record/events_cache.go: EventCorrelator, with its limits.)
//
// Thread-safe. Writes core/v1 Events: create, and merge patch for the count.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "kube/client.hpp"
#include "runtime/clock.hpp"

namespace swo::runtime {

// What an Event is about.
struct EventTarget {
  std::string api_version;
  std::string kind;
  kube::ObjectKey key;
  std::string uid;
};

struct EventRecorderOptions {
  std::string component;           // source.component: "systemd-workload-operator"
  std::string instance = {};       // reportingInstance: the operator's Pod
  std::size_t queue_limit = 1000;  // events waiting to be sent (client-go: 1000)
  const Clock* clock = nullptr;    // nullptr: the machine's
};

class EventRecorder {
 public:
  enum class Type { kNormal, kWarning };

  EventRecorder(kube::Client& client, EventRecorderOptions options);
  ~EventRecorder();
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  // `reason` is CamelCase; `message` is cut to 1024 bytes, which is what the API takes.
  void event(const EventTarget& target, Type type, std::string_view reason,
             std::string_view message);

  // Sends in a thread of its own from now on.
  void start();
  // Sends what is queued for at most `limit`, then stops the thread.
  void stop(Milliseconds limit);
  // Sends what is queued on the caller's thread: for tests, and for programs without start().
  void flush();

  struct Counts {
    std::uint64_t sent = 0;       // created or patched
    std::uint64_t dropped = 0;    // queue full, or refused by the server
    std::uint64_t held_back = 0;  // by the limit per object
  };
  Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// At most `bytes` of the text, ending at a character, with "…" where it was cut.
std::string truncate_utf8(std::string_view text, std::size_t bytes);

}  // namespace swo::runtime
