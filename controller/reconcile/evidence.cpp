#include "reconcile/evidence.hpp"

#include <algorithm>

#include "api/json_read.hpp"
#include "kube/event.hpp"
#include "kube/projection.hpp"
#include "reconcile/types.hpp"
#include "render/render.hpp"
#include "runtime/log.hpp"

namespace swo::reconcile {
namespace {

// Probes report every 10 s by default; looking more often learns nothing.
constexpr std::chrono::seconds kFreshFor{10};
constexpr std::chrono::minutes kSweep{1};
// To find a Pod's Events an API server goes through all of its namespace.
constexpr double kSlowLooks = 10;  // a second
constexpr double kMostAtOnce = 100;
// The line that matters is among the last ones: systemd stops soon after it. Bounded, for the
// status and for memory.
constexpr int kLogLines = 60;
constexpr int kLogBytes = 16 * 1024;
constexpr std::uint32_t kMostEvents = 50;

// Evidence that is missing makes the diagnosis poorer and nothing else fail, so it is told: once.
void tell_if_forbidden(const kube::Error& error, std::atomic<bool>& told) {
  if (error.kind == kube::ErrorKind::kForbidden && !told.exchange(true)) {
    runtime::log::warning("no evidence for diagnoses: " + error.message);
  }
}

}  // namespace

std::string EvidenceReader::read_log(const PodFacts& pod, bool& known) {
  known = false;
  if (pod.node.empty() || pod.phase == "Pending") {
    return "";
  }
  // Between two runs the log of the one that ended is what tells.
  const bool between_runs = pod.trouble != nullptr && !pod.trouble->waiting_reason.empty();
  const auto read = [&](bool previous) {
    return client_.pod_log(pod.key, render::kContainerName, previous, kLogLines, kLogBytes);
  };
  auto log = read(between_runs && pod.restarts > 0);
  if (!log && between_runs) {
    log = read(false);
  }
  known = log.ok();
  if (!log) {
    tell_if_forbidden(log.error(), told_of_logs_);
  }
  return log ? *std::move(log) : "";
}

std::vector<std::string> EvidenceReader::read_events(const PodFacts& pod) {
  kube::ListOptions options;
  options.field_selector = "involvedObject.uid=" + pod.uid;
  options.limit = kMostEvents;
  const auto page = client_.list_page(types::kEvent, pod.key.ns, options);
  if (!page) {
    tell_if_forbidden(page.error(), told_of_events_);
    return {};
  }
  std::vector<std::pair<std::string, std::string>> dated;
  static const kube::FieldMask kMask({"reason", "message", "lastTimestamp", "eventTime"});
  const auto listed = kube::project_list(*page, kMask, [&](Json&& event) {
    dated.emplace_back(kube::event_time(event),
                       text(at(event, "reason")) + ": " + text(at(event, "message")));
  });
  if (!listed) {
    return {};
  }
  std::stable_sort(dated.begin(), dated.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> events;
  events.reserve(dated.size());
  for (auto& [when, event] : dated) {
    events.push_back(std::move(event));
  }
  return events;
}

bool EvidenceReader::allow(std::chrono::system_clock::time_point now) {
  const auto allowance = allowance_.lock();
  const double seconds = std::chrono::duration<double>(now - allowance->at).count();
  if (seconds != 0) {  // a clock that was set back, too, starts with a full measure
    allowance->looks =
        seconds < 0 ? kMostAtOnce : std::min(kMostAtOnce, allowance->looks + seconds * kSlowLooks);
    allowance->at = now;
  }
  if (allowance->looks < 1) {
    return false;
  }
  allowance->looks -= 1;
  return true;
}

std::optional<Testimony> EvidenceReader::read(const PodFacts& pod, bool in_trouble,
                                              std::chrono::system_clock::time_point now) {
  std::optional<Testimony> before;
  {
    const auto cache = cache_.lock();
    const auto found = cache->find(pod.uid);
    if (found != cache->end()) {
      const Cached& held = found->second;
      const bool fresh = now >= held.at && now - held.at < kFreshFor;
      before = held.testimony;
      if (held.resource_version == pod.resource_version && fresh) {
        return before;
      }
    }
  }
  if (!in_trouble && !allow(now)) {
    return before;
  }
  Testimony testimony;
  testimony.log_tail = read_log(pod, testimony.log_known);
  testimony.events = read_events(pod);
  const auto cache = cache_.lock();
  // Of Pods that went with their workload nobody asks again.
  if (now < swept_ || now - swept_ >= kSweep) {
    std::erase_if(*cache, [&](const auto& entry) { return now - entry.second.at >= kSweep; });
    swept_ = now;
  }
  (*cache)[pod.uid] = {pod.resource_version, now, testimony};
  return testimony;
}

void EvidenceReader::forget(const std::string& pod_uid) { cache_.lock()->erase(pod_uid); }

}  // namespace swo::reconcile
