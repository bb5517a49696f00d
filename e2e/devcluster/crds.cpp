// What the controllers of apiextensions-apiserver do for CustomResourceDefinitions (establishing,
// naming, finalizer), done at once after each write.
#include <algorithm>

#include "devcluster/members.hpp"
#include "devcluster/server_impl.hpp"

namespace devcluster {
namespace {

constexpr const char* kCleanup = "customresourcecleanup.apiextensions.k8s.io";

Json condition(const std::string& type, const std::string& reason, const std::string& message,
               const std::string& now) {
  return {{"type", type},
          {"status", "True"},
          {"reason", reason},
          {"message", message},
          {"lastTransitionTime", now}};
}

std::string storage_version(const Json& crd) {
  for (const Json& version : crd["spec"]["versions"]) {
    if (version.value("storage", false)) return version["name"];
  }
  return "";
}

void add_once(Json& list, const Json& item) {
  if (!list.is_array()) list = Json::array();
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

// The CRD with the status and finalizer that it ought to have.
Json established(Json crd, const std::string& now) {
  Json& status = crd["status"];
  if (!status.is_object()) status = Json::object();
  if (!status.contains("conditions")) {
    status["conditions"] = {condition("NamesAccepted", "NoConflicts", "no conflicts found", now),
                            condition("Established", "InitialNamesAccepted",
                                      "the initial names have been accepted", now)};
  }
  status["acceptedNames"] = crd["spec"]["names"];
  add_once(status["storedVersions"], storage_version(crd));
  add_once(crd["metadata"]["finalizers"], kCleanup);
  return crd;
}

}  // namespace

void ApiServer::Impl::follow_crd(const std::string& name) {
  const TypePtr crds = catalog.find("apiextensions.k8s.io", "customresourcedefinitions");
  const std::size_t dot = name.find('.');
  const std::string plural = name.substr(0, dot), group = name.substr(dot + 1);
  TypePtr type;
  {
    // The state is read under the lock: of two followers of one CRD the later sees the later state.
    const std::lock_guard lock(crd_mutex);
    const RecordPtr record = find({crds, "", name});
    if (record == nullptr) {
      terminating_crds.erase(name);
      catalog.remove(group, plural);
      return;
    }
    const Json crd = Json::parse(record->text);
    if (!crd["metadata"].contains("deletionTimestamp")) {
      catalog.define(crd);
      Json next = established(crd, now_text());
      if (next == crd ||
          store.put(*crds->objects, "", name, record->resource_version, next) == nullptr)
        return;
      catalog.define(next);
      return;
    }
    type = catalog.find(group, plural);
    if (type == nullptr || !terminating_crds.insert(name).second) return;
  }
  const Request request{"DELETE", type->path(), {}, "", true, "", {}};
  handle(request);
  finish_crd_removal(*type);
}

bool ApiServer::Impl::is_terminating(const ResourceType& type) const {
  const std::lock_guard lock(crd_mutex);
  return terminating_crds.count(type.plural + "." + type.group) > 0;
}

// The last of its objects gone, a CRD that is being deleted can go.
void ApiServer::Impl::finish_crd_removal(const ResourceType& type) {
  if (!is_terminating(type) || !store.empty(*type.objects)) return;
  const ObjectKey key{catalog.find("apiextensions.k8s.io", "customresourcedefinitions"), "",
                      type.plural + "." + type.group};
  const RecordPtr record = find(key);
  if (record == nullptr) return;
  Json crd = Json::parse(record->text);
  const Json kept = without(crd["metadata"].value("finalizers", Json::array()), {kCleanup});
  crd["metadata"]["finalizers"] = kept;
  if (kept.empty()) {
    erase(key, record, crd);
  } else {
    put(key, record, crd);
  }
}

}  // namespace devcluster
