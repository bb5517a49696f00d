#include "devcluster/feed.hpp"

#include <stdexcept>
#include <utility>

namespace devcluster {
namespace {

constexpr int kNotFound = 404;
constexpr int kGone = 410;

Answer trusted_get(ApiServer& server, const std::string& target) {
  Request request;
  request.target = target;
  request.trusted = true;
  return server.handle(request);
}

}  // namespace

std::string key_of(const Json& object) {
  const auto& metadata = object.at("metadata");
  return metadata.value("namespace", "") + "/" + metadata.value("name", "");
}

Feed::Feed(ApiServer& server, std::string collection)
    : server_(server), collection_(std::move(collection)) {}

bool Feed::poll(std::vector<Delta>& deltas) {
  const auto before = deltas.size();
  if (gone_) return false;
  if (!watch_) list(deltas);
  if (watch_ && !read_watch(deltas)) {
    watch_.reset();  // expired or ended: from the start
    partial_.clear();
    list(deltas);
    if (watch_) read_watch(deltas);
  }
  return deltas.size() != before;
}

void Feed::list(std::vector<Delta>& deltas) {
  const auto answer = trusted_get(server_, collection_);
  auto vanished = std::exchange(known_, {});
  if (answer.response.status == kNotFound) {
    gone_ = true;
  } else if (answer.response.status != 200) {
    throw std::runtime_error("listing " + collection_ + ": " + answer.response.body);
  } else {
    auto document = Json::parse(answer.response.body);
    resource_version_ = document.at("metadata").value("resourceVersion", "");
    const std::string kind = document.value("kind", "List");
    for (auto& item : document.at("items")) {
      // Items of a list carry no kind of their own; a watch event's object does.
      item.emplace("apiVersion", document.value("apiVersion", ""));
      item.emplace("kind", kind.substr(0, kind.size() - std::string_view("List").size()));
      const auto key = key_of(item);
      const auto old = vanished.find(key);
      const bool same = old != vanished.end() && old->second == item["metadata"].value("uid", "");
      if (same) vanished.erase(old);
      note(same ? Delta::Kind::kModified : Delta::Kind::kAdded, std::move(item), deltas);
    }
  }
  for (const auto& [key, uid] : vanished) {
    const auto slash = key.find('/');
    Json metadata = {{"name", key.substr(slash + 1)}, {"uid", uid}};
    if (slash > 0) metadata["namespace"] = key.substr(0, slash);
    deltas.push_back({Delta::Kind::kDeleted, collection_, {{"metadata", std::move(metadata)}}});
  }
  if (gone_) return;
  auto watch = trusted_get(server_, collection_ + "?watch=1&resourceVersion=" + resource_version_);
  watch_ = std::move(watch.stream);
}

bool Feed::read_watch(std::vector<Delta>& deltas) {
  const bool ended = watch_->ended();  // asked first, so that the last words are still read
  partial_ += watch_->next();
  std::size_t start = 0;
  for (auto end = partial_.find('\n'); end != std::string::npos; end = partial_.find('\n', start)) {
    auto event = Json::parse(partial_.begin() + static_cast<std::ptrdiff_t>(start),
                             partial_.begin() + static_cast<std::ptrdiff_t>(end));
    start = end + 1;
    const std::string type = event.value("type", "");
    auto& object = event.at("object");
    if (type == "ERROR") {
      if (object.value("code", 0) == kGone) return false;
      throw std::runtime_error("watching " + collection_ + ": " + object.value("message", ""));
    }
    if (type == "BOOKMARK") continue;
    const auto kind = type == "ADDED"     ? Delta::Kind::kAdded
                      : type == "DELETED" ? Delta::Kind::kDeleted
                                          : Delta::Kind::kModified;
    note(kind, std::move(object), deltas);
  }
  partial_.erase(0, start);
  return !ended;
}

void Feed::note(Delta::Kind kind, Json object, std::vector<Delta>& deltas) {
  const auto key = key_of(object);
  if (kind == Delta::Kind::kDeleted) {
    known_.erase(key);
  } else {
    known_[key] = object["metadata"].value("uid", "");
  }
  deltas.push_back({kind, collection_, std::move(object)});
}

}  // namespace devcluster
