// Removes what has lost its owner, and empties namespaces.
//
// Sources: kubernetes pkg/controller/garbagecollector (absent owners, foregroundDeletion and orphan
// finalizers), pkg/controller/namespace/deletion.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "devcluster/controller.hpp"

namespace devcluster {

// Keeps an index of who owns whom by uid over everything that the Cluster follows.
class GarbageCollector final : public Controller {
 public:
  explicit GarbageCollector(World& world) : Controller(world, {}) {}
  void observe(const Delta& delta) override;
  void work(Time now) override;

 private:
  // What an owner reference says, or an object is: one of another kind or name is another owner,
  // whatever its uid.
  struct Reference {
    std::string group, kind, name, uid;
    bool operator==(const Reference&) const = default;
  };
  struct Item {
    std::string collection, key;
    Reference self;
    std::vector<Reference> owners;
  };
  static Reference reference_of(const Json& owner);
  // The owner is there, where its dependent can have it.
  bool exists(const Reference& owner, const std::string& dependent_key) const;
  void forget(const std::string& uid);
  void look_at(const std::string& uid);
  void finish_owner(const std::string& uid);

  std::unordered_map<std::string, Item> items_;                   // by uid
  std::unordered_map<std::string, std::set<std::string>> owned_;  // owner's uid → dependents' uids
  std::set<std::string> doubtful_;                                // to look at
  std::set<std::string> leaving_;  // owners that wait for their dependents
};

// A default ServiceAccount in each namespace; a terminating one is emptied of every type, then
// finalized.
class Namespaces final : public Controller {
 public:
  explicit Namespaces(World& world) : Controller(world, {}) {}
  void observe(const Delta& delta) override;
  void work(Time now) override;

 private:
  void furnish(const std::string& name);
  void empty(const std::string& name);

  std::set<std::string> changed_, terminating_;
};

}  // namespace devcluster
