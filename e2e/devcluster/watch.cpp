#include "devcluster/watch.hpp"

#include <mutex>

#include "devcluster/status.hpp"

namespace devcluster {
namespace {

using std::chrono::system_clock;

// cacher.go: bookmarkFrequency = time.Minute.
constexpr std::chrono::seconds kBookmarkEvery{60};
// Events handed over per next(): bounds what a slow reader holds in memory.
constexpr std::size_t kEventsPerTurn = 512;

class Watch : public Stream {
 public:
  Watch(Store& store, Collection& collection, const Clock& clock, const std::atomic<unsigned>& bell,
        WatchOptions options)
      : Stream(Store::watch(collection)),
        store_(store),
        collection_(collection),
        clock_(clock),
        bell_(bell),
        options_(std::move(options)),
        seen_(options_.after),
        rings_(bell),
        opened_(clock()),
        bookmarked_(opened_) {}

  std::string next() override {
    const std::lock_guard lock(mutex_);
    std::string out;
    if (ended_) return out;
    if (send_initial(out)) return out;
    send_changes(out);
    if (!ended_) send_bookmark(out);
    if (options_.timeout.count() > 0 && clock_() - opened_ >= options_.timeout) ended_ = true;
    return out;
  }

  bool ended() const override {
    const std::lock_guard lock(mutex_);
    return ended_;
  }

 private:
  // True while there is more of it.
  bool send_initial(std::string& out) {
    for (std::size_t n = 0; n < kEventsPerTurn && !options_.initial.empty(); ++n) {
      event(out, "ADDED", options_.render(*options_.initial.front()));
      options_.initial.pop_front();
    }
    if (!options_.initial.empty()) return true;
    if (options_.initial_end_bookmark) {
      options_.initial_end_bookmark = false;
      bookmark(out, R"(,"annotations":{"k8s.io/initial-events-end":"true"})");
    }
    return false;
  }

  void send_changes(std::string& out) {
    const Store::Changes changes = store_.changes(collection_, seen_, kEventsPerTurn,
                                                  options_.horizon ? options_.horizon->load() : 0);
    if (changes.forgotten) {
      const Refusal gone = expired("too old resource version: " + std::to_string(seen_) + " (" +
                                   std::to_string(store_.resource_version()) + ")");
      event(out, "ERROR", gone.status().dump());
      ended_ = true;
      return;
    }
    for (const Change& change : changes.changes) send_change(out, change);
    seen_ = changes.seen;
    if (changes.closed && changes.changes.empty()) ended_ = true;
  }

  void send_change(std::string& out, const Change& change) {
    const bool was = change.before != nullptr && sees(*change.before);
    const bool is = !change.deleted && sees(*change.after);
    if (is) {
      event(out, was ? "MODIFIED" : "ADDED", options_.render(*change.after));
    } else if (was && change.deleted) {
      event(out, "DELETED", options_.render(*change.after));
    } else if (was) {
      // The last state that matched, under the resourceVersion of the change that took it out of
      // sight.
      Json last = Json::parse(change.before->text);
      last["metadata"]["resourceVersion"] = std::to_string(change.resource_version());
      Record record = *change.before;
      record.text = last.dump();
      event(out, "DELETED", options_.render(record));
    }
  }

  bool sees(const Record& record) const {
    return (options_.ns.empty() || record.ns == options_.ns) &&
           options_.labels.matches(record.labels) && options_.fields.matches(record.fields);
  }

  void send_bookmark(std::string& out) {
    if (!options_.bookmarks) return;
    const auto now = clock_();
    if (now - bookmarked_ < kBookmarkEvery && bell_ == rings_) return;
    bookmark(out, "");
    bookmarked_ = now;
    rings_ = bell_;
  }

  void bookmark(std::string& out, const std::string& annotations) const {
    event(out, "BOOKMARK",
          R"({"kind":")" + options_.kind + R"(","apiVersion":")" + options_.api_version +
              R"(","metadata":{"resourceVersion":")" + std::to_string(seen_) +
              R"(","creationTimestamp":null)" + annotations + "}}");
  }

  static void event(std::string& out, const char* type, const std::string& object) {
    out += R"({"type":")";
    out += type;
    out += R"(","object":)";
    out += object;
    out += "}\n";
  }

  Store& store_;
  Collection& collection_;
  const Clock& clock_;
  const std::atomic<unsigned>& bell_;
  WatchOptions options_;
  mutable std::mutex mutex_;
  std::uint64_t seen_;
  unsigned rings_;
  system_clock::time_point opened_, bookmarked_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Stream> open_watch(Store& store, Collection& collection, const Clock& clock,
                                   const std::atomic<unsigned>& bell, WatchOptions options) {
  return std::make_unique<Watch>(store, collection, clock, bell, std::move(options));
}

}  // namespace devcluster
