// An open watch: the initial state if asked for, then the changes of one collection that its
// selectors see.
//
// Sources: kubernetes.io/docs/reference/using-api/api-concepts (watches, bookmarks, streaming
// lists, 410); apiserver pkg/storage/cacher: an object that begins or ceases to match is ADDED or
// DELETED, and a bookmark comes about once a minute.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "devcluster/api_server.hpp"
#include "devcluster/selectors.hpp"
#include "devcluster/store.hpp"

namespace devcluster {

struct WatchOptions {
  std::string ns;
  Selector labels, fields;
  std::uint64_t after = 0;            // changes behind this resourceVersion
  std::deque<RecordPtr> initial;      // sent first, as ADDED
  bool initial_end_bookmark = false;  // then the bookmark k8s.io/initial-events-end
  bool bookmarks = false;
  std::chrono::seconds timeout{0};
  // A lagging server shows nothing behind it; null or 0 = all.
  std::shared_ptr<const std::atomic<std::uint64_t>> horizon;
  std::string api_version, kind;                     // of bookmarks
  std::function<std::string(const Record&)> render;  // the object as the client asked for it
};

// `bell` counts the bookmarks that were asked for: one for each open watch that takes them, at
// once.
std::unique_ptr<Stream> open_watch(Store& store, Collection& collection, const Clock& clock,
                                   const std::atomic<unsigned>& bell, WatchOptions options);

}  // namespace devcluster
