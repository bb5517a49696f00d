#include "platform/strategy.hpp"

#include <algorithm>
#include <array>

#include "platform/pools.hpp"
#include "platform/rules.hpp"
#include "platform/selectors.hpp"

namespace swo::platform {
namespace {

// In this order: a later rule sees what the earlier ones decided.
constexpr std::array<Rule, 18> kRules = {
    check_platform,    check_nodes,       choose_user_namespace, check_host_users,
    check_annotation,  choose_cgroups,    gather_machine_config, settle_node_settings,
    choose_scc,        choose_selinux,    choose_runtime_mounts, choose_sysctl,
    check_tmpfs_idmap, check_volumes,     check_host_name,       check_crio_faults,
    choose_exposure,   choose_api_fields,
};

// The pools of the role that hold eligible nodes; all of the role where no node can be seen.
std::vector<const PoolFacts*> concerned_pools(const Context& context) {
  std::vector<const PoolFacts*> pools = pools_of_role(context.pool_name(), context.facts);
  std::vector<const PoolFacts*> with_nodes;
  for (const PoolFacts* pool : pools) {
    if (std::ranges::any_of(context.nodes, [&](const NodeFacts* node) {
          return pool_of(*node, context.facts) == pool;
        })) {
      with_nodes.push_back(pool);
    }
  }
  return with_nodes.empty() ? pools : with_nodes;
}

// What someone must act on comes before what passes by itself.
void sort_by_importance(std::vector<Blocker>& blockers) {
  std::ranges::stable_sort(blockers, {}, [](const Blocker& blocker) {
    return std::pair(!blocker.holds_pods, blocker.waiting);
  });
}

}  // namespace

std::string name_list(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;  // enough to find the nodes, short enough for a condition
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kShown) {
    text += " and " + std::to_string(names.size() - kShown) + " more";
  }
  return text;
}

std::string counted(std::size_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::vector<const NodeFacts*> eligible_nodes(const api::Workload& workload, const Facts& facts) {
  const api::Spec& spec = workload.spec;
  std::vector<const NodeFacts*> nodes;
  for (const NodeFacts& node : facts.nodes) {
    if (node_matches(spec.node_selector, spec.affinity, node) &&
        tolerates(spec.tolerations, node)) {
      nodes.push_back(&node);
    }
  }
  return nodes;
}

namespace {

std::vector<const NodeFacts*> shaping_nodes(std::vector<const NodeFacts*> nodes,
                                            const api::Workload& workload, const Facts& facts) {
  const auto take = [&](const auto& wanted) {
    for (const NodeFacts& node : facts.nodes) {
      if (wanted(node)) {
        nodes.push_back(&node);
      }
    }
  };
  if (nodes.empty()) {
    take([&](const NodeFacts& node) {
      return node_matches(workload.spec.node_selector, workload.spec.affinity, node);
    });
  }
  if (nodes.empty()) {
    take([](const NodeFacts&) { return true; });
  }
  return nodes;
}

}  // namespace

std::vector<Blocker> every_blocker(const Strategy& strategy) {
  std::vector<Blocker> all = strategy.blockers;
  if (strategy.exposure_blocker) {
    all.push_back(*strategy.exposure_blocker);
  }
  return all;
}

Strategy decide(const api::Workload& workload, const Facts& facts, MachineConfigMode mode) {
  const auto nodes = eligible_nodes(workload, facts);
  Context context{.workload = workload,
                  .facts = facts,
                  .mode = mode,
                  .nodes = nodes,
                  .shaping = shaping_nodes(nodes, workload, facts),
                  .openshift = facts.openshift_generation(),
                  .pool = find_pool(workload.spec.platform.pool, facts),
                  .pools = {},
                  .strategy = {}};
  context.pools = concerned_pools(context);
  for (const Rule rule : kRules) {
    rule(context);
  }
  sort_by_importance(context.strategy.blockers);
  return std::move(context.strategy);
}

}  // namespace swo::platform
