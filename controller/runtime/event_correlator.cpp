#include "runtime/event_correlator.hpp"

#include <algorithm>
#include <functional>

namespace swo::runtime {
namespace {

// A full table starts anew: rare, and the worst of it is an Event too many.
template <class Table>
auto& entry(Table& table, const std::string& key) {
  if (table.size() >= EventCorrelator::kMaxKeys && !table.contains(key)) table.clear();
  return table[key];
}

}  // namespace

bool EventCorrelator::flooding(const std::string& object, Instant now) {
  bool fresh = !buckets_.contains(object);
  Bucket& bucket = entry(buckets_, object);
  if (fresh) bucket.filled_at = now;
  std::chrono::duration<double> passed = now - bucket.filled_at;
  bucket.tokens = std::min(kBurst, bucket.tokens + passed / std::chrono::duration<double>(kRefill));
  bucket.filled_at = now;
  if (bucket.tokens < 1) return true;
  bucket.tokens -= 1;
  return false;
}

bool EventCorrelator::combined(const std::string& key, std::string_view message, Instant now) {
  Similar& similar = entry(similar_, key);
  if (now - similar.last > kWindow) similar.messages.clear();
  similar.last = now;
  std::size_t hash = std::hash<std::string_view>{}(message);
  if (similar.messages.contains(hash)) return false;
  if (similar.messages.size() >= kSimilar) return true;
  similar.messages.insert(hash);
  return false;
}

std::optional<EventCorrelator::Verdict> EventCorrelator::judge(const std::string& object,
                                                               const std::string& kind_of_event,
                                                               std::string_view message,
                                                               Instant now) {
  Verdict verdict;
  verdict.key = object + '\n' + kind_of_event;
  if (combined(verdict.key, message, now)) {
    verdict.message = "(combined from similar events): " + std::string(message);
  } else {
    verdict.message = message;
    verdict.key += '\n' + verdict.message;
  }
  if (flooding(object, now)) return std::nullopt;
  auto known = known_.find(verdict.key);
  if (known != known_.end() && now - known->second.last <= kWindow) {
    verdict.name = known->second.name;
    verdict.count = known->second.count + 1;
    verdict.first_timestamp = known->second.first_timestamp;
  }
  return verdict;
}

void EventCorrelator::sent(const Verdict& verdict, const std::string& name, Instant now) {
  entry(known_, verdict.key) = Known{name, verdict.count, verdict.first_timestamp, now};
}

}  // namespace swo::runtime
