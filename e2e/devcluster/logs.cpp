#include "devcluster/logs.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "devcluster/objects.hpp"
#include "devcluster/paths.hpp"
#include "devcluster/status.hpp"

namespace devcluster {
namespace {

// The last `count` lines.
std::string tail(const std::string& text, std::int64_t count) {
  if (count <= 0 || text.empty()) return {};
  auto start = text.size();
  if (start > 0 && text.back() == '\n') --start;
  for (; count > 0 && start > 0 && start != std::string::npos; --count) {
    start = text.rfind('\n', start - 1);
    if (start == std::string::npos) return text;
  }
  return text.substr(start + 1);
}

Response plain(std::string text) {
  return {200, {{"content-type", "text/plain"}}, std::move(text)};
}

}  // namespace

class Logs::Follower final : public Stream {
 public:
  Follower(Logs& logs, std::string uid, std::size_t from)
      : Stream(logs.followers_.add()), agent_(logs.agent_), uid_(std::move(uid)), at_(from) {}

  std::string next() override {
    const std::lock_guard lock(mutex_);
    const auto text = agent_.log(uid_, false);
    auto fresh = text.size() > at_ ? text.substr(at_) : std::string();
    at_ = std::max(at_, text.size());
    return fresh;
  }
  bool ended() const override {
    const std::lock_guard lock(mutex_);
    const auto state = agent_.state(uid_);
    const bool runs = state && (state->phase == node::ContainerState::Phase::kRunning ||
                                state->phase == node::ContainerState::Phase::kCreating);
    return !runs && agent_.log(uid_, false).size() <= at_;
  }

 private:
  NodeAgent& agent_;
  std::string uid_;
  mutable std::mutex mutex_;
  std::size_t at_;
};

void Logs::install() {
  world_.server.add_subresource(
      "pods/log", [this](const Request& request, const std::string& ns, const std::string& name) {
        return serve(request, ns, name);
      });
}

Answer Logs::serve(const Request& request, const std::string& ns, const std::string& name) {
  const auto target = parse_target(request.target);
  const auto pod = world_.api.get(kPods, ns + "/" + name);
  if (!pod) throw not_found({"", "pods", "Pod", name});
  const auto uid = uid_of(*pod);
  const auto container = container_of(*pod).value("name", "");
  const auto asked = target.value("container");
  if (!asked.empty() && container != asked) {
    throw bad_request("container " + asked + " is not valid for pod " + name);
  }
  const auto status = pod->value("/status/containerStatuses/0"_json_pointer, Json::object());
  if (target.flag("previous")) {
    if (status.value("restartCount", 0) == 0) {
      throw bad_request("previous terminated container \"" + container + "\" in pod \"" + name +
                        "\" not found");
    }
  } else if (status.value("containerID", "").empty()) {
    throw bad_request(
        "container \"" + container + "\" in pod \"" + name + "\" is waiting to start: " +
        status.value("/state/waiting/reason"_json_pointer, std::string("ContainerCreating")));
  }
  const auto whole = agent_.log(uid, target.flag("previous"));
  auto text = whole;
  if (const auto lines = target.number("tailLines")) text = tail(text, *lines);
  if (const auto limit = target.number("limitBytes"); limit && *limit >= 0) {
    text.resize(std::min(text.size(), static_cast<std::size_t>(*limit)));
  }
  if (!target.flag("follow")) return {plain(std::move(text)), nullptr};
  return {plain({}), std::make_unique<Follower>(*this, uid, whole.size() - text.size())};
}

}  // namespace devcluster
