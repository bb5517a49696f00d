// Micro-benchmarks of what the operator does most: the queue, reading Pods, rendering, planning.
//
// `make bench` runs them in a Release build. Times are of this machine; what is kept is counted.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <malloc.h>

#include "../reconcile/plan_fixture.hpp"
#include "kube/projection.hpp"
#include "reconcile/decisions.hpp"
#include "reconcile/facts.hpp"
#include "reconcile/plan.hpp"
#include "render/render.hpp"
#include "runtime/work_queue.hpp"

namespace swo {
namespace {

void QueueAddGetDone(benchmark::State& state) {
  std::vector<kube::ObjectKey> keys;
  for (int i = 0; i < 1000; ++i) {
    keys.push_back({"demo", "workload-" + std::to_string(i)});
  }
  runtime::WorkQueue queue;
  const auto now = std::chrono::steady_clock::now();
  std::size_t at = 0;
  for (auto _ : state) {
    queue.add(keys[at]);
    at = (at + 1) % keys.size();
    const auto item = queue.try_get(now);
    queue.done(*item);
  }
}
BENCHMARK(QueueAddGetDone);

// An instance's Pod as an API server sends it: what was rendered, admitted, scheduled and run, with
// the managedFields that make up most of it.
std::string pod_event() {
  const reconcile::test::Scene scene;
  Json pod = render::pod(scene.workload, scene.strategy, 0);
  pod["metadata"]["uid"] = "9d6f4b4e-6f0e-4a53-9a3e-0d6a1f1d7f11";
  pod["metadata"]["resourceVersion"] = "184467";
  Json fields = Json::object();
  for (int i = 0; i < 60; ++i) {
    fields["f:spec"]["f:containers"]["k:{\"name\":\"systemd\"}"]["f:field" + std::to_string(i)] =
        Json::object();
  }
  pod["metadata"]["managedFields"] = {
      {{"manager", "systemd-workload-operator"}, {"operation", "Update"}, {"fieldsV1", fields}},
      {{"manager", "kubelet"}, {"operation", "Update"}, {"fieldsV1", fields}}};
  pod["spec"]["nodeName"] = "worker-1";
  pod["status"] = {
      {"phase", "Running"},
      {"conditions", {{{"type", "Ready"}, {"status", "True"}}}},
      {"containerStatuses", {{{"name", "systemd"}, {"started", true}, {"restartCount", 0}}}}};
  return Json{{"type", "MODIFIED"}, {"object", pod}}.dump();
}

void PodProjection(benchmark::State& state) {
  const std::string event = pod_event();
  const kube::FieldMask mask(reconcile::pod_fields());
  for (auto _ : state) {
    auto projected = kube::project_event(event, mask);
    benchmark::DoNotOptimize(reconcile::pod_facts(projected->object));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(event.size()) * state.iterations());
}
BENCHMARK(PodProjection);

// What a Pod costs while it is known: the heap that its facts hold.
void PodKept(benchmark::State& state) {
  constexpr int kPods = 10'000;
  const auto projected = kube::project_event(pod_event(), kube::FieldMask(reconcile::pod_fields()));
  double bytes = 0;
  for (auto _ : state) {
    std::vector<std::shared_ptr<const reconcile::PodFacts>> kept;
    kept.reserve(kPods);
    const std::size_t before = mallinfo2().uordblks;
    for (int i = 0; i < kPods; ++i) {
      kept.push_back(
          std::make_shared<const reconcile::PodFacts>(reconcile::pod_facts(projected->object)));
    }
    bytes = static_cast<double>(mallinfo2().uordblks - before) / kPods;
  }
  state.counters["bytes_per_pod"] = bytes;
}
BENCHMARK(PodKept)->Iterations(3);

void RenderPod(benchmark::State& state) {
  const reconcile::test::Scene scene;
  for (auto _ : state) {
    benchmark::DoNotOptimize(render::pod(scene.workload, scene.strategy, 0));
  }
}
BENCHMARK(RenderPod);

// On a cluster of 500 nodes: anew, and as it is kept.
void Decide(benchmark::State& state) {
  const reconcile::test::Scene scene;
  platform::Facts facts = *platform::well_known_generation("openshift-4.20");
  facts.nodes.resize(500, facts.nodes.front());
  const auto snapshot = std::make_shared<const platform::Facts>(std::move(facts));
  reconcile::Decisions decisions(platform::MachineConfigMode::kApply);
  for (auto _ : state) {
    if (state.range(0) == 0) {
      decisions.forget({scene.workload.ns, scene.workload.name});
    }
    benchmark::DoNotOptimize(decisions.of(scene.workload, snapshot));
  }
}
BENCHMARK(Decide)->ArgName("kept")->Arg(0)->Arg(1);

void RenderChildren(benchmark::State& state) {
  const reconcile::test::Scene scene;
  for (auto _ : state) {
    benchmark::DoNotOptimize(reconcile::desired_children(scene.input()));
  }
}
BENCHMARK(RenderChildren);

void Revision(benchmark::State& state) {
  const reconcile::test::Scene scene;
  for (auto _ : state) {
    benchmark::DoNotOptimize(scene.revision());
  }
}
BENCHMARK(Revision);

// A workload that is as wanted is looked at for the first time since the start; and again.
void PlanAtRest(benchmark::State& state) {
  reconcile::test::Scene scene;
  scene.children_in_line();
  scene.add(scene.pod(0, true));
  const reconcile::Plan first = scene.plan();
  scene.workload.status = first.status;
  if (state.range(0) > 0) {
    scene.memory.in_line = first.in_line;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(scene.plan());
  }
}
BENCHMARK(PlanAtRest)->ArgName("again")->Arg(0)->Arg(1);

void PlanANewWorkload(benchmark::State& state) {
  const reconcile::test::Scene scene;
  for (auto _ : state) {
    benchmark::DoNotOptimize(scene.plan());
  }
}
BENCHMARK(PlanANewWorkload);

}  // namespace
}  // namespace swo

BENCHMARK_MAIN();
