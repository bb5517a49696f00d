// Faults on demand: what goes wrong on the n-th call that matches. Deterministic: counts, no
// chance.
//
// The stand-in's own controllers (trusted requests) are spared. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "devcluster/http.hpp"

namespace devcluster {

struct FaultRule {
  std::string verb = "*";  // get, list, watch, create, update, patch, delete, deletecollection
  std::string resource =
      "*";                  // "pods", "pods/status", "*"; a plain name does not match subresources
  std::uint64_t first = 1;  // from this matching call on …
  std::uint64_t count = 1;  // … so many; 0 = all that follow

  enum class Action {
    kError,      // refused with `status`
    kDelay,      // answered after `delay`
    kDrop,       // nothing done, connection closed
    kAmbiguous,  // done, then the connection is closed without an answer
    kStale,      // reads see the state of when the rule was added, until it is cleared
    kSilent,     // a watch that says nothing after `events` events
    kReset,      // a watch whose connection breaks after `events` events
    kCut,        // … in the middle of the event that follows
    kGone,       // … with an ERROR event of code 410
    kDrip,       // a watch that comes byte by byte
  } action = Action::kError;
  int status = 500;
  std::chrono::milliseconds delay{0};
  std::size_t events = 0;
};

// VERB:RESOURCE[@FIRST[+COUNT]]=ACTION[:ARGUMENT], COUNT "*" for all that follow; for example
//   create:pods@2=error:500        the second creation of a Pod fails
//   patch:*@3=ambiguous            the third patch is done but not answered
//   watch:pods@1+*=reset:5         every watch of Pods breaks after five events
//   get:nodes=delay:1500           milliseconds
// std::invalid_argument says which part is wrong.
FaultRule parse_fault(const std::string& text);

class Faults {
 public:
  struct Decision {
    FaultRule rule;
    std::shared_ptr<const std::atomic<std::uint64_t>> horizon;  // kStale; 0 once cleared
  };

  explicit Faults(std::function<std::uint64_t()> resource_version);

  void add(FaultRule rule);
  void add(const std::string& text) { add(parse_fault(text)); }
  // Ends them all; lagging reads catch up.
  void clear();
  // How often a fault has struck since the last clear().
  std::uint64_t struck() const;

  // Counts the call; the first rule that strikes decides.
  std::optional<Decision> next(const std::string& verb, const std::string& resource,
                               const std::string& subresource);

 private:
  struct Armed {
    FaultRule rule;
    std::uint64_t seen = 0;
    std::shared_ptr<std::atomic<std::uint64_t>> horizon;
  };
  std::function<std::uint64_t()> resource_version_;
  mutable std::mutex mutex_;
  std::vector<Armed> rules_;
  std::uint64_t struck_ = 0;
};

// A watch that misbehaves as the rule says.
std::unique_ptr<Stream> faulty_stream(std::unique_ptr<Stream> stream, const FaultRule& rule);

}  // namespace devcluster
