#include "reconcile/workload_reconciler.hpp"

#include <algorithm>
#include <utility>

#include "api/json_read.hpp"
#include "api/names.hpp"
#include "reconcile/proof.hpp"
#include "reconcile/status.hpp"
#include "reconcile/types.hpp"
#include "render/render.hpp"

namespace swo::reconcile {
namespace {

// A name that was taken is asked about again this often: whoever had it may have gone, and its
// events do not reach us.
constexpr std::chrono::seconds kForeignRecheck{30};

// A workload that is gone though its watch does not say so: the watch is in trouble, and tries
// again by itself.
constexpr std::chrono::seconds kGoneRecheck{30};

bool deletes_something(const Plan& plan) {
  return std::ranges::any_of(plan.actions, [](const Action& action) {
    return std::holds_alternative<DeleteAction>(action.what);
  });
}

bool makes_something(const Plan& plan) {
  return std::any_of(plan.actions.begin(), plan.actions.end(), [](const Action& action) {
    const auto* apply = std::get_if<ApplyAction>(&action.what);
    return std::holds_alternative<CreateAction>(action.what) ||
           (apply != nullptr && apply->expect_absent);
  });
}

// A watch shows a write within milliseconds; this is for one that does not.
constexpr std::chrono::seconds kWrittenRecheck{1};
constexpr std::chrono::milliseconds kAtOnce{1};

bool belongs_to(const api::Workload& workload, const Json& live) {
  if (const Json* controller = controller_of(live)) {
    return text(at(*controller, "uid")) == workload.uid;
  }
  // Retained claims have no owner, and a backup restores none (Velero's resetMetadata): the labels
  // are the bond then.
  const Json& labels = at(live, "metadata", "labels");
  return text(at(labels, api::kLabelWorkload)) == workload.name &&
         text(at(labels, api::kLabelManagedBy)) == api::kFieldManager;
}

// The problem of the workload's pool comes first: it explains why the nodes do not change.
Decisions::StrategyPtr with_shared_problem(const SharedProblems& problems, const std::string& pool,
                                           Decisions::StrategyPtr decided) {
  const auto found = problems.find(pool);
  if (found == problems.end() || decided->blockers.empty()) {
    return decided;
  }
  platform::Strategy strategy = *decided;
  strategy.blockers.insert(strategy.blockers.begin(), found->second);
  return std::make_shared<const platform::Strategy>(std::move(strategy));
}

}  // namespace

WorkloadReconciler::WorkloadReconciler(World& world, kube::Client& client,
                                       kube::Expectations& expectations, SharedNeeds& needs,
                                       ReconcilerOptions options)
    : world_(world),
      client_(client),
      expectations_(expectations),
      needs_(needs),
      options_(std::move(options)),
      decisions_(options_.machine_config),
      observer_(world, client),
      executor_(client, world, expectations) {}

Memory WorkloadReconciler::take_memory(const kube::ObjectKey& key) {
  const auto memories = memories_.lock();
  const auto found = memories->find(key);
  if (found == memories->end()) {
    return {};
  }
  Memory memory = std::move(found->second);
  memories->erase(found);
  return memory;
}

void WorkloadReconciler::keep_memory(const kube::ObjectKey& key, Memory memory) {
  if (memory.in_line || !memory.failures.empty() || !memory.settled.empty() ||
      !memory.foreign.empty() || !memory.unshrunk.empty()) {
    (*memories_.lock())[key] = std::move(memory);
  }
}

void WorkloadReconciler::remember_told(const kube::ObjectKey& key, std::set<std::string> unshrunk) {
  const auto memories = memories_.lock();
  const auto found = memories->find(key);
  if (found != memories->end()) {
    found->second.unshrunk = std::move(unshrunk);
  } else if (!unshrunk.empty()) {
    (*memories)[key].unshrunk = std::move(unshrunk);
  }
}

void WorkloadReconciler::forget(const kube::ObjectKey& key) {
  take_memory(key);
  decisions_.forget(key);
  expectations_.forget(key);
  {
    const auto echoes = echoes_.lock();
    echoes->written.erase(key);
    echoes->turned_away.erase(key);
  }
  if (needs_.forget(key)) {
    options_.needs_changed();
  }
}

void WorkloadReconciler::report_need(const kube::ObjectKey& key, const api::Workload& workload,
                                     const platform::Strategy& strategy) {
  Need need;
  const std::string scc = render::scc_name(workload, strategy);
  // For one that is to be left as it is none is made, only kept.
  const bool leave = workload.spec.paused && !world_.has_scc(scc);
  if (strategy.use_scc && render::grants_scc(workload) && !leave) {
    need.scc = scc;
    need.capabilities = workload.spec.platform.add_capabilities;
    std::sort(need.capabilities.begin(), need.capabilities.end());
    need.scc_user_namespace_level = strategy.scc_user_namespace_level;
  }
  // Only with consent, and only when no pool is in a state to wait for.
  if (strategy.may_write_node_settings) {
    need.machine_config = strategy.machine_config;
    need.cgroup_mode = strategy.cgroups == platform::CgroupsBy::kCgroupMode;
  }
  if (needs_.report(key, need, world_.workloads.store().size())) {
    options_.needs_changed();
  }
}

void WorkloadReconciler::report_unknown_need(const kube::ObjectKey& key) {
  if (needs_.report_unknown(key, world_.workloads.store().size())) {
    options_.needs_changed();
  }
}

Outcome WorkloadReconciler::reconcile(const kube::ObjectKey& key) {
  const kube::Instant now = options_.steady_now();
  // Said before asking: an event between the two must find it.
  echoes_.lock()->turned_away.insert(key);
  if (!world_.is_known(key.ns)) {
    return {std::nullopt, kWrittenRecheck};  // a namespace that has just become readable
  }
  const bool satisfied = expectations_.satisfied(key, now);
  // Read after asking: what was there before may be older than the status that was waited for, and
  // whose event, being an echo, asks for no other look.
  const auto facts = world_.workloads.store().get(key);
  if (facts == nullptr) {
    forget(key);
    return {};
  }
  if (!satisfied) {
    // The watches are behind our own writes; each of their events looks again.
    const auto wait = expectations_.deadline(key, now) - now;
    return {std::nullopt, std::chrono::ceil<std::chrono::milliseconds>(wait)};
  }
  {
    const auto echoes = echoes_.lock();
    echoes->turned_away.erase(key);
    // Waited for in vain: this look does not know what was written, so that what comes of it is
    // more than an echo.
    const auto written = echoes->written.find(key);
    if (written != echoes->written.end() && written->second > facts->resource_version) {
      echoes->written.erase(written);
    }
  }
  return look_at(key, *facts);
}

bool WorkloadReconciler::only_an_echo(const kube::ObjectKey& key, std::uint64_t version) {
  const auto echoes = echoes_.lock();
  const auto written = echoes->written.find(key);
  const bool ours = written != echoes->written.end() && written->second == version;
  if (ours) {
    echoes->written.erase(written);
  }
  return echoes->turned_away.erase(key) == 0 && ours;
}

Outcome WorkloadReconciler::look_at(const kube::ObjectKey& key, const WorkloadFacts& facts) {
  const auto now = options_.now();
  api::Parsed<api::Workload> parsed = workload_of(facts);
  if (const auto* fault = std::get_if<api::FieldError>(&parsed)) {
    api::Workload named;
    named.name = key.name;
    named.ns = key.ns;
    named.uid = facts.uid;
    named.generation = facts.generation;
    const Json document = Json::parse(facts.text, nullptr, false);
    named.status = api::parse_status(at(document, "status"));
    options_.log(key, "spec refused: " + fault->message(), true);
    report_unknown_need(key);
    return {write_status(named, invalid_status(named, *fault, now)), std::nullopt};
  }
  const api::Workload& workload = std::get<api::Workload>(parsed);
  if (const auto faults = api::validate(workload); !faults.empty()) {
    options_.log(key, "spec refused: " + faults.front().message(), true);
    report_unknown_need(key);
    return {write_status(workload, invalid_status(workload, faults.front(), now)), std::nullopt};
  }

  const auto platform_facts = options_.facts();
  const auto decided = with_shared_problem(options_.shared_problems(), workload.spec.platform.pool,
                                           decisions_.of(workload, platform_facts));
  const platform::Strategy& strategy = *decided;
  report_need(key, workload, strategy);

  const auto belongs = [&](const Json& live) { return belongs_to(workload, live); };
  Memory memory = take_memory(key);
  executor_.recheck_foreign(key.ns, belongs, memory);
  const std::size_t names_taken = memory.foreign.size();
  const bool failed_before = !memory.failures.empty();
  const Observed observed = observer_.observe(workload, *platform_facts, strategy, now);
  for (const auto& pod : observed.pods) {
    if (const auto via = proof_of(*pod)) {
      options_.prove(*via, key.ns);
    }
  }
  Plan todo = plan({workload, observed, memory, *platform_facts, strategy, now});
  memory.in_line = todo.in_line;
  const bool known_before = workload.status.observed_generation == workload.generation ||
                            world_.workloads.last_error().has_value();
  const bool deletes = deletes_something(todo);
  if ((deletes || (makes_something(todo) && known_before)) && is_overtaken(workload, deletes)) {
    keep_memory(key, std::move(memory));
    return {std::nullopt, kGoneRecheck};
  }
  const Executed executed = executor_.carry_out(
      key, todo.actions, belongs, memory, options_.steady_now(),
      [&](const Action& action, const kube::Error* error) {
        options_.log(key, action.describe() + (error != nullptr ? " – " + error->message : ""),
                     error != nullptr);
      });
  const bool newly_taken = memory.foreign.size() > names_taken;
  const bool recovered = failed_before && memory.failures.empty();
  const bool newly_failed = !failed_before && !memory.failures.empty();
  keep_memory(key, std::move(memory));

  if (executed.writes > 0 && !executed.error && !newly_taken) {
    // What was just written is about to come back, and with it the look that tells how it stands.
    return {std::nullopt, kWrittenRecheck};
  }
  if (recovered && !executed.error) {
    // What failed is not wanted any more. The plan was made with the failure in mind.
    return {std::nullopt, kAtOnce};
  }
  if (newly_taken) {
    return {std::nullopt, kAtOnce};  // the status that was planned does not know of it
  }
  if (newly_failed) {
    return {executed.error, std::nullopt};  // nor of this; after a restart it has been told already
  }
  if (auto error = write_status(workload, todo.status)) {
    return {std::move(error), std::nullopt};
  }
  for (const Notice& notice : todo.notices) {
    options_.notify(workload, notice);
  }
  remember_told(key, std::move(todo.unshrunk));
  if (names_taken > 0 && !executed.error) {
    return {std::nullopt, std::min<std::chrono::milliseconds>(
                              todo.requeue_after.value_or(kForeignRecheck), kForeignRecheck)};
  }
  return {executed.error, todo.requeue_after};
}

// The watch may not have told yet that the workload is deleted; what is made for it then is
// collected as garbage, seen to be missing, made again, and so on. Nor that it asks for something
// else (`or_changed`): instances and their claims would be deleted that have been wanted for a
// minute.
bool WorkloadReconciler::is_overtaken(const api::Workload& workload, bool or_changed) {
  const auto live = client_.get(types::kWorkload, {workload.ns, workload.name});
  if (!live) {
    return live.error().kind == kube::ErrorKind::kNotFound;
  }
  const Json& metadata = at(*live, "metadata");
  return text(at(metadata, "uid")) != workload.uid || metadata.contains("deletionTimestamp") ||
         (or_changed && number(at(metadata, "generation")) != workload.generation);
}

std::optional<kube::Error> WorkloadReconciler::write_status(const api::Workload& workload,
                                                            const api::Status& status) {
  if (status == workload.status) {
    return std::nullopt;
  }
  const Json document = {
      {"apiVersion", api::kApiVersion},
      {"kind", api::kKind},
      {"metadata", {{"name", workload.name}, {"namespace", workload.ns}, {"uid", workload.uid}}},
      {"status", api::to_json(status)}};
  auto written =
      client_.apply_status(types::kWorkload, document, {.field_manager = api::kStatusFieldManager});
  if (written) {
    echoes_.lock()->written[{workload.ns, workload.name}] = written->resource_version;
    expectations_.wrote({workload.ns, workload.name}, world_.workloads.store(),
                        {workload.ns, workload.name}, written->resource_version,
                        options_.steady_now());
    return std::nullopt;
  }
  // Deleted: nobody to tell any more. (A conflict is looked at again: it may be another one by that
  // name.)
  if (written.error().kind == kube::ErrorKind::kNotFound) {
    return std::nullopt;
  }
  return written.error();
}

}  // namespace swo::reconcile
