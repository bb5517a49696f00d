// One of several replicas leads: holds a Lease, renews it, and gives it back on a clean stop.
//
// The standby watches the Lease, so that a lease given back is taken within a second, not at the
// next retry. A leader that cannot renew until the deadline has lost: it must write no more, and
// usually exits. Needs RBAC on leases: get, list, watch, create, update.
//
// A clean stop, in this order: stop the controllers, then this (the lease goes back), then the
// transport.
//
// step(), run() and release() by one thread; is_leader() and until() from any.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "kube/client.hpp"
#include "runtime/clock.hpp"
#include "runtime/lease.hpp"

namespace swo::runtime {

struct LeaderElectionOptions {
  kube::ObjectKey lease = {};
  std::string identity = {};  // of this replica, unlike any other's: "pod-name_uuid"
  LeaseTimes times = {};
  const Clock* clock = nullptr;  // nullptr: the machine's
  Random random = nullptr;       // empty: the machine's
  // On the thread of step() or run().
  std::function<void()> on_started = nullptr;
  std::function<void(const std::string& why)> on_stopped = nullptr;
  std::function<void(const std::string& holder)> on_new_leader = nullptr;
};

class LeaderElection {
 public:
  LeaderElection(kube::Client& client, LeaderElectionOptions options);
  ~LeaderElection();
  LeaderElection(const LeaderElection&) = delete;
  LeaderElection& operator=(const LeaderElection&) = delete;

  // Does what is due; returns when it wants to be called again at the latest.
  Instant step(Instant now);
  // Until stopped; then gives the lease back. Returns when the lease is lost, too.
  void run(const std::stop_token& stop);
  // Gives the lease back, if it is held. After this it leads no more.
  void release();

  bool is_leader(Instant now) const { return now < until(); }
  // How long a write that begins at `now` may take, so that it is over before another can lead; 0 =
  // none may begin.
  Milliseconds may_write_for(Instant now) const;
  // The fence: no write may begin at or after this. Instant::min() on standby.
  Instant until() const;
  std::string holder() const;  // as last seen

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace swo::runtime
