// What is set on the nodes of a pool, and what of a need is in force there. Internal to this floor.
//
// Pure. Source: machine-config-operator docs/MachineConfigPool.md; cri-o docs/crio.conf.5.md.
#pragma once

#include <string>
#include <string_view>

#include "platform/facts.hpp"
#include "platform/rules.hpp"
#include "platform/strategy.hpp"

namespace swo::platform {

// cgroups v1 is gone from here on, and nothing is written to nodes.
inline constexpr Version kNodeSettingsUntil{4, 19, 0};

// Some node that matters has a CRI-O that passes over the allowed_annotations of workload classes:
// one before 1.23. During an upgrade of the cluster that is so until its last node is through.
bool needs_runtime_table(const Context& context);

// CRI-O obeys the annotation: the least that is true of all pools concerned; unknown where there
// are none.
Tri crio_in_force(const Context& context);

// The rendered configuration of some pool concerned has been read.
bool configuration_is_read(const Context& context);

bool need_in_force(const Context& context, const MachineConfigNeed& need);

// The operator's own MachineConfig holds it already, rolled out or not.
bool is_written(const MachineConfigNeed& need, const PoolFacts& pool);

// For a person: what the nodes lack, and how it is set without the operator.
std::string what_is_missing(const Context& context);
std::string by_hand(const Context& context);
// CRI-O's settings alone.
std::string crio_by_hand(bool by_runtime_table);

}  // namespace swo::platform
