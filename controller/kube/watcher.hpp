// The list+watch protocol of one collection as a pure state machine: inputs are what came back and
// when, outputs are what to do next and what to do with the store. No I/O, no clock, no threads of
// its own.
//
//   Empty     nothing is known. → Listing at once.
//   Listing   pages are being fetched; items are staged. Last page → Watching, and what was staged
//             becomes the whole truth (what is not among it has vanished). An expired continue
//             token → Listing anew, unpaged, as client-go's pager does. A page too large to be
//             taken → the same page of half as many items; of twice as many again from the next
//             list on. A list older than what was seen went back in time: refused, dropped,
//             → Backoff.
//   Watching  the stream is to be opened, from the last resourceVersion.
//   Reading   the stream is open. Events and bookmarks raise the resourceVersion. End or fault
//             → Watching, after a Backoff unless the stream had made progress. Silence → Watching.
//             410 → Listing.
//   Backoff   waits, then goes on with the state it was meant for.
//
// Delays are client-go's reflector's: 0.8 s doubling to 30 s, each plus up to as much again by
// chance, from the start again after 2 minutes without a fault. Sources:
// kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes, client-go
// tools/cache/reflector.go, kube-rs kube-runtime/src/watcher.rs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "kube/projection.hpp"
#include "kube/result.hpp"

namespace swo::kube {

using Instant = std::chrono::steady_clock::time_point;
using Milliseconds = std::chrono::milliseconds;
// Uniform in [0, 1).
using Random = std::function<double()>;
// Seeded by the machine; thread-safe.
Random machine_random();

struct WatcherOptions {
  // Items of a page: more costs memory, fewer costs round trips. 0 = unpaged. client-go's is 500.
  std::uint32_t page_size = 500;
  // Bookmarks come about once a minute (apiserver: storage/cacher), so a quarter more of silence is
  // death.
  Milliseconds idle_limit{75'000};
  // The server ends a watch after a random time in this range (client-go: 5 – 10 min), so that
  // watches spread over API servers.
  std::chrono::seconds min_watch{300};
  std::chrono::seconds max_watch{600};
  Milliseconds first_backoff{800};
  Milliseconds max_backoff{30'000};
  Milliseconds backoff_reset{120'000};
};

class Watcher {
 public:
  enum class State { kEmpty, kListing, kWatching, kReading, kBackoff };

  // What is to be done next.
  struct List {
    std::string continue_token;
    std::uint32_t limit = 0;
  };
  struct Watch {
    std::uint64_t resource_version = 0;
    std::chrono::seconds timeout{0};
  };
  struct Read {
    Instant until;  // no bytes by then: call next()
  };
  struct Wait {
    Instant until;
  };
  using Command = std::variant<List, Watch, Read, Wait>;

  // What the store is to do with what has just come.
  enum class Effect {
    kNothing,
    kStage,    // keep the page's items aside
    kCommit,   // likewise, and then all that was staged replaces what is held
    kDiscard,  // drop the page and all that was staged
    kUpsert,
    kRemove,
    kBookmark,  // only the resourceVersion has moved
  };

  explicit Watcher(WatcherOptions options, Random random);

  // The same answer until an input changes it, but for a Wait or a Read that is over at `now`.
  Command next(Instant now);

  Effect on_page(const ListPage& page, Instant now);
  Effect on_list_failed(const Error& error, Instant now);
  void on_watch_opened(Instant now);
  void on_watch_failed(const Error& error, Instant now);
  // Any bytes at all: the stream lives.
  void on_bytes(Instant now);
  Effect on_event(const WatchEvent& event, Instant now);
  // The stream is over: ended by the server (nullopt), or broken, or its content was unreadable.
  void on_stream_end(const std::optional<Error>& error, Instant now);

  State state() const { return state_; }
  std::uint64_t resource_version() const { return resource_version_; }
  // True when what the stream (if one is open) may hold is no longer of use: close it.
  bool stream_wanted() const { return state_ == State::kReading; }
  bool listed() const { return listed_; }
  // The last fault, until a list is whole or a watch is open again.
  const std::optional<Error>& last_error() const { return last_error_; }
  // The server answers that we may not (403), and has said nothing else since.
  struct Refusal {
    Instant since;
    std::string_view verb;  // what was refused last: "list" or "watch"
  };
  const std::optional<Refusal>& refusal() const { return refusal_; }
  // Lists after the first, and streams after the first of each list.
  std::uint64_t relists() const { return relists_; }
  std::uint64_t reconnects() const { return reconnects_; }
  // When the server was last heard of: a page that was taken, the stream's headers, any bytes.
  std::optional<Instant> last_heard() const { return last_heard_; }

 private:
  void start_list();
  // Goes on with `then` after a delay, or without one when `at_once`.
  void fault(const Error& error, State then, Instant now, bool at_once);
  void stream_fault(const Error& error, Instant now);
  bool is_first_unauthorized(const Error& error);
  bool ask_for_less();
  void went_well();

  WatcherOptions options_;
  Random random_;
  State state_ = State::kEmpty;
  State after_backoff_ = State::kEmpty;
  Instant wait_until_{};
  Instant read_until_{};
  Instant opened_at_{};
  std::uint64_t resource_version_ = 0;  // never falls
  // Of the list in progress.
  std::string continue_token_;
  std::uint64_t list_version_ = 0;
  std::uint32_t page_size_;  // options_.page_size, or less where that was too large
  bool unpaged_ = false;
  bool listed_ = false;
  bool watched_ = false;
  bool progressed_ = false;  // the stream has moved the resourceVersion
  bool silent_ = false;      // the last stream has brought nothing at all
  std::chrono::seconds watch_timeout_{0};
  // Of the backoff.
  int faults_ = 0;
  std::optional<Instant> last_fault_;
  std::optional<Error> last_error_;
  std::optional<Refusal> refusal_;
  bool unauthorized_ = false;
  std::optional<Instant> last_heard_;
  std::uint64_t relists_ = 0;
  std::uint64_t reconnects_ = 0;
};

std::string_view to_string(Watcher::State state);

}  // namespace swo::kube
