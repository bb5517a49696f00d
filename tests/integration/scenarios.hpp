// What a person asks of the operator, to be disturbed in every way: a scenario, and the two oracles
// that judge a disturbed run of it against an undisturbed one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
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

// Waits for the scenario's end, and holds it against an undisturbed run's by both oracles: as soon
// as it is done, and when it has been left alone for half an hour.
void expect_as_undisturbed(Simulation& simulation, const Scenario& scenario);
// The second half of that, for who waits in another way.
void expect_end_as_undisturbed(Simulation& simulation, const Scenario& scenario);
// Lets half an hour pass. Once what was done has been told, nothing is written in it.
void expect_at_rest(Simulation& simulation);

// A write that oracle S counts, or a status: an Event is neither.
bool is_write(const kube::HttpRequest& request);

// What the API server answers when it refuses.
kube::HttpResponse refusal(int code, const std::string& reason, const std::string& message);

// Kills the operator at its `write`-th request that `counts`, before or after it is carried out:
// from then on nothing that it sends gets through, until revive(). In the simulation's way while it
// lives.
class Killer {
 public:
  enum class Moment { kBefore, kAfter };
  using Counts = std::function<bool(const kube::HttpRequest&)>;
  Killer(Simulation& simulation, int write, Moment moment, Counts counts = is_write);
  ~Killer() { simulation_.fate = nullptr; }
  Killer(const Killer&) = delete;
  Killer& operator=(const Killer&) = delete;
  // Starts another operator in the place of one that was killed.
  void revive();
  bool struck() const { return struck_; }

 private:
  Simulation& simulation_;
  int writes_ = 0;
  bool dead_ = false;
  bool struck_ = false;
};

// Where the fault of that name stands: GetParam() is a copy.
template <class Fault, std::size_t kCount>
std::size_t place_of(const Fault (&all)[kCount], const std::string& name) {
  return static_cast<std::size_t>(
      std::find_if(std::begin(all), std::end(all),
                   [&](const Fault& fault) { return fault.name == name; }) -
      std::begin(all));
}

// Where a random choice is made: SWO_SEED, or 1; printed by whoever uses it.
std::uint32_t seed();
// SWO_ALL_FAULTS is set: everything is tried, not a sample.
bool try_all();

// Where the scenarios' objects are.
inline const std::string core_path = "/api/v1/namespaces/demo/";
inline const std::string rbac_path = "/apis/rbac.authorization.k8s.io/v1/namespaces/demo/";
inline const std::string sccs_path = "/apis/security.openshift.io/v1/securitycontextconstraints";

}  // namespace swo::test
