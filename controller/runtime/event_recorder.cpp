#include "runtime/event_recorder.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "api/utf8.hpp"
#include "kube/guarded.hpp"
#include "runtime/event_correlator.hpp"
#include "runtime/log.hpp"

namespace swo::runtime {
namespace {

constexpr kube::ResourceType kEvent{"", "v1", "events", "Event"};
// core/v1 validation (pkg/apis/core/validation/events.go).
constexpr std::size_t kMaxMessage = 1024;
constexpr std::size_t kMaxReason = 128;
// Names are DNS subdomains of at most 253 characters, of which ".0123456789abcdef" are the last.
constexpr std::size_t kMaxNamePrefix = 253 - 17;
// An event is tried so often, with a second more between each, and then given up.
constexpr int kTries = 3;

struct Pending {
  EventTarget target;
  EventRecorder::Type type = EventRecorder::Type::kNormal;
  std::string reason;
  std::string message;
  WallTime at;
};

// As it will be sent: what is no UTF-8 is replaced by U+FFFD, which is longer, so it is to be cut
// afterwards.
std::string as_sent(std::string_view text) {
  return Json::parse(Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace))
      .get<std::string>();
}

bool worth_retrying(const kube::Error& error) {
  switch (error.kind) {
    case kube::ErrorKind::kUnreachable:
    case kube::ErrorKind::kAmbiguous:
    case kube::ErrorKind::kServer:
    case kube::ErrorKind::kTooManyRequests:
    case kube::ErrorKind::kUnauthorized:
    case kube::ErrorKind::kBadResponse:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct EventRecorder::State {
  State(kube::Client& to, EventRecorderOptions wanted)
      : client(to),
        options(std::move(wanted)),
        clock(options.clock != nullptr ? *options.clock : system_clock()) {}

  // On the sending thread only.
  Json document(const Pending& event, const EventCorrelator::Verdict& verdict,
                const std::string& name) const {
    const std::string& ns = event.target.key.ns;
    std::string time = to_rfc3339(event.at);
    Json involved{{"apiVersion", event.target.api_version},
                  {"kind", event.target.kind},
                  {"name", event.target.key.name},
                  {"uid", event.target.uid}};
    if (!ns.empty()) involved["namespace"] = ns;
    return Json{
        {"apiVersion", "v1"},
        {"kind", "Event"},
        {"metadata", {{"name", name}, {"namespace", ns.empty() ? "default" : ns}}},
        {"involvedObject", std::move(involved)},
        {"type", event.type == Type::kWarning ? "Warning" : "Normal"},
        {"reason", event.reason},
        {"message", truncate_utf8(verdict.message, kMaxMessage)},
        {"count", verdict.count},
        {"firstTimestamp", verdict.first_timestamp.empty() ? time : verdict.first_timestamp},
        {"lastTimestamp", time},
        {"source", {{"component", options.component}}},
        {"reportingComponent", options.component},
        {"reportingInstance", options.instance}};
  }

  std::string new_name(const Pending& event) {
    auto nanoseconds =
        std::chrono::duration_cast<std::chrono::nanoseconds>(event.at.time_since_epoch());
    std::array<char, 20> suffix{};
    std::snprintf(suffix.data(), suffix.size(), ".%016llx",
                  static_cast<unsigned long long>(nanoseconds.count()) + ++made);
    return event.target.key.name.substr(0, kMaxNamePrefix) + suffix.data();
  }

  kube::Result<kube::Written> patch(const Pending& event, const EventCorrelator::Verdict& verdict) {
    const std::string& ns = event.target.key.ns;
    return client.merge_patch(kEvent, {ns.empty() ? "default" : ns, verdict.name},
                              Json{{"count", verdict.count},
                                   {"lastTimestamp", to_rfc3339(event.at)},
                                   {"message", truncate_utf8(verdict.message, kMaxMessage)}},
                              options.component);
  }

  void send(const Pending& event, int tries) {
    std::string object = event.target.uid.empty()
                             ? event.target.kind + '/' + event.target.key.to_string()
                             : event.target.uid;
    std::string kind_of_event =
        std::string(event.type == Type::kWarning ? "Warning " : "Normal ") + event.reason;
    auto verdict = correlator.judge(object, kind_of_event, event.message, clock.now());
    if (!verdict) {
      ++counted()->held_back;
      return;
    }
    if (verdict->first_timestamp.empty()) verdict->first_timestamp = to_rfc3339(event.at);
    std::string name = verdict->name.empty() ? new_name(event) : verdict->name;
    for (int attempt = 1;; ++attempt) {
      auto written = verdict->name.empty()
                         ? client.create(kEvent, document(event, *verdict, name), options.component)
                         : patch(event, *verdict);
      bool made_before = !written && written.error().kind == kube::ErrorKind::kAlreadyExists;
      if (written || made_before) {
        correlator.sent(*verdict, name, clock.now());
        ++counted()->sent;
        return;
      }
      if (!verdict->name.empty() && written.error().kind == kube::ErrorKind::kNotFound) {
        correlator.lost(verdict->key);  // the API server keeps Events for an hour only
        verdict->name.clear();
        name = new_name(event);
        continue;
      }
      if (attempt >= tries || !worth_retrying(written.error()) ||
          !sleep(std::chrono::seconds(attempt))) {
        ++counted()->dropped;
        // A missing right is to be mended by a person, who is told once.
        const bool forbidden = written.error().kind == kube::ErrorKind::kForbidden;
        const bool tell = forbidden && !std::exchange(told_forbidden, true);
        log::write(tell ? log::Level::kWarning : log::Level::kDebug, "dropped an event",
                   {{"object", event.target.key.to_string()},
                    {"reason", event.reason},
                    {"error", written.error().message}});
        return;
      }
    }
  }

  // False when it is to end.
  bool sleep(std::chrono::seconds time) {
    std::unique_lock lock(mutex);
    return !wake.wait_for(lock, time, [this] { return stopping; });
  }

  std::optional<Pending> take(bool wait) {
    std::unique_lock lock(mutex);
    if (wait) wake.wait(lock, [this] { return stopping || !queue.empty(); });
    if (queue.empty() || (stopping && clock.now() >= stop_by)) return std::nullopt;
    Pending event = std::move(queue.front());
    queue.pop_front();
    return event;
  }

  void run() {
    while (auto event = take(true)) send(*event, kTries);
    std::lock_guard lock(mutex);
    running = false;
    wake.notify_all();
  }

  kube::Guarded<Counts>::Held<Counts> counted() { return counts.lock(); }

  kube::Client& client;
  EventRecorderOptions options;
  const Clock& clock;
  EventCorrelator correlator;
  std::uint64_t made = 0;
  bool told_forbidden = false;  // of the sending thread

  kube::Guarded<Counts> counts;
  std::mutex mutex;  // of what follows
  std::condition_variable wake;
  std::deque<Pending> queue;
  bool running = false;
  bool stopping = false;
  Instant stop_by{};
  std::jthread thread;
};

EventRecorder::EventRecorder(kube::Client& client, EventRecorderOptions options)
    : state_(std::make_unique<State>(client, std::move(options))) {}

EventRecorder::~EventRecorder() { stop(Milliseconds{0}); }

void EventRecorder::event(const EventTarget& target, Type type, std::string_view reason,
                          std::string_view message) {
  Pending event{target, type, std::string(reason.substr(0, kMaxReason)),
                truncate_utf8(as_sent(message), kMaxMessage), state_->clock.wall()};
  {
    std::lock_guard lock(state_->mutex);
    if (!state_->stopping && state_->queue.size() < state_->options.queue_limit) {
      state_->queue.push_back(std::move(event));
      state_->wake.notify_one();
      return;
    }
  }
  ++state_->counted()->dropped;
}

void EventRecorder::start() {
  std::lock_guard lock(state_->mutex);
  state_->running = true;
  state_->thread = std::jthread([state = state_.get()] { state->run(); });
}

void EventRecorder::stop(Milliseconds limit) {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->stop_by = state_->clock.now() + limit;
  state_->wake.notify_all();
  state_->wake.wait_for(lock, limit, [this] { return !state_->running; });
}

void EventRecorder::flush() {
  while (auto event = state_->take(false)) state_->send(*event, 1);
}

EventRecorder::Counts EventRecorder::counts() const { return *state_->counts.lock(); }

std::string truncate_utf8(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  constexpr std::string_view kEllipsis = "\xe2\x80\xa6";
  if (bytes < kEllipsis.size()) return {};
  return api::shortened(text, bytes - kEllipsis.size());
}

}  // namespace swo::runtime
