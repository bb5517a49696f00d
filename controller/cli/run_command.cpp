#include "cli/run_command.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <future>
#include <optional>
#include <ostream>
#include <thread>

#include <malloc.h>
#include <unistd.h>

#include "api/names.hpp"
#include "cli/cluster_tls.hpp"
#include "cli/exit_status.hpp"
#include "cli/paint.hpp"
#include "cli/secure_metrics.hpp"
#include "cli/served_kinds.hpp"
#include "cli/stop_signal.hpp"
#include "kube/transport_config.hpp"
#include "platform/collector.hpp"
#include "reconcile/operator.hpp"
#include "runtime/event_recorder.hpp"
#include "runtime/fenced_transport.hpp"
#include "runtime/health.hpp"
#include "runtime/health_server.hpp"
#include "runtime/leader_election.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

namespace swo::cli {
namespace {

constexpr int kArenas = 2;

namespace log = runtime::log;

// Where cpprestsdk is the transport each watch takes a thread of its pool while it waits.
constexpr std::size_t kPoolThreads = 24;
constexpr std::size_t kWatchesOfANamespace = 10;  // each has its own where not all are served
// Reconciles are a few API calls; a hand-over is to be done in 2 s.
constexpr std::chrono::milliseconds kStopLimit{1500};
constexpr std::chrono::milliseconds kEventsLimit{300};
// An API server that does not answer must not hold the process until it is killed.
constexpr std::chrono::seconds kReleaseLimit{5};
constexpr std::chrono::seconds kFirstRetry{1};
constexpr std::chrono::seconds kLastRetry{30};
constexpr std::chrono::milliseconds kSignalPoll{200};

log::Level level_of(const std::string& name) {
  return name == "debug"     ? log::Level::kDebug
         : name == "warning" ? log::Level::kWarning
         : name == "error"   ? log::Level::kError
                             : log::Level::kInfo;
}

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

// Unlike any other replica's, and any earlier process of the same Pod.
std::string identity() {
  return host_name() + "_" + std::to_string(getpid()) + "_" +
         std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
}

class Process {
 public:
  Process(const RunOptions& options, Connected connected)
      : options_(options),
        connected_(std::move(connected)),
        metered_(*connected_.transport, metrics_),
        fenced_(metered_, [this] { return may_write_for(); }),
        plain_client_(metered_),
        client_(fenced_),
        recorder_(client_, {.component = std::string(api::kFieldManager), .instance = host_name()}),
        tls_(options.tls) {}

  int run() {
    // Two dozen threads that mostly wait: an arena for each would keep what its peak took.
    mallopt(M_ARENA_MAX, kArenas);
    log::info("starting", {{"version", SWO_VERSION},
                           {"server", connected_.server},
                           {"from", connected_.origin},
                           {"transport", options_.connection.transport}});
    if (!serve_health()) {
      return kFailed;
    }
    if (!discover()) {
      return kDone;  // stopped before the server could be reached
    }
    build();
    collector_thread_ =
        std::jthread([this](const std::stop_token& stop) { collector_->run(stop); });
    operator_->watch();
    recorder_.start();
    if (secure_metrics_ != nullptr) {
      if (has_tls_profile_) {
        tls_.start(plain_client_);
      }
      secure_metrics_->start();
    }
    const int status = options_.leader_elect ? lead() : follow_signal();
    stop();
    return status;
  }

 private:
  runtime::Milliseconds may_write_for() const {
    if (!options_.leader_elect) return runtime::Milliseconds::max();
    if (election_ == nullptr) return runtime::Milliseconds{0};
    return election_->may_write_for(runtime::system_clock().now());
  }

  bool serve_health() {
    health_.add(runtime::Health::Kind::kLive, "operator", [this]() -> std::optional<std::string> {
      reconcile::Operator* built = built_;
      return built != nullptr ? built->unwell() : std::nullopt;
    });
    health_.add(runtime::Health::Kind::kReady, "caches", [this]() -> std::optional<std::string> {
      reconcile::Operator* built = built_;
      if (built != nullptr && built->synced()) {
        return std::nullopt;
      }
      return "the first lists are not in yet";
    });
    const bool one_port = options_.health_address == options_.metrics_address;
    if (!options_.health_address.empty()) {
      health_server_ = std::make_unique<runtime::HealthServer>(
          health_, one_port ? [this] { return metrics_.text(); } : std::function<std::string()>());
      if (!start(*health_server_, options_.health_address, "--health-address")) {
        return false;
      }
    }
    if (!options_.metrics_address.empty() && !one_port) {
      metrics_server_ =
          std::make_unique<runtime::HealthServer>(health_, [this] { return metrics_.text(); });
      if (!start(*metrics_server_, options_.metrics_address, "--metrics-address")) {
        return false;
      }
    }
    if (!options_.metrics_secure_address.empty()) {
      secure_metrics_ = std::make_unique<SecureMetrics>(
          plain_client_, [this] { return metrics_.text(); }, options_.metrics_secure_address,
          options_.metrics_cert_dir, [this] { return tls_.settings(); });
    }
    return true;
  }

  static bool start(runtime::HealthServer& server, const std::string& address, const char* flag) {
    const kube::Status started = server.start(address);
    if (!started) {
      log::error("cannot serve",
                 {{"flag", flag}, {"address", address}, {"error", started.error().message}});
    }
    return started.ok();
  }

  // What the server has; or why that cannot be told yet.
  std::optional<kube::Error> read_kinds() {
    auto discovery = kube::Discovery::read(plain_client_);
    if (!discovery) {
      return discovery.error();
    }
    // A group whose own server is down is not a group that the cluster lacks.
    std::optional<kube::Error> fault;
    kinds_ =
        served_kinds(*discovery, [&](const auto&, const kube::Error& error) { fault = error; });
    const auto has_profile = discovery->has(platform::kApiServers);
    if (!has_profile) {
      fault = has_profile.error();
    }
    has_tls_profile_ = has_profile && *has_profile;
    if (!fault) {
      log::info("connected", {{"kubernetes", discovery->git_version()},
                              {"routes", kinds_.route},
                              {"securitycontextconstraints", kinds_.scc},
                              {"machineconfigs", kinds_.machine_config}});
    }
    return fault;
  }

  // Asks the server what it has until it answers; false when told to stop meanwhile.
  bool discover() {
    std::chrono::milliseconds wait = kFirstRetry;
    while (true) {
      const auto fault = read_kinds();
      if (!fault) {
        return true;
      }
      log::warning("the API server does not answer, trying again",
                   {{"server", connected_.server},
                    {"error", fault->message},
                    {"seconds", wait.count() / 1000}});
      if (const std::string signal = wait_for_stop(wait); !signal.empty()) {
        log::info("stopping", {{"signal", signal}});
        return false;
      }
      wait = std::min<std::chrono::milliseconds>(wait * 2, kLastRetry);
    }
  }

  void build() {
    const auto note = [this](const std::string& line) {
      if (!stopping_) {  // a watch that breaks off then is what was asked for
        log::warning(line);
      }
    };
    collector_ = std::make_unique<platform::Collector>(plain_client_,
                                                       platform::CollectorOptions{.note = note});
    reconcile::OperatorOptions options;
    options.world.kinds = kinds_;
    options.world.namespaces = options_.namespaces;
    options.world.note = note;
    options.machine_config = options_.machine_config;
    options.cleanup_machine_configs = options_.machine_config_cleanup;
    options.workers = options_.workers;
    options.facts = [this] { return collector_->snapshot(); };
    options.prove = [this](platform::UserNamespaceVia via, const std::string& ns) {
      collector_->prove(via, ns);
    };
    options.facts_known = [this] { return collector_->synced(); };
    options.metrics = &metrics_;
    options.recorder = &recorder_;
    operator_ = std::make_unique<reconcile::Operator>(client_, std::move(options));
    collector_->on_change([this] {
      start_anew_for_other_apis();
      operator_->facts_changed();
    });
    built_ = operator_.get();
  }

  // What can be watched is settled at the start. When the cluster gains or loses one of the APIs
  // that matter (a Gateway API is installed), this process ends in good order and is started again.
  void start_anew_for_other_apis() {
    if (!collector_->synced()) {
      return;
    }
    const auto facts = collector_->snapshot();
    const std::array served = {facts->has_route, facts->has_gateway, facts->has_scc,
                               facts->has_machine_config};
    if (served_ && *served_ != served) {
      log::info("the cluster serves other APIs than at the start: starting anew");
      ::kill(getpid(), SIGTERM);
    }
    served_ = served;
  }

  // Until a signal: this process alone writes.
  int follow_signal() {
    metrics_.leading(options_.lease_name, true);
    operator_->work();
    std::string signal;
    while (signal.empty()) {
      signal = wait_for_stop(std::chrono::hours(1));
    }
    log::info("stopping", {{"signal", signal}});
    quiesce();
    return kDone;
  }

  // Until a signal, or until the lease is lost: then another replica leads, and this one starts
  // anew.
  int lead() {
    runtime::LeaderElectionOptions options;
    options.lease = {options_.lease_namespace.empty() ? connected_.ns : options_.lease_namespace,
                     options_.lease_name};
    options.identity = identity();
    options.times = options_.lease;
    std::atomic<bool> lost = false;
    options.on_started = [this] {
      metrics_.leading(options_.lease_name, true);
      operator_->work();
    };
    options.on_stopped = [this, &lost](const std::string& /*why*/) {
      metrics_.leading(options_.lease_name, false);
      lost = true;
    };
    options.on_new_leader = [](const std::string& holder) {
      log::info("the leader is", {{"holder", holder}});
    };
    election_ = std::make_unique<runtime::LeaderElection>(plain_client_, std::move(options));
    std::promise<void> over;
    const auto given_back = over.get_future();
    std::jthread electing([this, &over](const std::stop_token& stop) {
      election_->run(stop);
      over.set_value();
    });
    std::string signal;
    while (!lost && signal.empty()) {
      signal = wait_for_stop(kSignalPoll);
    }
    if (!signal.empty()) {
      log::info("stopping", {{"signal", signal}});
    }
    // Before the lease is given back: two must never write. What may still be on its way has the
    // lease's time to arrive, which then runs out by itself.
    if (!quiesce()) {
      connected_.transport->shutdown();
    }
    electing.request_stop();
    if (given_back.wait_for(kReleaseLimit) == std::future_status::timeout) {
      log::warning("the lease could not be given back: the API server does not answer");
      connected_.transport->shutdown();
    }
    return signal.empty() ? kFailed : kDone;
  }

  // The end of all writing for workloads. False: something may still be under way.
  bool quiesce() {
    const bool done = operator_->stop_work(kStopLimit);
    if (!done) {
      log::warning("a worker is still at something: it is cut off");
    }
    recorder_.stop(kEventsLimit);
    return done;
  }

  // The end of all reading. Watches are told before their connections end, so that they do not
  // connect again.
  void stop() {
    if (secure_metrics_ != nullptr) {
      secure_metrics_->stop();
    }
    // These ask the operator, so they go before it.
    for (runtime::HealthServer* server : {health_server_.get(), metrics_server_.get()}) {
      if (server != nullptr) {
        server->stop();
      }
    }
    stopping_ = true;
    operator_->end_watches();
    collector_thread_.request_stop();
    tls_.end_watch();
    connected_.transport->shutdown();
    tls_.stop();
    operator_->stop(std::chrono::milliseconds(0));
    collector_thread_ = {};
    log::info("stopped");
  }

  const RunOptions& options_;
  Connected connected_;
  runtime::Metrics metrics_;
  runtime::MeteredTransport metered_;
  runtime::FencedTransport fenced_;
  kube::Client plain_client_;  // reads, and the Lease itself
  kube::Client client_;        // everything that is written for a workload
  runtime::EventRecorder recorder_;
  runtime::Health health_;
  std::unique_ptr<runtime::HealthServer> health_server_, metrics_server_;
  ClusterTls tls_;
  std::unique_ptr<SecureMetrics> secure_metrics_;
  reconcile::Kinds kinds_;
  std::optional<std::array<bool, 4>> served_;  // of the collector's thread
  bool has_tls_profile_ = false;
  std::unique_ptr<runtime::LeaderElection> election_;
  std::unique_ptr<platform::Collector> collector_;
  std::unique_ptr<reconcile::Operator> operator_;
  std::atomic<reconcile::Operator*> built_ = nullptr;  // for the servers' threads
  std::atomic<bool> stopping_{false};
  std::jthread collector_thread_;
};

}  // namespace

int run_command(const RunOptions& options, std::ostream& err) {
  block_stop_signals();
  log::configure(
      {.format = options.log_format == "json" ? log::Format::kJson : log::Format::kLogfmt,
       .level = level_of(options.log_level)});
  if (options.connection.transport == "cpprest") {
    kube::initialize_cpprest_threads(kPoolThreads +
                                     kWatchesOfANamespace * options.namespaces.size());
  }
  if (!options.metrics_secure_address.empty() && options.metrics_cert_dir.empty()) {
    err << "--metrics-secure-address needs --metrics-cert-dir, the folder of tls.crt and tls.key\n";
    return kBadUsage;
  }
  for (const std::string& fault : {options.lease.fault(), platform::fault_of(options.tls)}) {
    if (!fault.empty()) {
      err << fault << '\n';
      return kBadUsage;
    }
  }
  auto connected = connect(options.connection);
  if (!connected) {
    err << printable(connected.error().message) << '\n';
    return kBadUsage;
  }
  return Process(options, *std::move(connected)).run();
}

}  // namespace swo::cli
