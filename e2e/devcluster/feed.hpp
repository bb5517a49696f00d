// What has changed in one collection since last asked: list, then watch, as an informer does it.
//
// Keeps names and uids, not documents. A watch that ends with 410 is replaced by a new list, and
// what vanished in between comes as kDeleted with its metadata's name, namespace and uid alone. Not
// thread-safe. Source of the protocol: client-go tools/cache/reflector.go.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

#include "devcluster/api_server.hpp"

namespace devcluster {

struct Delta {
  enum class Kind { kAdded, kModified, kDeleted } kind = Kind::kAdded;
  std::string collection;  // "/api/v1/pods"
  Json object;
};

class Feed {
 public:
  Feed(ApiServer& server, std::string collection);

  // Appends what has come; true if anything has. Never blocks.
  bool poll(std::vector<Delta>& deltas);
  // The collection is served no more (its CRD was deleted): poll() has reported all of it as
  // deleted.
  bool gone() const { return gone_; }

 private:
  void list(std::vector<Delta>& deltas);
  bool read_watch(std::vector<Delta>& deltas);
  void note(Delta::Kind kind, Json object, std::vector<Delta>& deltas);

  ApiServer& server_;
  std::string collection_;
  std::string resource_version_;
  std::unique_ptr<Stream> watch_;
  std::unordered_map<std::string, std::string> known_;  // "ns/name" → uid
  std::string partial_;                                 // an unfinished line
  bool gone_ = false;
};

// "ns/name", or "/name" for a cluster-scoped object.
std::string key_of(const Json& object);

}  // namespace devcluster
