// What a person asks of the operator, to be disturbed in every way: a scenario, and the two oracles
// that judge a disturbed run of it against an undisturbed one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "support/simulation.hpp"

namespace swo::test {

struct Scenario {
  std::string name;
  std::function<void(Simulation&)> prepare;  // undisturbed
  std::function<void(Simulation&)> change;   // disturbed from here on
  std::function<bool(Simulation&)> done;
};

// Create, update, scale down (and drop the Route), delete.
const std::vector<Scenario>& scenarios();
Json nginx(const std::string& image, int replicas);
// Running, with that many instances of that image.
bool settled_at(Simulation& simulation, int replicas, const std::string& image);

// Oracle L: the objects and the headline, without what differs between equal runs.
std::string end_state(Simulation& simulation);
// Oracle S: writes per object, the status aside: how often a workload's story is told may differ,
// not what is done.
std::map<std::string, int> writes_of_objects(const Simulation& simulation);

// The end of an undisturbed run.
struct Undisturbed {
  std::string end;
  std::map<std::string, int> writes;
};
// Runs it once, and remembers.
const Undisturbed& undisturbed(const Scenario& scenario);

// Where a random choice is made: SWO_SEED, or 1; printed by whoever uses it.
std::uint32_t seed();
// SWO_ALL_FAULTS is set: everything is tried, not a sample.
bool try_all();

}  // namespace swo::test
