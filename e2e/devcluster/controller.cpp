#include "devcluster/controller.hpp"

#include <array>
#include <cstdint>
#include <cstdio>

#include "devcluster/objects.hpp"

namespace devcluster {
namespace {

constexpr const char* kEvents = "/api/v1/events";

}  // namespace

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

std::string key_of(const Json& object) {
  return object.at("metadata").value("namespace", "") + "/" + name_of(object);
}

std::string pods_path(const std::string& ns) { return within("/api/v1/pods", ns); }

std::vector<Json> World::pods_on(const std::string& node) {
  return api.list(kPods, "fieldSelector=spec.nodeName%3D" + node);
}

bool World::create(const std::string& collection, const Json& object,
                   const std::string& subresource) {
  auto path = within(collection, object.at("metadata").value("namespace", ""));
  if (!subresource.empty()) path += "/" + name_of(object) + "/" + subresource;
  return attempt([&] { api.create(path, object); });
}

bool World::patch(const std::string& collection, const std::string& key, const Json& change) {
  return attempt([&] { api.merge_patch(collection, key, change); });
}

bool World::patch_status(const std::string& collection, const std::string& key,
                         const Json& status) {
  return attempt([&] { api.merge_patch(collection, key, {{"status", status}}, "status"); });
}

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
  auto& [name, count] = seen_[uid][reason + '\n' + message];
  ++count;
  const auto again = Json{{"count", count}, {"lastTimestamp", now}};
  if (count > 1 && world_.patch(kEvents, ns + "/" + name, again)) return;
  name = metadata.value("name", "") + "." + hash_of(uid + reason + message + now).substr(0, 16);
  Json source = {{"component", component}};
  if (!host.empty()) source["host"] = host;
  Json made = object_of("v1", "Event", name, ns);
  made["involvedObject"] = {{"apiVersion", about.value("apiVersion", "v1")},
                            {"kind", about.value("kind", "Pod")},
                            {"name", metadata.value("name", "")},
                            {"namespace", metadata.value("namespace", "")},
                            {"uid", uid},
                            {"resourceVersion", metadata.value("resourceVersion", "")}};
  made.update({{"type", type},
               {"reason", reason},
               {"message", message},
               {"source", source},
               {"reportingComponent", component},
               {"reportingInstance", host},
               {"firstTimestamp", now},
               {"lastTimestamp", now},
               {"count", count}});
  world_.create(kEvents, made);
}

void Recorder::forget(const std::string& uid) { seen_.erase(uid); }

}  // namespace devcluster
