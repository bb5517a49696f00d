#include "runtime/metrics.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../kube/scripted_transport.hpp"

namespace swo::runtime {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, EverythingIsThereWithAZeroFromTheStart) {
  Metrics metrics;
  metrics.controller("workload", 4);
  metrics.queue("workload");
  WorkQueue queue;
  metrics.watch("workload", queue);
  metrics.leading("operator", false);
  std::string text = metrics.text();
  for (const char* line :
       {"controller_runtime_reconcile_total{controller=\"workload\",result=\"success\"} 0",
        "controller_runtime_reconcile_total{controller=\"workload\",result=\"error\"} 0",
        "controller_runtime_reconcile_total{controller=\"workload\",result=\"requeue\"} 0",
        "controller_runtime_reconcile_total{controller=\"workload\",result=\"requeue_after\"} 0",
        "controller_runtime_reconcile_errors_total{controller=\"workload\"} 0",
        "controller_runtime_reconcile_time_seconds_count{controller=\"workload\"} 0",
        "controller_runtime_active_workers{controller=\"workload\"} 0",
        "controller_runtime_max_concurrent_reconciles{controller=\"workload\"} 4",
        "workqueue_depth{controller=\"workload\",name=\"workload\"} 0",
        "workqueue_adds_total{controller=\"workload\",name=\"workload\"} 0",
        "workqueue_retries_total{controller=\"workload\",name=\"workload\"} 0",
        "workqueue_queue_duration_seconds_count{controller=\"workload\",name=\"workload\"} 0",
        "workqueue_work_duration_seconds_count{controller=\"workload\",name=\"workload\"} 0",
        "workqueue_unfinished_work_seconds{controller=\"workload\",name=\"workload\"} 0",
        "workqueue_longest_running_processor_seconds{controller=\"workload\",name=\"workload\"} 0",
        "rest_client_requests_total{code=\"200\",method=\"GET\"} 0",
        "leader_election_master_status{name=\"operator\"} 0"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Metrics, AControllerAndItsQueueAreCounted) {
  Metrics metrics;
  ManualClock clock;
  WorkQueue queue({.clock = &clock, .metrics = &metrics.queue("w")});
  Controller controller({.name = "w", .clock = &clock, .metrics = &metrics.controller("w", 1)},
                        queue, [&](const ObjectKey& key) {
                          clock.advance(std::chrono::milliseconds(120));
                          return key.name == "bad" ? Outcome::error("no", true) : Outcome::done();
                        });
  queue.add({"n", "good"});
  queue.add({"n", "bad"});
  queue.add({"n", "waiting"});
  controller.run_one(clock.now());
  controller.run_one(clock.now());
  std::string text = metrics.text();
  for (const char* line :
       {"controller_runtime_reconcile_total{controller=\"w\",result=\"success\"} 1",
        "controller_runtime_reconcile_errors_total{controller=\"w\"} 1",
        "controller_runtime_reconcile_time_seconds_bucket{controller=\"w\",le=\"0.1\"} 0",
        "controller_runtime_reconcile_time_seconds_bucket{controller=\"w\",le=\"0.15\"} 2",
        "workqueue_depth{controller=\"w\",name=\"w\"} 1",
        "workqueue_adds_total{controller=\"w\",name=\"w\"} 3",
        "workqueue_retries_total{controller=\"w\",name=\"w\"} 1"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Metrics, TheProcessIsDescribed) {
  Metrics metrics;
  std::string text = metrics.text();
  auto value = [&](const std::string& name) {
    std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  };
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
  EXPECT_GT(value("process_open_fds"), 2);
  EXPECT_GT(value("process_max_fds"), value("process_open_fds"));
  EXPECT_GE(value("process_threads"), 1);
  EXPECT_GE(value("process_cpu_seconds_total"), 0);
  double now =
      static_cast<double>(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
  EXPECT_LE(value("process_start_time_seconds"), now + 2);
  EXPECT_GT(value("process_start_time_seconds"), 1e9);
}

TEST(Metrics, RequestsAreCountedByWhatCameBack) {
  Metrics metrics;
  kube::test::ScriptedTransport inner;
  MeteredTransport transport(inner, metrics);
  inner.will_answer(200, "{}");
  inner.will_answer(404, "{}");
  inner.will_open();
  kube::HttpRequest patch;
  patch.method = "PATCH";
  (void)transport.send(patch);
  (void)transport.send(patch);
  (void)transport.send(patch);  // nothing scripted: no connection
  (void)transport.open({});
  std::string text = metrics.text();
  for (const char* line :
       {"{code=\"200\",method=\"PATCH\"} 1", "{code=\"404\",method=\"PATCH\"} 1",
        "{code=\"<error>\",method=\"PATCH\"} 1", "{code=\"200\",method=\"GET\"} 1"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace swo::runtime
