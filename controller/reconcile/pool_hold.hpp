// Holding a MachineConfigPool while two objects are written whose changes are to reach its nodes in
// one rollout.
//
// On OpenShift 4.13 – 4.18 cgroups v2 comes by nodes.config.openshift.io/cluster and CRI-O's
// settings by a MachineConfig: two writes with no transaction around them. An operator that ended
// between them would have nodes reboot twice. So the pools that take both are paused first, which
// keeps the machine-config-operator from changing nodes while it goes on rendering
// (pkg/controller/render, pkg/controller/node), and go on once their next configuration holds both.
// Whatever happens between, nothing reboots, and whoever leads next goes on from what it finds: a
// pool that the operator holds has its annotation.
//
// Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "platform/facts.hpp"
#include "platform/strategy.hpp"
#include "reconcile/plan.hpp"

namespace swo::reconcile {

// What the shared plan wants to write of the two.
struct TwoWrites {
  std::vector<std::string> configs;  // the pools of MachineConfigs still to be written
  bool mode = false;                 // cgroupMode still to be written
};

// Pauses each pool that takes both and is not held yet; empty: the writes may go ahead.
std::vector<Action> plan_holds(const TwoWrites& outstanding, const platform::Facts& facts);

struct ReleaseInput {
  const platform::Facts& facts;
  const std::map<std::string, platform::MachineConfigNeed>& needs;  // by pool
  bool outstanding = false;   // some write of the two is still to come
  bool may_write = false;     // the administrator consents (still)
  bool all_reported = false;  // `needs` is of all workloads that this operator serves
};

// Lets go of the pools whose next configuration holds all that is wanted, or that are held for
// nothing any more; and takes away the mark of those that someone else has let go of.
std::vector<Action> plan_releases(const ReleaseInput& input);

}  // namespace swo::reconcile
