#include "platform/node_events.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "api/json_read.hpp"
#include "kube/event.hpp"
#include "kube/projection.hpp"

namespace swo::platform {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr kube::ResourceType kEvents{"", "v1", "events", "Event"};
// Events of objects without a namespace are kept in this one.
constexpr std::string_view kNamespace = "default";
constexpr std::string_view kWarning = "CgroupV1";
constexpr std::string_view kStart = "Starting";
constexpr minutes kAfterABoot{1};
constexpr minutes kAgain{10};
constexpr hours kAgainForbidden{1};

}  // namespace

std::vector<NodeEvent> node_events(std::string_view list) {
  static const kube::FieldMask kMask(
      {"reason", "involvedObject.kind", "involvedObject.name", "lastTimestamp", "eventTime"});
  std::vector<NodeEvent> events;
  const auto read = kube::project_list(list, kMask, [&](Json&& event) {
    const std::string reason = text(at(event, "reason"));
    if (text(at(event, "involvedObject", "kind")) != "Node" ||
        (reason != kWarning && reason != kStart)) {
      return;
    }
    events.push_back({text(at(event, "involvedObject", "name")), reason, kube::event_time(event)});
  });
  return read ? events : std::vector<NodeEvent>{};
}

std::map<std::string, bool> warned_at_last_start(const std::vector<NodeEvent>& events) {
  std::map<std::string, std::string> warnings;
  std::map<std::string, std::string> starts;
  for (const NodeEvent& event : events) {
    std::string& newest = (event.reason == kWarning ? warnings : starts)[event.node];
    newest = std::max(newest, event.at);
  }
  std::map<std::string, bool> nodes;
  for (const auto& [node, at] : warnings) {
    nodes[node] = at >= starts[node];
  }
  return nodes;
}

void NodeEvents::read(kube::Instant now) {
  std::vector<NodeEvent> events;
  // Most clusters have no such warning, and need no second question.
  for (const std::string_view reason : {kWarning, kStart}) {
    kube::ListOptions options;
    options.field_selector = "involvedObject.kind=Node,reason=" + std::string(reason);
    const auto page = client_.list_page(kEvents, kNamespace, options);
    if (!page) {
      const bool forbidden = page.error().kind == kube::ErrorKind::kForbidden;
      again_at_ = now + (forbidden ? std::chrono::duration_cast<minutes>(kAgainForbidden) : kAgain);
      return;
    }
    const std::vector<NodeEvent> some = node_events(*page);
    events.insert(events.end(), some.begin(), some.end());
    if (events.empty()) {
      break;
    }
  }
  warned_ = warned_at_last_start(events);
  again_at_ = now + kAgain;
}

kube::Instant NodeEvents::tell(const std::vector<NodeFacts*>& nodes, kube::Instant now) {
  if (nodes.empty()) {
    return kube::Instant::max();
  }
  std::set<Boot> boots;
  for (const NodeFacts* node : nodes) {
    boots.emplace(node->name, node->boot_id);
  }
  const bool booted = !std::ranges::includes(asked_, boots);
  if (booted || now >= again_at_) {
    read(now);
    again_at_ = booted ? std::min(again_at_, now + kAfterABoot) : again_at_;
  }
  asked_ = boots;
  std::map<std::string, std::string> learned;
  for (NodeFacts* node : nodes) {
    const auto said = warned_.find(node->name);
    const auto before = on_v1_.find(node->name);
    // An Event that has expired since takes nothing back of the same boot.
    const bool known = before != on_v1_.end() && before->second == node->boot_id;
    if (said != warned_.end() ? said->second : known) {
      node->cgroups = CgroupVersion::kV1;
      node->cgroups_source = "the kubelet's Event CgroupV1";
      learned[node->name] = node->boot_id;
    }
  }
  on_v1_ = std::move(learned);
  return again_at_;
}

}  // namespace swo::platform
