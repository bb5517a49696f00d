// Api: the stand-in's own controllers and the tests, as callers within the process.
#include <stdexcept>

#include "devcluster/api_server.hpp"

namespace devcluster {
namespace {

constexpr const char* kMergePatch = "application/merge-patch+json";

Response call(ApiServer& server, const std::string& method, const std::string& target,
              const std::string& body, const std::string& type = "application/json") {
  Request request;
  request.method = method;
  request.target = target;
  request.headers = {{"content-type", type}, {"user-agent", "devcluster"}};
  request.body = body;
  request.trusted = true;
  return server.handle(request).response;
}

Json result(const Response& response) {
  Json body = Json::parse(response.body, nullptr, false);
  if (response.status < 300) return body;
  throw std::runtime_error(body.is_object() ? body.value("message", response.body) : response.body);
}

std::string path_of(const std::string& collection, const std::string& key,
                    const std::string& subresource) {
  const auto [ns, name] = split_key(key);
  return within(collection, ns) + "/" + name + (subresource.empty() ? "" : "/" + subresource);
}

}  // namespace

std::pair<std::string, std::string> split_key(const std::string& key) {
  const auto slash = key.find('/');
  if (slash == std::string::npos) return {"", key};
  return {key.substr(0, slash), key.substr(slash + 1)};
}

std::string within(const std::string& collection, const std::string& ns) {
  if (ns.empty()) return collection;
  const auto slash = collection.rfind('/');
  return collection.substr(0, slash) + "/namespaces/" + ns + collection.substr(slash);
}

std::optional<Json> Api::get(const std::string& collection, const std::string& key) {
  const Response response = call(server_, "GET", path_of(collection, key, ""), "");
  if (response.status == 404) return std::nullopt;
  return result(response);
}

std::vector<Json> Api::list(const std::string& collection, const std::string& query) {
  Json list = result(call(server_, "GET", collection + (query.empty() ? "" : "?" + query), ""));
  return std::move(list["items"].get_ref<Json::array_t&>());
}

Json Api::create(const std::string& collection, const Json& object) {
  return result(call(server_, "POST", collection, object.dump()));
}

Json Api::update(const std::string& collection, const Json& object,
                 const std::string& subresource) {
  return result(call(server_, "PUT",
                     path_of(collection, object.at("metadata").at("name"), subresource),
                     object.dump()));
}

Json Api::merge_patch(const std::string& collection, const std::string& key, const Json& patch,
                      const std::string& subresource) {
  return result(
      call(server_, "PATCH", path_of(collection, key, subresource), patch.dump(), kMergePatch));
}

bool Api::remove(const std::string& collection, const std::string& key, int grace_seconds) {
  const std::string query =
      grace_seconds < 0 ? "" : "?gracePeriodSeconds=" + std::to_string(grace_seconds);
  const Response response = call(server_, "DELETE", path_of(collection, key, "") + query, "");
  if (response.status == 404) return false;
  result(response);
  return true;
}

}  // namespace devcluster
