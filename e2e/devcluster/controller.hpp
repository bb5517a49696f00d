// What every controller of the stand-in is, and the world that it works in.
//
// Controllers are single-threaded: Cluster::tick() feeds them deltas and lets them work, in a fixed
// order, at the current time of the injected clock. None sleeps; each says when it wants to be
// woken.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "devcluster/api_server.hpp"
#include "devcluster/profile.hpp"
#include "devcluster/times.hpp"

namespace devcluster {

using Time = std::chrono::system_clock::time_point;
using std::chrono::milliseconds;
using std::chrono::seconds;

// How long what is simulated takes. Defaults make a demo that can be followed by eye; a real boot
// takes as long, a real node reboots in minutes.
struct Pace {
  milliseconds boot{1500};     // container start → boot over
  milliseconds stop{1000};     // stop signal → exit
  milliseconds restart{1000};  // first exit → restart
  milliseconds reboot{1500};   // of a node
  milliseconds render{500};    // a MachineConfig's change → the new rendered configuration
};

// A machine of the cluster as it is now: what its last boot made of it.
struct Machine {
  std::string name;
  bool up = true;  // powered and its kubelet running
  int cgroups = 2;
  bool userns_annotation = false;  // CRI-O allows io.kubernetes.cri-o.userns-mode to activated Pods
  bool subordinate_ids = false;    // /etc/subuid and /etc/subgid have ranges for "containers"
  int userns_slots = -1;           // user namespaces it has room for; -1: enough
};

struct World;

// Writes Events as kubelet and scheduler do: equal ones are counted up, not repeated
// (client-go tools/record/events_cache.go).
class Recorder {
 public:
  explicit Recorder(World& world) : world_(world) {}
  void event(const Json& about, const std::string& type, const std::string& reason,
             const std::string& message, const std::string& component,
             const std::string& host = "");
  void forget(const std::string& uid);  // of a removed object

 private:
  World& world_;
  std::map<std::string, std::map<std::string, std::pair<std::string, int>>>
      seen_;  // uid → text → name, count
};

struct World {
  ApiServer& server;
  const Profile& profile;
  Pace pace;
  Clock clock;
  std::map<std::string, Machine> machines = {};
  Api api{server};
  Recorder recorder{*this};

  std::vector<Json> pods_on(const std::string& node);
  // These may lose against another writer; false and nothing thrown when they did. The level is
  // looked at again with the change that beat them.
  bool create(const std::string& collection, const Json& object,
              const std::string& subresource = "");
  bool patch(const std::string& collection, const std::string& key, const Json& change);
  bool patch_status(const std::string& collection, const std::string& key, const Json& status);
};

inline constexpr const char* kDomain = "apps.example.com";  // of the router
inline constexpr const char* kPods = "/api/v1/pods";
inline constexpr const char* kNodes = "/api/v1/nodes";

class Controller {
 public:
  // Wants the deltas of these collections; of all that the Cluster follows where there are none.
  Controller(World& world, std::vector<std::string> interests)
      : world_(world), interests_(std::move(interests)) {}
  virtual ~Controller() = default;
  const std::vector<std::string>& interests() const { return interests_; }
  virtual void observe(const Delta& delta) = 0;
  // Does what is due at `now`. Called after each round of deltas, and when due() has come.
  virtual void work(Time now) = 0;
  virtual std::optional<Time> due() const { return std::nullopt; }

 protected:
  World& world_;

 private:
  const std::vector<std::string> interests_;
};

// Keys and when each is to be looked at again; one time per key.
class Agenda {
 public:
  void at(const std::string& key, Time when) {
    drop(key);
    when_[key] = when;
    order_.emplace(when, key);
  }
  // Not later than `when`.
  void by(const std::string& key, Time when) {
    const auto found = when_.find(key);
    if (found == when_.end() || when < found->second) at(key, when);
  }
  void drop(const std::string& key) {
    const auto found = when_.find(key);
    if (found == when_.end()) return;
    order_.erase({found->second, key});
    when_.erase(found);
  }
  std::optional<std::string> take_due(Time now) {
    if (order_.empty() || order_.begin()->first > now) return std::nullopt;
    auto key = order_.begin()->second;
    drop(key);
    return key;
  }
  std::optional<Time> next() const {
    if (order_.empty()) return std::nullopt;
    return order_.begin()->first;
  }

 private:
  std::map<std::string, Time> when_;
  std::set<std::pair<Time, std::string>> order_;
};

std::string hash_of(const std::string& text);  // 32 hex digits; stable
// "ns/name", or "/name" for a cluster-scoped object.
std::string key_of(const Json& object);
std::string pods_path(const std::string& ns);
// {type, status, reason, message} into `conditions`, keeping lastTransitionTime where status stays;
// true when that changed anything.
bool set_condition(Json& conditions, Time now, const std::string& type, const std::string& status,
                   const std::string& reason = "", const std::string& message = "");
// Runs a write that may lose against another writer, as those of World do.
template <class Write>
bool attempt(Write&& write) {
  try {
    write();
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

}  // namespace devcluster
