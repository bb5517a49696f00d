// Drives one Watcher: sends its lists and watches through the transport and hands over what they
// bring. The core of an Informer, kept apart from what the objects are.
//
// step() and run() by one thread at a time; the questions below them from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "api/json.hpp"
#include "kube/client.hpp"
#include "kube/guarded.hpp"
#include "kube/line_splitter.hpp"
#include "kube/projection.hpp"
#include "kube/watcher.hpp"

namespace swo::kube {

// Receives what is learned, on the reflector's thread.
class ReflectorSink {
 public:
  virtual ~ReflectorSink() = default;
  virtual void stage(Json&& item) = 0;
  virtual void discard_staged() = 0;
  virtual void commit_staged(std::uint64_t resource_version) = 0;
  virtual void upsert(Json&& object, std::uint64_t resource_version) = 0;
  virtual void remove(Json&& object, std::uint64_t resource_version) = 0;
  virtual void bookmark(std::uint64_t resource_version) = 0;
};

// So long a watch that once ran is refused before it is told of: the rules may be on their way to
// be replaced, or an API server that starts may not have read them yet.
inline constexpr Milliseconds kRefusedForLong{60'000};

// A watch that the API server answers with 403, and has for kRefusedForLong.
struct RefusedWatch {
  Instant since;
  std::string verb;  // "list" or "watch"
  ResourceType type = {};
  std::string ns;  // "" = all namespaces, or of a type that has none
};

// Of two the one that has been refused longer.
inline std::optional<RefusedWatch> longer_refused(std::optional<RefusedWatch> one,
                                                  std::optional<RefusedWatch> other) {
  const bool keep = one && (!other || one->since <= other->since);
  return keep ? std::move(one) : std::move(other);
}

struct ReflectorOptions {
  ResourceType type = {};
  std::string ns = {};  // "" = all namespaces
  std::string label_selector = {};
  std::string field_selector = {};
  FieldMask mask = FieldMask({});
  WatcherOptions watcher = {};
  Random random = nullptr;  // empty: a generator of its own, seeded by the machine
  // One line for each fault and each relist, for the log.
  std::function<void(const std::string& message)> note = nullptr;
  // refused() has come to have a value, or has none any more. On the reflector's thread.
  std::function<void()> refused_changed = nullptr;
};

class Reflector {
 public:
  Reflector(Client& client, ReflectorOptions options, ReflectorSink& sink);
  ~Reflector();
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  // Does all that can be done without waiting (lists, opens, reads what is there), then returns
  // when it wants to be called at the latest.
  Instant step(Instant now);
  // Until stopped. Waits on the stream, so that an event is handled as it comes.
  void run(const std::stop_token& stop);

  const std::string& ns() const { return options_.ns; }  // "" = all namespaces
  bool listed() const { return listed_; }
  // When the server was last heard of; nullopt = never.
  std::optional<Instant> last_event_at() const;
  std::uint64_t restarts() const { return restarts_; }
  std::optional<Error> last_error() const { return *last_error_.lock(); }
  // Only of one that has listed: before that nothing is known that could be out of date.
  std::optional<RefusedWatch> refused() const { return *refused_.lock(); }

 private:
  // Follows the machine's next command; a read waits at most `wait`. False when there is nothing to
  // do before wake_at_.
  bool advance(Milliseconds wait);
  void list(const Watcher::List& command);
  void open(const Watcher::Watch& command);
  bool read(const Watcher::Read& command, Milliseconds wait);
  void handle_line(std::string_view line);
  void close_stream();
  void publish();
  void publish_refusal();
  Instant now() const { return fixed_now_ ? *fixed_now_ : std::chrono::steady_clock::now(); }

  static constexpr Instant::rep kNever = std::numeric_limits<Instant::rep>::min();

  Client& client_;
  ReflectorOptions options_;
  ReflectorSink& sink_;
  Watcher watcher_;
  LineSplitter lines_;
  Guarded<std::shared_ptr<ByteStream>> stream_;  // close() comes from the stopping thread
  Instant wake_at_{};
  std::optional<Instant> fixed_now_;  // in step()
  std::string noted_;                 // the last fault noted: one line per change, not per retry

  std::atomic<bool> listed_{false};
  std::atomic<std::uint64_t> restarts_{0};
  std::atomic<Instant::rep> last_heard_{kNever};
  Guarded<std::optional<Error>> last_error_;
  Guarded<std::optional<RefusedWatch>> refused_;
};

}  // namespace swo::kube
