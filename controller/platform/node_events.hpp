// What kubelets say of their nodes in Events: since Kubernetes 1.31 one on cgroups v1 warns of it
// each time it starts (kubernetes pkg/kubelet/kubelet.go, reason CgroupV1; KEP-4569). Events are
// kept for an hour by default, so a silence says nothing.
//
// Pure but for NodeEvents, which reads them and is used by one thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kube/client.hpp"
#include "kube/watcher.hpp"
#include "platform/facts.hpp"

namespace swo::platform {

struct NodeEvent {
  std::string node;
  std::string reason;
  std::string at;  // RFC 3339, UTC: such times compare as text
};

// The Events of a List that are of nodes and of interest; nothing when it is no List.
std::vector<NodeEvent> node_events(std::string_view list);

// Of each node that has ever warned: whether its newest start did. A start says "Starting" first,
// so a warning older than that is of an earlier one.
std::map<std::string, bool> warned_at_last_start(const std::vector<NodeEvent>& events);

class NodeEvents {
 public:
  explicit NodeEvents(kube::Client& client) : client_(client) {}

  // Sets `cgroups` of those `nodes` that have warned. Asks the API server when a node has booted
  // since, a minute later once more (the Event and the boot id come by different ways), and every
  // ten minutes; not at all without nodes. Returns when it is due again.
  kube::Instant tell(const std::vector<NodeFacts*>& nodes, kube::Instant now);

 private:
  using Boot = std::pair<std::string, std::string>;  // node, boot id
  void read(kube::Instant now);

  kube::Client& client_;
  std::set<Boot> asked_;                      // boots that were known at the last reading
  std::map<std::string, bool> warned_;        // by node, of that reading
  std::map<std::string, std::string> on_v1_;  // node → the boot that it was learned of
  kube::Instant again_at_ = kube::Instant::max();
};

}  // namespace swo::platform
