#include "kube/reflector.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <type_traits>
#include <utility>
#include <variant>

namespace swo::kube {
namespace {

void sleep_until(const std::stop_token& stop, Instant until) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_until(lock, stop, until, [] { return false; });
}

}  // namespace

Reflector::Reflector(Client& client, ReflectorOptions options, ReflectorSink& sink)
    : client_(client),
      options_(std::move(options)),
      sink_(sink),
      watcher_(options_.watcher, options_.random ? options_.random : machine_random()) {}

Reflector::~Reflector() { close_stream(); }

Instant Reflector::step(Instant now) {
  fixed_now_ = now;
  while (advance(Milliseconds{0})) {
  }
  fixed_now_.reset();
  return wake_at_;
}

void Reflector::run(const std::stop_token& stop) {
  std::stop_callback unblock(stop, [this] {
    if (auto stream = *stream_.lock()) stream->close();
  });
  while (!stop.stop_requested()) {
    if (!advance(options_.watcher.idle_limit)) sleep_until(stop, wake_at_);
  }
  close_stream();
}

std::optional<Instant> Reflector::last_event_at() const {
  Instant::rep heard = last_heard_;
  if (heard == kNever) return std::nullopt;
  return Instant(Instant::duration(heard));
}

bool Reflector::advance(Milliseconds wait) {
  Watcher::Command command = watcher_.next(now());
  if (!watcher_.stream_wanted()) close_stream();
  bool more = std::visit(
      [&](const auto& what) {
        using Command = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<Command, Watcher::List>) {
          list(what);
        } else if constexpr (std::is_same_v<Command, Watcher::Watch>) {
          open(what);
        } else if constexpr (std::is_same_v<Command, Watcher::Read>) {
          return read(what, wait);
        } else {
          wake_at_ = what.until;
          return false;
        }
        return true;
      },
      command);
  publish();
  return more;
}

void Reflector::list(const Watcher::List& command) {
  ListOptions options;
  options.label_selector = options_.label_selector;
  options.field_selector = options_.field_selector;
  options.limit = command.limit;
  options.continue_token = command.continue_token;
  auto body = client_.list_page(options_.type, options_.ns, options);
  auto page =
      body ? project_list(*body, options_.mask, [&](Json&& item) { sink_.stage(std::move(item)); })
           : Result<ListPage>(body.error());
  auto effect =
      page ? watcher_.on_page(*page, now()) : watcher_.on_list_failed(page.error(), now());
  if (effect == Watcher::Effect::kDiscard) sink_.discard_staged();
  if (effect == Watcher::Effect::kCommit) sink_.commit_staged(watcher_.resource_version());
}

void Reflector::open(const Watcher::Watch& command) {
  HttpRequest request;
  request.target = options_.type.collection_path(options_.ns) +
                   "?watch=true&allowWatchBookmarks=true&resourceVersion=" +
                   std::to_string(command.resource_version) +
                   "&timeoutSeconds=" + std::to_string(command.timeout.count());
  if (!options_.label_selector.empty()) {
    request.target += "&labelSelector=" + url_escape(options_.label_selector);
  }
  if (!options_.field_selector.empty()) {
    request.target += "&fieldSelector=" + url_escape(options_.field_selector);
  }
  request.headers.emplace_back("accept", "application/json");
  auto stream = client_.transport().open(request);
  if (!stream) {
    watcher_.on_watch_failed(stream.error(), now());
  } else if ((*stream)->head().status != 200) {
    watcher_.on_watch_failed(error_from((*stream)->head()), now());
  } else {
    lines_.clear();
    *stream_.lock() = std::move(*stream);
    watcher_.on_watch_opened(now());
  }
}

bool Reflector::read(const Watcher::Read& command, Milliseconds wait) {
  auto left = std::chrono::ceil<Milliseconds>(command.until - now());
  auto stream = *stream_.lock();
  auto bytes = stream->read(std::clamp(left, Milliseconds{0}, wait));
  switch (bytes.outcome) {
    case ByteStream::Outcome::kTimeout:
      wake_at_ = command.until;
      return wait > Milliseconds{0};  // the machine knows whether it was the deadline
    case ByteStream::Outcome::kData:
      watcher_.on_bytes(now());
      if (!lines_.append(bytes.data)) {
        watcher_.on_stream_end(
            make_error(ErrorKind::kBadResponse, "a watch event is longer than 32 MiB"), now());
      }
      while (watcher_.stream_wanted()) {
        auto line = lines_.next();
        if (!line) break;
        handle_line(*line);
      }
      return true;
    case ByteStream::Outcome::kEnd:
      watcher_.on_stream_end(
          lines_.pending() == 0
              ? std::nullopt
              : std::optional(make_error(ErrorKind::kBadResponse,
                                         "the watch ended in the middle of an event")),
          now());
      return true;
    case ByteStream::Outcome::kError:
      watcher_.on_stream_end(bytes.error, now());
      return true;
  }
  return false;
}

void Reflector::handle_line(std::string_view line) {
  auto event = project_event(line, options_.mask);
  if (!event) {
    watcher_.on_stream_end(event.error(), now());
    return;
  }
  if (event->type == EventType::kUnknown && options_.note) {
    options_.note("ignored a watch event of unknown type \"" + event->type_name + "\"");
  }
  switch (watcher_.on_event(*event, now())) {
    case Watcher::Effect::kUpsert:
      sink_.upsert(std::move(event->object), event->resource_version);
      break;
    case Watcher::Effect::kRemove:
      sink_.remove(std::move(event->object), event->resource_version);
      break;
    case Watcher::Effect::kBookmark:
      sink_.bookmark(event->resource_version);
      break;
    default:
      break;
  }
}

void Reflector::close_stream() {
  auto stream = std::exchange(*stream_.lock(), nullptr);
  if (stream) stream->close();
  lines_.clear();
}

void Reflector::publish() {
  listed_ = watcher_.listed();
  restarts_ = watcher_.relists() + watcher_.reconnects();
  if (auto heard = watcher_.last_heard()) last_heard_ = heard->time_since_epoch().count();
  publish_refusal();
  const auto& error = watcher_.last_error();
  std::string text = error ? error->message : std::string{};
  if (text == noted_) return;
  noted_ = text;
  *last_error_.lock() = error;
  if (!options_.note) return;
  std::string subject = std::string(options_.type.plural) +
                        (options_.ns.empty() ? "" : " of namespace " + options_.ns);
  options_.note(text.empty() ? "the watch of " + subject + " works again"
                             : "the watch of " + subject + " is in trouble: " + text);
}

void Reflector::publish_refusal() {
  const auto& refusal = watcher_.refusal();
  const bool long_refused = listed_ && refusal && now() - refusal->since >= kRefusedForLong;
  {
    auto refused = refused_.lock();
    if (refused->has_value() == long_refused) return;
    if (long_refused) {
      *refused =
          RefusedWatch{refusal->since, std::string(refusal->verb), options_.type, options_.ns};
    } else {
      refused->reset();
    }
  }
  if (options_.refused_changed) options_.refused_changed();
}

}  // namespace swo::kube
