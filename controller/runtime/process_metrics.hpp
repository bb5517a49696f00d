// process_*: what Prometheus client libraries say of the process itself, read from /proc (proc(5)).
//
// update() is thread-safe as far as prometheus-cpp's gauges are; a file that cannot be read leaves
// zeros.
#pragma once

#include <mutex>

namespace prometheus {
class Registry;
class Counter;
class Gauge;
}  // namespace prometheus

namespace swo::runtime {

class ProcessMetrics {
 public:
  explicit ProcessMetrics(prometheus::Registry& registry);
  void update();

 private:
  std::mutex mutex_;
  prometheus::Counter& cpu_seconds_;
  prometheus::Gauge& resident_bytes_;
  prometheus::Gauge& virtual_bytes_;
  prometheus::Gauge& open_fds_;
  prometheus::Gauge& max_fds_;
  prometheus::Gauge& start_time_;
  prometheus::Gauge& threads_;
};

}  // namespace swo::runtime
