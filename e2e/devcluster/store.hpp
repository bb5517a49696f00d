// The objects and their history, in the manner of etcd behind a watch cache: one counter of
// resourceVersions for everything, ordered collections, a bounded log of changes per collection.
//
// Objects are kept as text, with what selectors look at beside it. A past state is the present one
// with the later changes undone, so a snapshot costs nothing until it is read, and ends when the
// log forgets. Thread-safe. Wakers are called outside the lock.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "devcluster/selectors.hpp"
#include "devcluster/wakers.hpp"

namespace devcluster {

using Json = nlohmann::json;

struct Record {
  std::string ns, name;
  Pairs labels, fields;
  std::uint64_t resource_version = 0;
  std::string text;  // JSON, with the resourceVersion in it
};
using RecordPtr = std::shared_ptr<const Record>;

class Collection;

// before == nullptr: created. deleted: `after` is the last state under the deletion's
// resourceVersion.
struct Change {
  RecordPtr before, after;
  bool deleted = false;
  const Collection* collection = nullptr;
  std::uint64_t resource_version() const { return after->resource_version; }
};

// Changes kept per collection. kube-apiserver's watch cache keeps up to 100 × 1024 (storage/cacher
// watch_cache.go, defaultUpperBoundCapacity); fewer, so that 70,000 objects and their past fit.
inline constexpr std::size_t kLogLength = 32'768;

class Collection {
 public:
  Collection(std::string of_group, std::string of_plural)
      : group(std::move(of_group)), plural(std::move(of_plural)) {}
  const std::string group, plural;

 private:
  friend class Store;
  std::vector<std::string> selectable_;
  std::map<std::string, RecordPtr> records_;  // by "ns/name"
  std::deque<Change> log_;
  std::uint64_t forgotten_ = 0;  // changes at or below are no longer in the log
  bool closed_ = false;
  Wakers wakers_;
};

class Store {
 public:
  struct Query {
    std::string ns;  // "" = all
    const Selector* labels = nullptr;
    const Selector* fields = nullptr;
    std::string after;      // start behind this key
    std::size_t limit = 0;  // 0 = no limit
    std::uint64_t at = 0;   // snapshot; 0 = now
  };
  struct Page {
    std::vector<RecordPtr> records;
    std::string last_key;  // of the last record, when there is more
    std::uint64_t resource_version = 0;
    std::size_t remaining = 0;  // behind the page, counted only without selectors
    bool more = false;
  };

  // Made on first use; never goes away (a deleted CRD's collection is closed instead).
  Collection& collection(const std::string& group, const std::string& plural);
  // Takes it into use. `selectable`: paths such as "spec.nodeName" that field selectors may name.
  void open(Collection& collection, std::vector<std::string> selectable);
  // Ends its watches; they learn it through changes().
  void close(Collection& collection);
  std::vector<std::string> selectable(const Collection& collection) const;

  std::uint64_t resource_version() const;
  RecordPtr get(const Collection& collection, const std::string& ns, const std::string& name,
                std::uint64_t at = 0) const;
  // nullopt: the snapshot `at` is forgotten.
  std::optional<Page> list(const Collection& collection, const Query& query) const;
  bool empty(const Collection& collection) const;

  // Writes `object` if the stored one still has `expected` (0 = is not there); sets its
  // resourceVersion. nullptr: someone else was faster.
  RecordPtr put(Collection& collection, const std::string& ns, const std::string& name,
                std::uint64_t expected, Json& object);
  RecordPtr erase(Collection& collection, const std::string& ns, const std::string& name,
                  std::uint64_t expected, Json& last_state);

  struct Changes {
    std::vector<Change> changes;
    std::uint64_t seen = 0;  // everything up to here has been looked at
    bool forgotten = false;  // `after` is older than the log
    bool closed = false;
  };
  // Changes with `after` < resourceVersion ≤ `upto` (0 = all), at most `limit`.
  Changes changes(const Collection& collection, std::uint64_t after, std::size_t limit,
                  std::uint64_t upto = 0) const;
  // Called when the collection changes.
  static std::shared_ptr<Wakers::Waker> watch(Collection& collection);
  // The changes of all collections since the last call, in the order of their resourceVersions, for
  // the one who takes them; the first time everything that is there, as created.
  std::vector<Change> take();
  // Forgets changes at or below `resource_version`, in every collection.
  void compact(std::uint64_t resource_version);
  void wake_all() const;

 private:
  RecordPtr commit(Collection& collection, const std::string& ns, const std::string& name,
                   std::uint64_t expected, Json& object, bool erase);

  mutable std::shared_mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Collection>> collections_;
  std::uint64_t resource_version_ = 1;
  std::optional<std::vector<Change>> untaken_;
};

}  // namespace devcluster
