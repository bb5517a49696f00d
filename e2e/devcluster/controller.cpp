#include "devcluster/controller.hpp"

#include <array>
#include <cstdint>
#include <cstdio>

namespace devcluster {

std::string hash_of(const std::string& text) {
  // FNV-1a, 64 bits, twice: names need to be stable and distinct, not secret.
  std::string digits;
  for (std::uint64_t hash : {0xcbf29ce484222325ULL, 0x84222325cbf29ce4ULL}) {
    for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3ULL;
    std::array<char, 17> part{};
    std::snprintf(part.data(), part.size(), "%016llx", static_cast<unsigned long long>(hash));
    digits += part.data();
  }
  return digits;
}

std::pair<std::string, std::string> split_key(const std::string& key) {
  const auto slash = key.find('/');
  return {key.substr(0, slash), key.substr(slash + 1)};
}

std::string pods_path(const std::string& ns) { return "/api/v1/namespaces/" + ns + "/pods"; }

bool set_condition(Json& conditions, Time now, const std::string& type, const std::string& status,
                   const std::string& reason, const std::string& message) {
  if (!conditions.is_array()) conditions = Json::array();
  Json wanted = {{"type", type}, {"status", status}, {"lastTransitionTime", rfc3339(now)}};
  if (!reason.empty()) wanted["reason"] = reason;
  if (!message.empty()) wanted["message"] = message;
  for (auto& condition : conditions) {
    if (condition.value("type", "") != type) continue;
    if (condition.value("status", "") == status) {
      wanted["lastTransitionTime"] = condition.value("lastTransitionTime", rfc3339(now));
    }
    if (condition == wanted) return false;
    condition = std::move(wanted);
    return true;
  }
  conditions.push_back(std::move(wanted));
  return true;
}

void Recorder::event(const Json& about, const std::string& type, const std::string& reason,
                     const std::string& message, const std::string& component,
                     const std::string& host) {
  const auto& metadata = about.at("metadata");
  const std::string ns = metadata.value("namespace", "default");
  const std::string uid = metadata.value("uid", metadata.value("name", ""));
  const std::string now = rfc3339(world_.clock());
  const std::string events = "/api/v1/namespaces/" + ns + "/events";
  auto& seen = seen_[uid][reason + '\n' + message];
  std::string& name = seen.first;
  int& count = seen.second;
  ++count;
  if (count > 1 && attempt([&] {
        world_.api.merge_patch(events, name, {{"count", count}, {"lastTimestamp", now}});
      })) {
    return;
  }
  name = metadata.value("name", "") + "." + hash_of(uid + reason + message + now).substr(0, 16);
  Json source = {{"component", component}};
  if (!host.empty()) source["host"] = host;
  const Json object = {{"apiVersion", "v1"},
                       {"kind", "Event"},
                       {"metadata", {{"name", name}, {"namespace", ns}}},
                       {"involvedObject",
                        {{"apiVersion", about.value("apiVersion", "v1")},
                         {"kind", about.value("kind", "Pod")},
                         {"name", metadata.value("name", "")},
                         {"namespace", metadata.value("namespace", "")},
                         {"uid", uid},
                         {"resourceVersion", metadata.value("resourceVersion", "")}}},
                       {"type", type},
                       {"reason", reason},
                       {"message", message},
                       {"source", source},
                       {"reportingComponent", component},
                       {"reportingInstance", host},
                       {"firstTimestamp", now},
                       {"lastTimestamp", now},
                       {"count", count}};
  attempt([&] { world_.api.create(events, object); });
}

void Recorder::forget(const std::string& uid) { seen_.erase(uid); }

}  // namespace devcluster
