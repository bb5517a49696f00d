// Which events to send, and as what: counts repetitions, combines similar events, holds back a
// flood.
//
// As client-go tools/record/events_cache.go (EventCorrelator) with its limits; only that a
// repetition after kWindow is a new Event, since the API server forgets Events after an hour. Not
// thread-safe; memory is bounded by kMaxKeys per table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "runtime/clock.hpp"

namespace swo::runtime {

class EventCorrelator {
 public:
  static constexpr std::chrono::minutes kWindow{10};
  static constexpr std::size_t kSimilar =
      10;                               // distinct messages of one reason before they are combined
  static constexpr double kBurst = 25;  // events of one object at once
  static constexpr std::chrono::seconds kRefill{300};  // then one in this time
  static constexpr std::size_t kMaxKeys = 4096;        // client-go's cache size

  struct Verdict {
    std::string key;      // of the Event that this one belongs to
    std::string message;  // as it is to be sent
    // Of an Event that exists already: its name, and the count it is to have. Else `name` is empty.
    std::string name;
    std::int64_t count = 1;
    std::string first_timestamp;
  };
  // `object` and `kind_of_event` identify: the object's uid, and its type and reason. Empty: held
  // back.
  std::optional<Verdict> judge(const std::string& object, const std::string& kind_of_event,
                               std::string_view message, Instant now);
  // The Event of that verdict is now `name`, with that count.
  void sent(const Verdict& verdict, const std::string& name, Instant now);
  // It exists no more: the next one is made anew.
  void lost(const std::string& key) { known_.erase(key); }

 private:
  struct Bucket {
    double tokens = kBurst;
    Instant filled_at{};
  };
  struct Similar {
    std::unordered_set<std::size_t> messages;  // hashes
    Instant last{};
  };
  struct Known {
    std::string name;
    std::int64_t count = 0;
    std::string first_timestamp;
    Instant last{};
  };
  bool flooding(const std::string& object, Instant now);
  bool combined(const std::string& key, std::string_view message, Instant now);

  std::unordered_map<std::string, Bucket> buckets_;
  std::unordered_map<std::string, Similar> similar_;
  std::unordered_map<std::string, Known> known_;
};

}  // namespace swo::runtime
