#include "devcluster/store.hpp"

#include <algorithm>

#include "devcluster/jsonpath.hpp"

namespace devcluster {
namespace {

std::string key_of(const std::string& ns, const std::string& name) { return ns + "/" + name; }

std::string text_at(const Json& object, const std::string& dotted) {
  const auto found = json_path(object, dotted);
  if (found.empty()) return "";
  const Json& value = *found.front();
  if (value.is_string()) return value.get<std::string>();
  return value.is_primitive() && !value.is_null() ? value.dump() : "";
}

Pairs labels_of(const Json& object) {
  Pairs out;
  const Json& metadata = object.at("metadata");
  const auto labels = metadata.find("labels");
  if (labels == metadata.end() || !labels->is_object()) return out;
  for (const auto& [key, value] : labels->items()) {
    if (value.is_string()) out.emplace_back(key, value.get<std::string>());
  }
  return out;
}

Pairs fields_of(const Json& object, const std::vector<std::string>& selectable) {
  Pairs out;
  for (const std::string& field : selectable) out.emplace_back(field, text_at(object, field));
  std::sort(out.begin(), out.end());
  return out;
}

// The first change after `rv`.
template <typename Log>
auto first_after(const Log& log, std::uint64_t rv) {
  return std::upper_bound(log.begin(), log.end(), rv, [](std::uint64_t v, const Change& change) {
    return v < change.resource_version();
  });
}

bool selected(const Record& record, const Store::Query& query) {
  return (query.ns.empty() || record.ns == query.ns) &&
         (query.labels == nullptr || query.labels->matches(record.labels)) &&
         (query.fields == nullptr || query.fields->matches(record.fields));
}

}  // namespace

Collection& Store::collection(const std::string& group, const std::string& plural) {
  const std::unique_lock lock(mutex_);
  auto& slot = collections_[{group, plural}];
  if (slot == nullptr) {
    slot = std::make_unique<Collection>(group, plural);
    slot->forgotten_ = resource_version_ - 1;
  }
  return *slot;
}

void Store::close(Collection& collection) {
  {
    const std::unique_lock lock(mutex_);
    collection.closed_ = true;
  }
  collection.wakers_.call();
}

void Store::open(Collection& collection, std::vector<std::string> selectable) {
  const std::unique_lock lock(mutex_);
  collection.closed_ = false;
  collection.selectable_ = std::move(selectable);
}

std::vector<std::string> Store::selectable(const Collection& collection) const {
  const std::shared_lock lock(mutex_);
  return collection.selectable_;
}

std::uint64_t Store::resource_version() const {
  const std::shared_lock lock(mutex_);
  return resource_version_;
}

RecordPtr Store::get(const Collection& collection, const std::string& ns, const std::string& name,
                     std::uint64_t at) const {
  const std::shared_lock lock(mutex_);
  const auto found = collection.records_.find(key_of(ns, name));
  RecordPtr now = found == collection.records_.end() ? nullptr : found->second;
  if (at == 0) return now;
  for (auto change = first_after(collection.log_, at); change != collection.log_.end(); ++change) {
    if (change->after->name == name && change->after->ns == ns) return change->before;
  }
  return now;
}

std::optional<Store::Page> Store::list(const Collection& collection, const Query& query) const {
  const std::shared_lock lock(mutex_);
  Page page;
  page.resource_version = query.at == 0 ? resource_version_ : query.at;
  if (query.at != 0 && query.at < collection.forgotten_) return std::nullopt;

  // What later changes have overwritten, as it was at the snapshot.
  std::map<std::string, RecordPtr> undone;
  if (query.at != 0) {
    for (auto c = first_after(collection.log_, query.at); c != collection.log_.end(); ++c) {
      undone.emplace(key_of(c->after->ns, c->after->name), c->before);
    }
  }
  const std::string start = std::max(query.after, query.ns.empty() ? "" : query.ns + "/");
  auto now = query.after.empty() ? collection.records_.lower_bound(start)
                                 : collection.records_.upper_bound(start);
  auto then = query.after.empty() ? undone.lower_bound(start) : undone.upper_bound(start);
  const bool counts = query.labels == nullptr && query.fields == nullptr;

  while (now != collection.records_.end() || then != undone.end()) {
    const bool from_undone =
        then != undone.end() && (now == collection.records_.end() || then->first <= now->first);
    const RecordPtr& record = from_undone ? then->second : now->second;
    if (record != nullptr) {
      if (!query.ns.empty() && record->ns != query.ns) break;
      if (selected(*record, query)) {
        if (query.limit == 0 || page.records.size() < query.limit) {
          page.records.push_back(record);
          page.last_key = from_undone ? then->first : now->first;
        } else {
          page.more = true;
          if (!counts) break;
          ++page.remaining;
        }
      }
    }
    if (from_undone) {
      if (now != collection.records_.end() && now->first == then->first) ++now;
      ++then;
    } else {
      ++now;
    }
  }
  return page;
}

bool Store::empty(const Collection& collection) const {
  const std::shared_lock lock(mutex_);
  return collection.records_.empty();
}

RecordPtr Store::put(Collection& collection, const std::string& ns, const std::string& name,
                     std::uint64_t expected, Json& object) {
  return commit(collection, ns, name, expected, object, false);
}

RecordPtr Store::erase(Collection& collection, const std::string& ns, const std::string& name,
                       std::uint64_t expected, Json& last_state) {
  return commit(collection, ns, name, expected, last_state, true);
}

RecordPtr Store::commit(Collection& collection, const std::string& ns, const std::string& name,
                        std::uint64_t expected, Json& object, bool erase) {
  auto record = std::make_shared<Record>();
  record->ns = ns;
  record->name = name;
  record->labels = labels_of(object);
  {
    const std::unique_lock lock(mutex_);
    const auto found = collection.records_.find(key_of(ns, name));
    RecordPtr before = found == collection.records_.end() ? nullptr : found->second;
    if ((before == nullptr ? 0 : before->resource_version) != expected) return nullptr;
    if (erase && before == nullptr) return nullptr;
    record->fields = fields_of(object, collection.selectable_);
    record->resource_version = ++resource_version_;
    object["metadata"]["resourceVersion"] = std::to_string(resource_version_);
    record->text = object.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (erase) {
      collection.records_.erase(found);
    } else if (before != nullptr) {
      found->second = record;
    } else {
      collection.records_.emplace(key_of(ns, name), record);
    }
    collection.log_.push_back({std::move(before), record, erase, &collection});
    if (untaken_) untaken_->push_back(collection.log_.back());
    if (collection.log_.size() > kLogLength) {
      collection.forgotten_ = collection.log_.front().resource_version();
      collection.log_.pop_front();
    }
  }
  collection.wakers_.call();
  return record;
}

Store::Changes Store::changes(const Collection& collection, std::uint64_t after, std::size_t limit,
                              std::uint64_t upto) const {
  const std::shared_lock lock(mutex_);
  Changes out;
  out.closed = collection.closed_;
  out.forgotten = after < collection.forgotten_;
  out.seen = std::max(after, upto == 0 ? resource_version_ : std::min(upto, resource_version_));
  if (out.forgotten) return out;
  for (auto c = first_after(collection.log_, after); c != collection.log_.end(); ++c) {
    if (upto != 0 && c->resource_version() > upto) break;
    if (out.changes.size() == limit) {
      out.seen = out.changes.back().resource_version();
      break;
    }
    out.changes.push_back(*c);
  }
  return out;
}

std::shared_ptr<Wakers::Waker> Store::watch(Collection& collection) {
  return collection.wakers_.add();
}

std::vector<Change> Store::take() {
  const std::unique_lock lock(mutex_);
  if (untaken_) return std::exchange(*untaken_, {});
  auto& all = untaken_.emplace();
  for (const auto& [name, collection] : collections_) {
    for (const auto& [key, record] : collection->records_)
      all.push_back({nullptr, record, false, collection.get()});
  }
  return std::exchange(all, {});
}

void Store::compact(std::uint64_t resource_version) {
  const std::unique_lock lock(mutex_);
  for (auto& [name, collection] : collections_) {
    auto& log = collection->log_;
    while (!log.empty() && log.front().resource_version() <= resource_version) log.pop_front();
    collection->forgotten_ =
        std::max(collection->forgotten_, std::min(resource_version, resource_version_));
  }
}

void Store::wake_all() const {
  std::vector<const Collection*> all;  // they stay for as long as the store
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [name, collection] : collections_) all.push_back(collection.get());
  }
  for (const Collection* collection : all) collection->wakers_.call();
}

}  // namespace devcluster
