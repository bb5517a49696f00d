// Reads what an instance in trouble says for itself: the tail of its console, and the Events about
// it.
//
// The only reads of the reconciler that go to the API server each time; so they are asked for only
// for instances that are not ready (or may be ready and degraded), and not again before something
// changed or kFreshFor has passed. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kube/client.hpp"
#include "kube/guarded.hpp"
#include "reconcile/facts.hpp"

namespace swo::reconcile {

struct Testimony {
  std::string log_tail;
  bool log_known = false;
  std::vector<std::string> events;  // "Reason: message", newest last
  bool operator==(const Testimony&) const = default;
};

class EvidenceReader {
 public:
  explicit EvidenceReader(kube::Client& client) : client_(client) {}

  Testimony read(const PodFacts& pod, std::chrono::system_clock::time_point now);
  void forget(const std::string& pod_uid);

 private:
  struct Cached {
    std::uint64_t resource_version = 0;
    std::chrono::system_clock::time_point at;
    Testimony testimony;
  };
  std::string read_log(const PodFacts& pod, bool& known);
  std::vector<std::string> read_events(const PodFacts& pod);

  kube::Client& client_;
  kube::Guarded<std::map<std::string, Cached>> cache_;  // by Pod uid
  std::chrono::system_clock::time_point swept_;         // guarded by cache_'s lock
  std::atomic<bool> told_of_logs_{false};
  std::atomic<bool> told_of_events_{false};
};

}  // namespace swo::reconcile
