#include "reconcile/shared_plan.hpp"

#include <algorithm>
#include <iterator>

#include "platform/pools.hpp"
#include "reconcile/pool_hold.hpp"
#include "reconcile/types.hpp"
#include "render/render.hpp"

namespace swo::reconcile {
namespace {

using platform::Tri;

void plan_sccs(const SharedInput& input, std::vector<Action>& actions) {
  for (const auto& [name, needed] : input.needs.sccs) {
    const Json document = render::security_context_constraints(name, needed.capabilities,
                                                               needed.user_namespace_level);
    const auto live = input.sccs.find(name);
    const ChildKey key{std::string(types::kScc.plural), name};
    if (live == input.sccs.end()) {
      if (!input.memory.foreign.contains(key)) {
        actions.push_back(
            {ApplyAction{&types::kScc, document, true}, "workloads need it, and it is not there"});
      }
      continue;
    }
    const Digest wanted = digest_of_desired(document);
    const auto settled = input.memory.settled.find(key);
    const bool known = settled != input.memory.settled.end() &&
                       settled->second == Settled{live->second->digest, wanted};
    if (live->second->digest != wanted && !known && !live->second->deleting) {
      actions.push_back({ApplyAction{&types::kScc, document, false, live->second->uid},
                         "it differs from what is wanted"});
    }
  }
  if (!input.everyone_reported) {
    return;
  }
  for (const auto& [name, live] : input.sccs) {
    if (!input.needs.sccs.contains(name) && !live->deleting) {
      actions.push_back(
          {DeleteAction{&types::kScc, live->key, live->uid}, "its last user is gone"});
    }
  }
}

// What `need` renders to, in the terms in which live MachineConfigs are compared.
MachineConfigFacts content_of(const Json& document) { return machine_config_facts(document); }

bool holds(const MachineConfigFacts& live, const MachineConfigFacts& wanted) {
  const bool arguments = std::all_of(
      wanted.kernel_arguments.begin(), wanted.kernel_arguments.end(), [&](const auto& one) {
        return std::find(live.kernel_arguments.begin(), live.kernel_arguments.end(), one) !=
               live.kernel_arguments.end();
      });
  return arguments && std::all_of(wanted.files.begin(), wanted.files.end(), [&](const auto& file) {
           const auto found = live.files.find(file.first);
           return found != live.files.end() && found->second == file.second;
         });
}

// True when the live object is what the operator once wrote for a smaller need. Judged by what it
// holds, not by who set it: whoever edits a field owns it from then on.
bool is_untouched(const MachineConfigFacts& live, const platform::MachineConfigNeed& need) {
  for (const bool arguments : {false, true}) {
    for (const bool files : {false, true}) {
      for (const bool table : {false, true}) {
        const platform::MachineConfigNeed earlier{need.pool, arguments, files, files && table};
        const MachineConfigFacts written = content_of(render::machine_config(earlier));
        if (live.kernel_arguments == written.kernel_arguments && live.files == written.files) {
          return true;
        }
      }
    }
  }
  return false;
}

bool is_quiet(const platform::PoolFacts& pool) {
  return !pool.paused && pool.updating != Tri::kYes && pool.degraded != Tri::kYes &&
         pool.generation == pool.observed_generation;
}

// True: it is to be written, now or when its pool is quiet.
bool plan_machine_config(const SharedInput& input, const platform::MachineConfigNeed& need,
                         SharedPlan& plan) {
  const std::string name = render::machine_config_name(need.pool);
  const platform::PoolFacts* pool = platform::find_pool(need.pool, input.facts);
  const ChildKey key{std::string(types::kMachineConfig.plural), name};
  if (pool == nullptr || input.memory.foreign.contains(key)) {
    return false;  // decide() tells that the pool is missing
  }
  const auto live = input.machine_configs.find(name);
  platform::MachineConfigNeed whole = need;
  if (live == input.machine_configs.end()) {
    if (is_quiet(*pool)) {
      plan.actions.push_back(
          {ApplyAction{&types::kMachineConfig, render::machine_config(whole), true},
           "the nodes of pool " + need.pool + " need it, and it is not there"});
    }
    return true;
  }
  // The older form of CRI-O's settings does for newer nodes, too, and changing it would reboot
  // them.
  const platform::MachineConfigNeed table{need.pool, false, true, true};
  const bool holds_table = holds(*live->second, content_of(render::machine_config(table)));
  whole.crio_runtime_table = need.crio_runtime_table || (need.crio_files && holds_table);
  if (holds(*live->second, content_of(render::machine_config(whole)))) {
    return false;
  }
  if (!is_untouched(*live->second, need)) {
    plan.problems[need.pool] = {
        "MachineConfigEdited", "",
        "MachineConfig \"" + name +
            "\" was changed by someone else and lacks what systemd needs; it is not "
            "fought over, as each change reboots the nodes: put it back, delete it, or set "
            "spec.platform.cgroups.machineConfig to Unmanaged",
        false, true};
    return false;
  }
  if (is_quiet(*pool)) {
    // Nothing that is there is taken away: that would be a second reason to reboot.
    whole.kernel_arguments = whole.kernel_arguments || !live->second->kernel_arguments.empty();
    whole.crio_files = whole.crio_files || !live->second->files.empty();
    whole.crio_runtime_table = whole.crio_runtime_table || holds_table;
    plan.actions.push_back({ApplyAction{&types::kMachineConfig, render::machine_config(whole),
                                        false, live->second->uid},
                            "the nodes of pool " + need.pool + " need more of it"});
  }
  return true;
}

void append(std::vector<Action>& actions, std::vector<Action> more) {
  std::move(more.begin(), more.end(), std::back_inserter(actions));
}

TwoWrites plan_writes(const SharedInput& input, SharedPlan& plan) {
  TwoWrites outstanding;
  for (const auto& [pool, need] : input.needs.machine_configs) {
    if (plan_machine_config(input, need, plan)) {
      outstanding.configs.push_back(pool);
    }
  }
  const platform::Facts& facts = input.facts;
  outstanding.mode = input.needs.cgroup_mode && facts.has_config && facts.cgroup_mode != "v2" &&
                     !facts.cgroup_mode_written;
  // It is of all pools.
  const bool in_time = std::all_of(facts.pools.begin(), facts.pools.end(), [](const auto& pool) {
    return is_quiet(pool) || platform::brings_ours(pool);
  });
  if (outstanding.mode && in_time) {
    plan.actions.push_back({ApplyAction{&types::kNodesConfig, render::nodes_config(), false},
                            "the nodes are on cgroups v1, and systemd needs v2"});
  } else if (outstanding.mode) {
    plan.actions.clear();  // a MachineConfig alone would be a rollout of its own
  }
  return outstanding;
}

void plan_node_settings(const SharedInput& input, SharedPlan& plan) {
  const bool consent = input.mode == platform::MachineConfigMode::kApply;
  SharedPlan writes;
  const TwoWrites outstanding = consent ? plan_writes(input, writes) : TwoWrites();
  plan.problems = std::move(writes.problems);
  std::vector<Action> holds =
      writes.actions.empty() ? std::vector<Action>() : plan_holds(outstanding, input.facts);
  append(plan.actions, holds.empty() ? std::move(writes.actions) : std::move(holds));
  append(plan.actions,
         plan_releases({.facts = input.facts,
                        .needs = input.needs.machine_configs,
                        .outstanding = outstanding.mode || !outstanding.configs.empty(),
                        .may_write = consent,
                        .all_reported = input.all_reported}));
}

}  // namespace

SharedPlan plan_shared(const SharedInput& input) {
  SharedPlan plan;
  if (input.facts.has_scc) {
    plan_sccs(input, plan.actions);
  }
  if (!input.facts.has_machine_config) {
    return plan;
  }
  plan_node_settings(input, plan);
  if (input.mode == platform::MachineConfigMode::kApply && input.cleanup_machine_configs &&
      input.everyone_reported) {
    for (const auto& [name, live] : input.machine_configs) {
      const bool needed =
          std::any_of(input.needs.machine_configs.begin(), input.needs.machine_configs.end(),
                      [&name = name](const auto& entry) {
                        return render::machine_config_name(entry.first) == name;
                      });
      if (!needed && !live->deleting) {
        plan.actions.push_back(
            {DeleteAction{&types::kMachineConfig, live->key, live->uid},
             "no workload needs it, and --machine-config-cleanup asks for this"});
      }
    }
  }
  return plan;
}

}  // namespace swo::reconcile
