// MachineConfigPools as the strategy sees them: whose a node is, and how far a rollout has come.
//
// Source: machine-config-operator pkg/controller/node (getPoolsForNode, calculateStatus).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/facts.hpp"

namespace swo::platform {

// The pool that configures the node: master first, then a custom pool, then worker. nullptr: none
// known.
const PoolFacts* pool_of(const NodeFacts& node, const Facts& facts);

const PoolFacts* find_pool(std::string_view name, const Facts& facts);

// The pool takes MachineConfigs of that role. A custom pool usually takes the worker's as well as
// its own.
bool takes_role(const PoolFacts& pool, std::string_view role);

// The pools that a MachineConfig of that role configures; empty when none is known.
std::vector<const PoolFacts*> pools_of_role(std::string_view role, const Facts& facts);

// It rolls out the operator's own MachineConfig, and goes on.
bool brings_ours(const PoolFacts& pool);

// Sums over pools whose rollout is waited for, for a progress line.
struct Progress {
  int machines = 0;
  int updated = 0;
  int degraded_machines = 0;
  std::string paused;                // names, joined by ", "
  std::string degraded;              // likewise
  std::string degraded_message;      // of the first degraded pool
  bool of_others = false;            // some rollout is under way that brings nothing of ours
  std::string updated_text() const;  // "2/5 updated"
};
// `config`: the MachineConfig whose rollout it is, where there is one. The pools' counts are of
// what they had before, and count as nothing, until their controllers have taken it up.
Progress progress_of(const std::vector<const PoolFacts*>& pools, std::string_view config = {});

}  // namespace swo::platform
