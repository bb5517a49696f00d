// When a Lease may be taken, renewed, or has been lost: the judgement of leader election, without
// I/O.
//
// As client-go tools/leaderelection: another's lease counts from when *this* process saw it change,
// by its own clock, so clocks need not agree; only their rates must. One's own counts from before
// the request that renewed it was sent.
//   Standby   another holds it, or nobody does and it is to be taken.
//   Leading   from a successful write until renew_deadline after the last one began. The rest up to
//             lease_duration is the fence: a write begun in time has as long to be over, before
//             anybody else can lead (write_limit()).
// Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/clock.hpp"

namespace swo::runtime {

// OpenShift's conventions for operators (library-go pkg/config/leaderelection): survive 60 s
// without an API server, and 78 s of a rolling restart of it.
struct LeaseTimes {
  Milliseconds lease_duration{137'000};
  Milliseconds renew_deadline{107'000};
  Milliseconds retry_period{26'000};
  // What another replica waits for: a Lease counts in whole seconds.
  std::chrono::seconds counted() const {
    return std::chrono::floor<std::chrono::seconds>(lease_duration);
  }
  // How long a write may take that begins at `now`, by a leader until `until`: 0 = it may not
  // begin.
  Milliseconds write_limit(Instant now, Instant until) const;
  // Empty, or what is wrong with them, naming the flag.
  std::string fault() const;
};

// coordination.k8s.io/v1 LeaseSpec, as far as it matters.
struct LeaseRecord {
  std::string holder;  // "" = given back
  std::int64_t duration_seconds = 0;
  std::int64_t transitions = 0;
  std::string acquire_time;  // RFC 3339
  std::string renew_time;
  bool operator==(const LeaseRecord&) const = default;
};

class LeaseState {
 public:
  LeaseState(std::string identity, LeaseTimes times);

  // What was read; empty = there is no Lease. The record to write, or empty: somebody else holds
  // it.
  std::optional<LeaseRecord> judge(const std::optional<LeaseRecord>& found, Instant now,
                                   WallTime wall);
  // `record` was written by a request that began at `began`.
  void wrote(const LeaseRecord& record, Instant began);
  // The record that gives the lease back.
  LeaseRecord release(WallTime wall) const;
  void released();

  bool leading(Instant now) const { return now < until_; }
  // No write may begin at or after this.
  Instant until() const { return until_; }
  // When the lease of another, as last seen, runs out.
  Instant observed_expiry() const;
  const std::string& holder() const { return observed_.holder; }
  const std::string& identity() const { return identity_; }
  const LeaseTimes& times() const { return times_; }

 private:
  std::string identity_;
  LeaseTimes times_;
  LeaseRecord observed_;
  Instant observed_at_{};
  Instant until_ = Instant::min();
};

}  // namespace swo::runtime
