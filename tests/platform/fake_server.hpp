// An API server of a few paths: what is put is served, by get, list and watch.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/json.hpp"
#include "kube/transport.hpp"

namespace swo::platform::test {

class FakeServer : public kube::Transport {
 public:
  // Group versions with the plurals they serve.
  std::map<std::string, std::vector<std::string>> groups;
  std::string version = "v1.33.4";
  std::set<std::string> forbidden;         // collections, and paths
  std::map<std::string, std::string> raw;  // path → body
  std::map<std::string, int> asked;        // path without query → how often

  // Creates or replaces; watches get an event.
  void put(const std::string& collection, Json object) {
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    auto& held = objects_[collection][object["metadata"]["name"].get<std::string>()];
    const char* type = held.is_null() ? "ADDED" : "MODIFIED";
    held = object;
    for (const auto& line : watches_[collection]) {
      *line += Json({{"type", type}, {"object", object}}).dump() + "\n";
    }
  }

  kube::Result<kube::HttpResponse> send(const kube::HttpRequest& request) override {
    const std::string path = request.target.substr(0, request.target.find('?'));
    ++asked[path];
    if (forbidden.contains(path)) {
      return answer(403, R"({"kind": "Status", "code": 403, "reason": "Forbidden"})");
    }
    if (path == "/version") {
      return answer(200, Json({{"gitVersion", version}, {"major", "1"}, {"minor", "33"}}).dump());
    }
    if (path == "/apis") {
      return answer(200, api_groups().dump());
    }
    if (const auto found = raw.find(path); found != raw.end()) {
      return answer(200, found->second);
    }
    if (path.starts_with("/apis/") && groups.contains(path.substr(6))) {
      Json list = {{"kind", "APIResourceList"}, {"resources", Json::array()}};
      for (const std::string& plural : groups[path.substr(6)]) {
        list["resources"].push_back({{"name", plural}});
      }
      return answer(200, list.dump());
    }
    if (const auto found = objects_.find(path); found != objects_.end() || known(path)) {
      Json list = {{"kind", "List"},
                   {"metadata", {{"resourceVersion", std::to_string(version_)}}},
                   {"items", Json::array()}};
      for (const auto& [name, object] : objects_[path]) {
        list["items"].push_back(object);
      }
      return answer(200, list.dump());
    }
    return answer(404, R"({"kind": "Status", "code": 404, "reason": "NotFound"})");
  }

  kube::Result<std::unique_ptr<kube::ByteStream>> open(const kube::HttpRequest& request) override {
    const std::string path = request.target.substr(0, request.target.find('?'));
    auto lines = std::make_shared<std::string>();
    watches_[path].push_back(lines);
    return std::unique_ptr<kube::ByteStream>(std::make_unique<Stream>(lines));
  }
  void shutdown() override {}

 private:
  class Stream : public kube::ByteStream {
   public:
    explicit Stream(std::shared_ptr<std::string> lines) : lines_(std::move(lines)) {
      head_.status = 200;
    }
    const kube::HttpResponse& head() const override { return head_; }
    Read read(std::chrono::milliseconds /*limit*/) override {
      if (lines_->empty()) {
        return {.outcome = Outcome::kTimeout, .data = "", .error = {}};
      }
      return {.outcome = Outcome::kData, .data = std::exchange(*lines_, ""), .error = {}};
    }
    void close() override {}

   private:
    std::shared_ptr<std::string> lines_;
    kube::HttpResponse head_;
  };

  static kube::Result<kube::HttpResponse> answer(int status, std::string body) {
    kube::HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    return response;
  }

  bool known(const std::string& path) const {
    if (path == "/api/v1/nodes") {
      return true;
    }
    for (const auto& [group, plurals] : groups) {
      for (const std::string& plural : plurals) {
        if (path == "/apis/" + group + "/" + plural) {
          return true;
        }
      }
    }
    return false;
  }

  Json api_groups() const {
    Json list = {{"kind", "APIGroupList"}, {"groups", Json::array()}};
    list["groups"].push_back({{"name", "apps"}, {"versions", {{{"groupVersion", "apps/v1"}}}}});
    for (const auto& [group, plurals] : groups) {
      list["groups"].push_back({{"name", group.substr(0, group.find('/'))},
                                {"versions", Json::array({{{"groupVersion", group}}})}});
    }
    return list;
  }

  std::uint64_t version_ = 100;
  std::map<std::string, std::map<std::string, Json>> objects_;
  std::map<std::string, std::vector<std::shared_ptr<std::string>>> watches_;
};

}  // namespace swo::platform::test
