#include "runtime/metrics.hpp"

#include <deque>
#include <mutex>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "runtime/process_metrics.hpp"

namespace swo::runtime {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;
using Buckets = Histogram::BucketBoundaries;

// controller-runtime pkg/internal/controller/metrics/metrics.go.
const Buckets& reconcile_buckets() {
  static const Buckets kBuckets{0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3,  0.35,
                                0.4,   0.45, 0.5,   0.6,  0.7, 0.8,  0.9, 1.0,  1.25, 1.5,
                                1.75,  2.0,  2.5,   3.0,  3.5, 4.0,  4.5, 5,    6,    7,
                                8,     9,    10,    15,   20,  25,   30,  40,   50,   60};
  return kBuckets;
}

// controller-runtime pkg/metrics/workqueue.go: ten times more each, from 10 ns.
const Buckets& queue_buckets() {
  static const Buckets kBuckets{1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000};
  return kBuckets;
}

double seconds(Instant::duration time) { return std::chrono::duration<double>(time).count(); }

class ControllerSeries : public ControllerMetrics {
 public:
  ControllerSeries(Counter& success, Counter& requeue_after, Counter& error, Counter& errors,
                   Gauge& active, Histogram& time)
      : success_(success),
        requeue_after_(requeue_after),
        error_(error),
        errors_(errors),
        active_(active),
        time_(time) {}
  void started() override { active_.Increment(); }
  void finished(const Outcome& outcome, Instant::duration took) override {
    active_.Decrement();
    time_.Observe(seconds(took));
    switch (outcome.kind) {
      case Outcome::Kind::kDone:
        success_.Increment();
        break;
      case Outcome::Kind::kRequeueAfter:
        requeue_after_.Increment();
        break;
      case Outcome::Kind::kError:
        error_.Increment();
        errors_.Increment();
    }
  }

 private:
  Counter& success_;
  Counter& requeue_after_;
  Counter& error_;
  Counter& errors_;
  Gauge& active_;
  Histogram& time_;
};

class QueueSeries : public QueueMetrics {
 public:
  QueueSeries(Gauge& depth, Counter& adds, Histogram& waited, Histogram& worked, Counter& retries)
      : depth_(depth), adds_(adds), waited_(waited), worked_(worked), retries_(retries) {}
  void added(std::size_t depth) override {
    adds_.Increment();
    depth_.Set(static_cast<double>(depth));
  }
  void taken(std::size_t depth, Instant::duration waited) override {
    depth_.Set(static_cast<double>(depth));
    waited_.Observe(seconds(waited));
  }
  void done(Instant::duration worked) override { worked_.Observe(seconds(worked)); }
  void retried() override { retries_.Increment(); }

 private:
  Gauge& depth_;
  Counter& adds_;
  Histogram& waited_;
  Histogram& worked_;
  Counter& retries_;
};

}  // namespace

struct Metrics::State {
  Family<Counter>& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Gauge>& gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  Family<Histogram>& histogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }

  prometheus::Registry registry;
  Family<Counter>& reconciles = counter("controller_runtime_reconcile_total",
                                        "Total number of reconciliations per controller");
  Family<Counter>& reconcile_errors =
      counter("controller_runtime_reconcile_errors_total",
              "Total number of reconciliation errors per controller");
  Family<Histogram>& reconcile_time = histogram("controller_runtime_reconcile_time_seconds",
                                                "Length of time per reconciliation per controller");
  Family<Gauge>& active_workers =
      gauge("controller_runtime_active_workers", "Number of currently used workers per controller");
  Family<Gauge>& max_workers = gauge("controller_runtime_max_concurrent_reconciles",
                                     "Maximum number of concurrent reconciles per controller");
  Family<Gauge>& depth = gauge("workqueue_depth", "Current depth of workqueue");
  Family<Counter>& adds =
      counter("workqueue_adds_total", "Total number of adds handled by workqueue");
  Family<Histogram>& waited =
      histogram("workqueue_queue_duration_seconds",
                "How long in seconds an item stays in workqueue before being requested");
  Family<Histogram>& worked =
      histogram("workqueue_work_duration_seconds",
                "How long in seconds processing an item from workqueue takes");
  Family<Gauge>& unfinished =
      gauge("workqueue_unfinished_work_seconds",
            "How many seconds of work is in progress and hasn't been observed by work_duration");
  Family<Gauge>& longest =
      gauge("workqueue_longest_running_processor_seconds",
            "How many seconds has the longest running processor for workqueue been running");
  Family<Counter>& retries =
      counter("workqueue_retries_total", "Total number of retries handled by workqueue");
  Family<Counter>& requests =
      counter("rest_client_requests_total",
              "Number of HTTP requests, partitioned by status code and method");
  Family<Gauge>& leader = gauge("leader_election_master_status",
                                "1 if this replica holds the lease of that name, 0 if not");
  ProcessMetrics process{registry};

  std::mutex mutex;  // of what follows
  std::deque<ControllerSeries> controllers;
  std::deque<QueueSeries> queues;
  std::vector<std::function<void()>> updates;
};

Metrics::Metrics() : state_(std::make_unique<State>()) {
  for (std::string_view method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    state_->requests.Add({{"code", "200"}, {"method", std::string(method)}});
  }
}

Metrics::~Metrics() = default;

ControllerMetrics& Metrics::controller(const std::string& name, int max_concurrent_reconciles) {
  State& state = *state_;
  Labels labels{{"controller", name}};
  auto result = [&](const char* of) -> Counter& {
    return state.reconciles.Add({{"controller", name}, {"result", of}});
  };
  result("requeue");  // is never the result here, but dashboards ask for it
  state.max_workers.Add(labels).Set(max_concurrent_reconciles);
  std::lock_guard lock(state.mutex);
  return state.controllers.emplace_back(result("success"), result("requeue_after"), result("error"),
                                        state.reconcile_errors.Add(labels),
                                        state.active_workers.Add(labels),
                                        state.reconcile_time.Add(labels, reconcile_buckets()));
}

QueueMetrics& Metrics::queue(const std::string& name) {
  State& state = *state_;
  Labels labels{{"name", name}, {"controller", name}};
  std::lock_guard lock(state.mutex);
  return state.queues.emplace_back(
      state.depth.Add(labels), state.adds.Add(labels), state.waited.Add(labels, queue_buckets()),
      state.worked.Add(labels, queue_buckets()), state.retries.Add(labels));
}

void Metrics::watch(const std::string& name, const WorkQueue& queue) {
  Labels labels{{"name", name}, {"controller", name}};
  Gauge& unfinished = state_->unfinished.Add(labels);
  Gauge& longest = state_->longest.Add(labels);
  before_text([&unfinished, &longest, &queue] {
    auto [sum, most] = queue.working(system_clock().now());
    unfinished.Set(seconds(sum));
    longest.Set(seconds(most));
  });
}

void Metrics::request(int code, std::string_view method) {
  state_->requests
      .Add(
          {{"code", code == 0 ? "<error>" : std::to_string(code)}, {"method", std::string(method)}})
      .Increment();
}

void Metrics::leading(const std::string& name, bool is_leader) {
  state_->leader.Add({{"name", name}}).Set(is_leader ? 1 : 0);
}

prometheus::Registry& Metrics::registry() { return state_->registry; }

void Metrics::before_text(std::function<void()> update) {
  std::lock_guard lock(state_->mutex);
  state_->updates.push_back(std::move(update));
}

std::string Metrics::text() {
  {
    std::lock_guard lock(state_->mutex);
    for (const auto& update : state_->updates) update();
  }
  state_->process.update();
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

kube::Result<kube::HttpResponse> MeteredTransport::send(const kube::HttpRequest& request) {
  auto response = inner_.send(request);
  metrics_.request(response ? response->status : 0, request.method);
  return response;
}

kube::Result<std::unique_ptr<kube::ByteStream>> MeteredTransport::open(
    const kube::HttpRequest& request) {
  auto stream = inner_.open(request);
  metrics_.request(stream ? (*stream)->head().status : 0, request.method);
  return stream;
}

}  // namespace swo::runtime
