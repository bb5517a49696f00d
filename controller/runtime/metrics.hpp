// The operator's metrics, under the names that dashboards for controller-runtime expect, and their
// text.
//
// Everything is there with a zero from the start, so that a rate has no gap and an alert no blind
// spot. Thread-safe. What is handed out lives as long as the Metrics. Names: controller-runtime
// pkg/internal/controller/metrics, pkg/metrics; client-go tools/metrics.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "kube/transport.hpp"
#include "runtime/controller.hpp"
#include "runtime/work_queue.hpp"

namespace prometheus {
class Registry;
}

namespace swo::runtime {

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // controller_runtime_*{controller="NAME"}
  ControllerMetrics& controller(const std::string& name, int max_concurrent_reconciles);
  // workqueue_*{name="NAME"}; watch() adds what only the queue knows at the time of asking.
  QueueMetrics& queue(const std::string& name);
  void watch(const std::string& name, const WorkQueue& queue);
  // rest_client_requests_total{code,method}; code "<error>" when there was no answer.
  void request(int code, std::string_view method);
  // leader_election_master_status{name}
  void leading(const std::string& name, bool is_leader);

  // For the metrics of other floors: their own families in the same registry.
  prometheus::Registry& registry();
  // Called before each text(): to set what is only known on asking.
  void before_text(std::function<void()> update);
  // Text exposition format 0.0.4.
  std::string text();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Counts every request of another transport. Both must outlive it.
class MeteredTransport : public kube::Transport {
 public:
  MeteredTransport(kube::Transport& inner, Metrics& metrics) : inner_(inner), metrics_(metrics) {}
  kube::Result<kube::HttpResponse> send(const kube::HttpRequest& request) override;
  kube::Result<std::unique_ptr<kube::ByteStream>> open(const kube::HttpRequest& request) override;
  void shutdown() override { inner_.shutdown(); }

 private:
  kube::Transport& inner_;
  Metrics& metrics_;
};

}  // namespace swo::runtime
