#include "runtime/leader_election.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "api/json_read.hpp"
#include "kube/informer.hpp"
#include "runtime/log.hpp"

namespace swo::runtime {
namespace {

constexpr kube::ResourceType kLease{"coordination.k8s.io", "v1", "leases", "Lease"};
// A renewal that failed is tried again sooner than the next was due, so that an API server that is
// away for 78 s is not missed by a second.
constexpr int kFailedRetries = 5;

struct LeaseFacts {
  kube::ObjectKey key;
  std::string uid;
  std::uint64_t resource_version = 0;
  std::string holder;
};

LeaseRecord record_of(const Json& lease) {
  const Json spec = lease.is_object() && lease.contains("spec") ? lease["spec"] : Json::object();
  return {text(at(spec, "holderIdentity")), number(at(spec, "leaseDurationSeconds")),
          number(at(spec, "leaseTransitions")), text(at(spec, "acquireTime")),
          text(at(spec, "renewTime"))};
}

// Into the Lease as it was read, so that what others keep in it stays.
void put(Json& lease, const LeaseRecord& record) {
  Json& spec = lease["spec"];
  if (!spec.is_object()) spec = Json::object();
  spec["holderIdentity"] = record.holder;
  spec["leaseDurationSeconds"] = record.duration_seconds;
  spec["leaseTransitions"] = record.transitions;
  spec["acquireTime"] = record.acquire_time;
  spec["renewTime"] = record.renew_time;
}

}  // namespace

struct LeaderElection::State {
  State(kube::Client& to, LeaderElectionOptions wanted)
      : client(to),
        options(std::move(wanted)),
        clock(options.clock != nullptr ? *options.clock : system_clock()),
        random(options.random ? options.random : machine_random()),
        lease(options.identity, options.times),
        watch(client, kube::InformerOptions<LeaseFacts>{
                          .type = kLease,
                          .namespaces = {options.lease.ns},
                          .field_selector = "metadata.name=" + options.lease.name,
                          .mask = {"spec.holderIdentity"},
                          .from =
                              [](const Json& object) {
                                LeaseFacts facts;
                                facts.holder = record_of(object).holder;
                                return facts;
                              },
                          .random = random}) {
    watch.on_change([this](const LeaseFacts* /*before*/, const LeaseFacts* after) {
      if (after != nullptr && !after->holder.empty()) return;
      std::lock_guard lock(mutex);
      given_back = true;
      wake.notify_all();
    });
  }

  Instant elect(Instant now) {
    if (retired) return Instant::max();
    if (leading && now >= lease.until()) {
      lose("it could not be renewed in time: " + last_error);
      next_try = now + options.times.retry_period;
      return next_try;
    }
    bool at_once = false;
    {
      std::lock_guard lock(mutex);
      at_once = std::exchange(given_back, false) && !leading;
    }
    if (at_once || now >= next_try) try_lease(now);
    return leading ? std::min(next_try, lease.until()) : next_try;
  }

  void try_lease(Instant now) {
    bool went_well = acquire_or_renew(now);
    Milliseconds pause = options.times.retry_period;
    if (leading && !went_well) {
      pause /= kFailedRetries;
    } else if (!leading) {
      // Replicas of one Deployment start together; let them not ask together.
      constexpr double kJitter = 0.2;
      pause += Milliseconds(
          static_cast<std::int64_t>(static_cast<double>(pause.count()) * kJitter * random()));
    }
    next_try = now + pause;
    publish();
  }

  // True when the API server could be asked.
  bool acquire_or_renew(Instant now) {
    auto found = client.get(kLease, options.lease);
    if (!found && found.error().kind != kube::ErrorKind::kNotFound) return failed(found.error());
    std::optional<LeaseRecord> current;
    if (found) current = record_of(*found);
    auto record = lease.judge(current, now, clock.wall());
    tell_new_leader();
    if (!record) {
      if (leading) lose(lease.holder() + " holds the lease");
      return true;
    }
    document =
        found ? std::move(*found)
              : Json{{"apiVersion", "coordination.k8s.io/v1"},
                     {"kind", "Lease"},
                     {"metadata", {{"name", options.lease.name}, {"namespace", options.lease.ns}}}};
    put(document, *record);
    auto written = current ? client.replace(kLease, document)
                           : client.create(kLease, document, "systemd-workload-operator");
    if (!written) return failed(written.error());
    document["metadata"]["resourceVersion"] = std::to_string(written->resource_version);
    lease.wrote(*record, now);
    tell_new_leader();
    if (!std::exchange(leading, true)) {
      publish();
      log::info("leads from now on",
                {{"lease", options.lease.to_string()}, {"identity", options.identity}});
      if (options.on_started) options.on_started();
    }
    return true;
  }

  bool failed(const kube::Error& error) {
    last_error = error.message;
    log::warning(
        "the lease could not be had or renewed",
        {{"lease", options.lease.to_string()}, {"leading", leading}, {"error", error.message}});
    return false;
  }

  void lose(const std::string& why) {
    leading = false;
    lease.released();
    publish();
    log::warning("leads no more", {{"lease", options.lease.to_string()}, {"because", why}});
    if (options.on_stopped) options.on_stopped(why);
  }

  void release() {
    retired = true;
    if (!leading) return;
    leading = false;
    LeaseRecord record = lease.release(clock.wall());
    // First the fence, then the lease: nothing of ours may be written once another can lead.
    lease.released();
    publish();
    if (options.on_stopped) options.on_stopped("it was given back");
    put(document, record);
    auto written = client.replace(kLease, document);
    log::info("gave the lease back", {{"lease", options.lease.to_string()},
                                      {"error", written ? "" : written.error().message}});
  }

  void tell_new_leader() {
    if (lease.holder() == told_leader || lease.holder().empty()) return;
    told_leader = lease.holder();
    *holder.lock() = told_leader;
    if (options.on_new_leader) options.on_new_leader(told_leader);
  }

  void publish() { until = lease.until().time_since_epoch().count(); }

  kube::Client& client;
  LeaderElectionOptions options;
  const Clock& clock;
  Random random;
  LeaseState lease;
  bool leading = false;
  bool retired = false;  // gave the lease back, and wants it no more
  Instant next_try = Instant::min();
  Json document;  // the Lease as it was last written
  std::string last_error;
  std::string told_leader;

  std::atomic<Instant::rep> until{Instant::min().time_since_epoch().count()};
  kube::Guarded<std::string> holder;
  std::mutex mutex;
  std::condition_variable_any wake;
  bool given_back = false;
  kube::Informer<LeaseFacts> watch;
};

LeaderElection::LeaderElection(kube::Client& client, LeaderElectionOptions options)
    : state_(std::make_unique<State>(client, std::move(options))) {}

LeaderElection::~LeaderElection() = default;

Instant LeaderElection::step(Instant now) {
  Instant watch = state_->watch.step(now);
  return std::min(watch, state_->elect(now));
}

void LeaderElection::run(const std::stop_token& stop) {
  State& state = *state_;
  std::jthread watch([&state](std::stop_token until) { state.watch.run(std::move(until)); });
  bool led = false;
  while (!stop.stop_requested()) {
    Instant next = state.elect(state.clock.now());
    if (led && !state.leading) return;
    led = state.leading;
    std::unique_lock lock(state.mutex);
    state.wake.wait_for(lock, stop, next - state.clock.now(), [&] { return state.given_back; });
  }
  state.release();
}

void LeaderElection::release() { state_->release(); }

Instant LeaderElection::until() const { return Instant(Instant::duration(state_->until.load())); }

Milliseconds LeaderElection::may_write_for(Instant now) const {
  return state_->options.times.write_limit(now, until());
}

std::string LeaderElection::holder() const { return *state_->holder.lock(); }

}  // namespace swo::runtime
