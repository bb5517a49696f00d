// Reads what an instance in trouble says for itself: the tail of its console, and the Events about
// it.
//
// The only reads of the reconciler that go to the API server each time; so they are asked for only
// for instances that are not ready (or may be ready and degraded), and not again before something
// changed or kFreshFor has passed. Of instances that are merely slow no more than kSlowLooks are
// looked into in a second: a cluster that starts thousands at once is not to be asked about each.
// Thread-safe.
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

  // `in_trouble`: its Pod says that something is wrong. nullopt: nothing is known, and too much was
  // asked just now; what was read before is given in place of nothing.
  std::optional<Testimony> read(const PodFacts& pod, bool in_trouble,
                                std::chrono::system_clock::time_point now);
  void forget(const std::string& pod_uid);

 private:
  struct Cached {
    std::uint64_t resource_version = 0;
    std::chrono::system_clock::time_point at;
    Testimony testimony;
  };
  // How many more of the merely slow may be looked into.
  struct Allowance {
    double looks = 0;
    std::chrono::system_clock::time_point at{};
  };
  bool allow(std::chrono::system_clock::time_point now);
  std::string read_log(const PodFacts& pod, bool& known);
  std::vector<std::string> read_events(const PodFacts& pod);

  kube::Client& client_;
  kube::Guarded<std::map<std::string, Cached>> cache_;  // by Pod uid
  std::chrono::system_clock::time_point swept_;         // guarded by cache_'s lock
  kube::Guarded<Allowance> allowance_;
  std::atomic<bool> told_of_logs_{false};
  std::atomic<bool> told_of_events_{false};
};

}  // namespace swo::reconcile
