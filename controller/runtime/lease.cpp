#include "runtime/lease.hpp"

#include <utility>

namespace swo::runtime {

std::string LeaseTimes::fault() const {
  // client-go's JitterFactor: a retry may come that much later.
  constexpr double kJitter = 1.2;
  if (retry_period <= Milliseconds{0}) return "--leader-elect-retry-period must be more than 0";
  if (static_cast<double>(renew_deadline.count()) <=
      kJitter * static_cast<double>(retry_period.count())) {
    return "--leader-elect-renew-deadline must be more than 1.2 times --leader-elect-retry-period";
  }
  if (counted() <= renew_deadline) {
    return "--leader-elect-lease-duration, in whole seconds, must be more than "
           "--leader-elect-renew-deadline";
  }
  if (lease_duration < std::chrono::seconds(1)) {
    return "--leader-elect-lease-duration must be at least 1 s: a Lease counts in seconds";
  }
  return {};
}

Milliseconds LeaseTimes::write_limit(Instant now, Instant until) const {
  if (now >= until) return Milliseconds{0};
  return std::chrono::floor<Milliseconds>(until - now) + counted() - renew_deadline;
}

LeaseState::LeaseState(std::string identity, LeaseTimes times)
    : identity_(std::move(identity)), times_(times) {}

std::optional<LeaseRecord> LeaseState::judge(const std::optional<LeaseRecord>& found, Instant now,
                                             WallTime wall) {
  if (found && *found != observed_) {
    observed_ = *found;
    observed_at_ = now;
  }
  bool mine = observed_.holder == identity_;
  // Also when the Lease was deleted under its holder, who may not know yet.
  if (!mine && !observed_.holder.empty() && now < observed_expiry()) return std::nullopt;

  LeaseRecord record;
  record.holder = identity_;
  record.duration_seconds = times_.counted().count();
  record.renew_time = to_rfc3339_micro(wall);
  if (mine && found) {
    record.acquire_time = observed_.acquire_time;
    record.transitions = observed_.transitions;
  } else {
    record.acquire_time = record.renew_time;
    record.transitions = found ? found->transitions + 1 : 0;
  }
  return record;
}

void LeaseState::wrote(const LeaseRecord& record, Instant began) {
  observed_ = record;
  observed_at_ = began;
  until_ = began + times_.renew_deadline;
}

LeaseRecord LeaseState::release(WallTime wall) const {
  LeaseRecord record = observed_;
  record.holder.clear();
  record.duration_seconds = 1;  // as client-go; the API wants more than 0
  record.renew_time = to_rfc3339_micro(wall);
  return record;
}

void LeaseState::released() { until_ = Instant::min(); }

Instant LeaseState::observed_expiry() const {
  return observed_at_ + std::chrono::seconds(observed_.duration_seconds);
}

}  // namespace swo::runtime
