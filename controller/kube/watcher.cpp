#include "kube/watcher.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <random>
#include <utility>

namespace swo::kube {
namespace {

// A server that asks for more is disbelieved: nothing may stop a watch for good.
constexpr Milliseconds kMaxRetryAfter{600'000};
// A stream that ends sooner, with nothing said, was not ended by its timeout (client-go: "very
// short watch").
constexpr Milliseconds kShortWatch{1'000};
// Where what was not paged was too large.
constexpr std::uint32_t kPageOfLarge = WatcherOptions{}.page_size;

}  // namespace

Random machine_random() {
  struct Source {
    std::mutex mutex;
    std::mt19937_64 generator{std::random_device{}()};
  };
  const auto source = std::make_shared<Source>();
  return [source] {
    const std::lock_guard lock(source->mutex);
    return std::uniform_real_distribution<double>(0, 1)(source->generator);
  };
}

Watcher::Watcher(WatcherOptions options, Random random)
    : options_(options), random_(std::move(random)), page_size_(options.page_size) {}

Watcher::Command Watcher::next(Instant now) {
  if (state_ == State::kBackoff) {
    if (now < wait_until_) return Wait{wait_until_};
    state_ = after_backoff_;
  }
  if (state_ == State::kReading) {
    if (now < read_until_) return Read{read_until_};
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.idle_limit).count();
    // One stream after the other without even a bookmark: the server may know nothing of the
    // resourceVersion (it was restored from a backup). Its list tells.
    const bool again = std::exchange(silent_, true);
    fault(make_error(ErrorKind::kUnreachable,
                     "the watch has been silent for " + std::to_string(seconds) + " s"),
          again ? State::kEmpty : State::kWatching, now, faults_ == 0);
    return next(now);
  }
  if (state_ == State::kEmpty) start_list();
  if (state_ == State::kListing) {
    return List{continue_token_, unpaged_ ? 0 : page_size_};
  }
  if (watch_timeout_.count() == 0) {
    auto spread = static_cast<double>((options_.max_watch - options_.min_watch).count());
    watch_timeout_ =
        options_.min_watch + std::chrono::seconds(static_cast<std::int64_t>(spread * random_()));
  }
  return Watch{resource_version_, watch_timeout_};
}

void Watcher::start_list() {
  state_ = State::kListing;
  continue_token_.clear();
  list_version_ = 0;
  if (listed_) ++relists_;
}

Watcher::Effect Watcher::on_page(const ListPage& page, Instant now) {
  bool first = continue_token_.empty();
  list_version_ = first ? page.resource_version : std::min(list_version_, page.resource_version);
  if (list_version_ < resource_version_) {
    fault(make_error(ErrorKind::kBadResponse,
                     "the list is of resourceVersion " + std::to_string(list_version_) + ", but " +
                         std::to_string(resource_version_) +
                         " has been seen: the API server went back in time"),
          State::kEmpty, now, false);
    return Effect::kDiscard;
  }
  last_heard_ = now;
  if (!page.continue_token.empty()) {
    if (page.continue_token == continue_token_) {
      fault(make_error(ErrorKind::kBadResponse, "the list repeats its continue token"),
            State::kEmpty, now, false);
      return Effect::kDiscard;
    }
    continue_token_ = page.continue_token;
    return Effect::kStage;
  }
  resource_version_ = list_version_;
  listed_ = true;
  unpaged_ = false;
  page_size_ = std::min(2 * page_size_, options_.page_size);
  watched_ = false;
  state_ = State::kWatching;
  went_well();
  return Effect::kCommit;
}

// False where there is no less than it was.
bool Watcher::ask_for_less() {
  const std::uint32_t asked = unpaged_ ? 0 : page_size_;
  if (asked == 1) return false;
  if (asked != 0) {
    page_size_ = asked / 2;
  } else if (page_size_ == 0) {
    page_size_ = kPageOfLarge;
  }
  unpaged_ = false;
  return true;
}

Watcher::Effect Watcher::on_list_failed(const Error& error, Instant now) {
  if (error.too_large && ask_for_less()) {
    fault(error, State::kListing, now, true);
    return Effect::kNothing;  // it was refused before any of it was looked at
  }
  switch (error.kind) {
    case ErrorKind::kGone: {
      // An unpaged list has no token that could expire.
      bool token_expired = !continue_token_.empty();
      unpaged_ = token_expired;
      fault(error, State::kEmpty, now, token_expired);
      return Effect::kDiscard;
    }
    case ErrorKind::kBadResponse:  // part of the page may have been staged
    case ErrorKind::kNotFound:     // the type is gone; what its list was about is too
      unpaged_ = false;            // or it was too much at once
      fault(error, State::kEmpty, now, false);
      return Effect::kDiscard;
    default:
      unpaged_ = false;
      fault(error, State::kListing, now, is_first_unauthorized(error));
      return Effect::kNothing;
  }
}

void Watcher::on_watch_opened(Instant now) {
  state_ = State::kReading;
  watch_timeout_ = std::chrono::seconds{0};  // drawn anew for the next one
  read_until_ = now + options_.idle_limit;
  opened_at_ = now;
  progressed_ = false;
  last_heard_ = now;
  if (watched_) ++reconnects_;
  watched_ = true;
  went_well();
}

void Watcher::on_watch_failed(const Error& error, Instant now) { stream_fault(error, now); }

void Watcher::on_bytes(Instant now) {
  silent_ = false;
  last_heard_ = now;
  read_until_ = now + options_.idle_limit;
}

Watcher::Effect Watcher::on_event(const WatchEvent& event, Instant now) {
  if (event.type == EventType::kUnknown) return Effect::kNothing;
  if (event.type == EventType::kError) {
    stream_fault(event.error, now);
    return Effect::kNothing;
  }
  bool replayed = event.resource_version < resource_version_;
  if (event.resource_version > resource_version_) {
    resource_version_ = event.resource_version;
    progressed_ = true;
    faults_ = 0;
  }
  switch (event.type) {
    case EventType::kDeleted:
      return Effect::kRemove;  // of something newer: the store knows better
    case EventType::kBookmark:
      return Effect::kBookmark;
    default:
      return replayed ? Effect::kNothing : Effect::kUpsert;
  }
}

void Watcher::on_stream_end(const std::optional<Error>& error, Instant now) {
  if (state_ != State::kReading) return;
  bool timed_out_as_asked = !error && now - opened_at_ >= kShortWatch;
  if (progressed_ || timed_out_as_asked) {
    if (error) last_error_ = error;
    state_ = State::kWatching;
    return;
  }
  stream_fault(error
                   ? *error
                   : make_error(ErrorKind::kUnreachable, "the watch ended as soon as it was open"),
               now);
}

void Watcher::stream_fault(const Error& error, Instant now) {
  switch (error.kind) {
    case ErrorKind::kGone:
      fault(error, State::kEmpty, now, faults_ == 0);
      break;
    case ErrorKind::kNotFound:
      fault(error, State::kEmpty, now, false);
      break;
    default:
      fault(error, State::kWatching, now, is_first_unauthorized(error));
  }
}

bool Watcher::is_first_unauthorized(const Error& error) {
  return error.kind == ErrorKind::kUnauthorized && !std::exchange(unauthorized_, true);
}

void Watcher::fault(const Error& error, State then, Instant now, bool at_once) {
  last_error_ = error;
  if (error.kind == ErrorKind::kForbidden) {
    refusal_ = {refusal_ ? refusal_->since : now, then == State::kWatching ? "watch" : "list"};
  } else {
    refusal_.reset();
  }
  if (last_fault_ && now - *last_fault_ >= options_.backoff_reset) faults_ = 0;
  last_fault_ = now;

  Milliseconds delay{0};
  if (!at_once) {
    constexpr int kMaxDoublings = 20;  // far beyond the cap, far from overflow
    delay = std::min(options_.first_backoff * (1 << std::min(faults_, kMaxDoublings)),
                     options_.max_backoff);
    delay +=
        Milliseconds(static_cast<std::int64_t>(static_cast<double>(delay.count()) * random_()));
    ++faults_;
  } else if (error.kind != ErrorKind::kUnauthorized) {
    ++faults_;
  }
  if (error.retry_after) delay = std::max(delay, std::min(*error.retry_after, kMaxRetryAfter));
  state_ = State::kBackoff;
  after_backoff_ = then;
  wait_until_ = now + delay;
}

void Watcher::went_well() {
  last_error_.reset();
  refusal_.reset();
  unauthorized_ = false;
}

std::string_view to_string(Watcher::State state) {
  switch (state) {
    case Watcher::State::kEmpty:
      return "Empty";
    case Watcher::State::kListing:
      return "Listing";
    case Watcher::State::kWatching:
      return "Watching";
    case Watcher::State::kReading:
      return "Reading";
    case Watcher::State::kBackoff:
      return "Backoff";
  }
  return "Unknown";
}

}  // namespace swo::kube
