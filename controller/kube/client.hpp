// The verbs of the Kubernetes API, on top of a Transport.
//
// Thread-safe if the transport is. Every call is one request: no retries here, the caller's queue
// has the backoff. Errors come back typed (see result.hpp), with the server's own message.
// Source: kubernetes.io/docs/reference/using-api/api-concepts, …/server-side-apply.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/json.hpp"
#include "kube/resource.hpp"
#include "kube/result.hpp"
#include "kube/transport.hpp"

namespace swo::kube {

// What every write and get returns: the metadata that callers need, projected, and the text.
struct Written {
  std::string uid;
  std::uint64_t resource_version = 0;
  std::int64_t generation = 0;
  std::string body;  // the object, as sent by the server
};

// The {} let callers name the fields they set ({.uid = …}) under -Wmissing-field-initializers.
struct ListOptions {
  std::string label_selector{};
  std::string field_selector{};
  std::uint32_t limit = 500;  // page size; 0 = unpaged
  std::string continue_token{};
};

struct ApplyOptions {
  std::string_view field_manager{};
  bool force = true;  // take over fields of other managers
  bool dry_run = false;
  // kConflict, and nothing is changed, where there is an object of that name. In one request: it
  // names a resourceVersion that no object has, which is compared only with an object that is there
  // (apiserver pkg/registry/generic/registry/store.go, Update; the same from 1.21 to 1.36).
  bool only_if_absent = false;
};

struct DeleteOptions {
  std::string uid{};               // precondition; "" = none
  std::string resource_version{};  // precondition; "" = none
  std::optional<std::int64_t> grace_period_seconds{};
  std::string propagation_policy{};  // "" = the server's default
};

class Client {
 public:
  explicit Client(Transport& transport) : transport_(transport) {}

  Result<Json> get(const ResourceType& type, const ObjectKey& key);
  // One page, as text: project it with project_list() of projection.hpp.
  Result<std::string> list_page(const ResourceType& type, std::string_view ns,
                                const ListOptions& options);
  Result<Written> create(const ResourceType& type, const Json& object,
                         std::string_view field_manager, bool dry_run = false);
  // Server-side apply; `object` names itself. Creates it when it is not there.
  Result<Written> apply(const ResourceType& type, const Json& object, const ApplyOptions& options);
  // Server-side apply of the status through /status.
  Result<Written> apply_status(const ResourceType& type, const Json& object,
                               const ApplyOptions& options);
  // RFC 7386 merge patch; subresource "" or "status", "scale", "resize".
  Result<Written> merge_patch(const ResourceType& type, const ObjectKey& key, const Json& patch,
                              std::string_view field_manager, std::string_view subresource = "");
  // The same with lists merged by their keys (kubernetes docs, "strategic merge patch"); only for
  // types that are built in.
  Result<Written> strategic_merge_patch(const ResourceType& type, const ObjectKey& key,
                                        const Json& patch, std::string_view field_manager,
                                        std::string_view subresource = "");
  // PUT with the resourceVersion that `object` carries: kConflict when it is not the latest.
  Result<Written> replace(const ResourceType& type, const Json& object,
                          std::string_view subresource = "");
  Status remove(const ResourceType& type, const ObjectKey& key, const DeleteOptions& options);
  // The last `tail_lines` lines of a container's log, at most `limit_bytes`.
  Result<std::string> pod_log(const ObjectKey& pod, std::string_view container, bool previous,
                              int tail_lines, int limit_bytes);
  // Any GET that is not a resource: /version, /apis/…, a node's proxied metrics.
  Result<std::string> get_raw(std::string_view path);
  Transport& transport() { return transport_; }

 private:
  Transport& transport_;
};

// Turns an answer of status ≥ 400 into the typed Error, from its metav1.Status body where it has
// one.
Error error_from(const HttpResponse& response);

}  // namespace swo::kube
