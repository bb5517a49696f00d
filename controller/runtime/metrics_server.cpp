#include "runtime/metrics_server.hpp"

#include <array>
#include <utility>

#include <openssl/sha.h>

#include "runtime/health_server.hpp"
#include "runtime/log.hpp"

namespace swo::runtime {
namespace {

constexpr kube::ResourceType kTokenReview{"authentication.k8s.io", "v1", "tokenreviews",
                                          "TokenReview", false};
constexpr kube::ResourceType kAccessReview{"authorization.k8s.io", "v1", "subjectaccessreviews",
                                           "SubjectAccessReview", false};

std::string digest(std::string_view token, std::string_view path) {
  std::string text = std::string(path) + '\n' + std::string(token);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
  return {hash.begin(), hash.end()};
}

// The status of a review; null when there is none.
Json status_of(const kube::Written& review) {
  Json body = Json::parse(review.body, nullptr, false);
  return body.is_object() ? body.value("status", Json()) : Json();
}

bool is_true(const Json& status, const char* name) {
  return status.is_object() && status.contains(name) && status[name] == true;
}

}  // namespace

MetricsAuthorizer::MetricsAuthorizer(kube::Client& client, const Clock* clock)
    : client_(client), clock_(clock != nullptr ? *clock : system_clock()) {}

int MetricsAuthorizer::decide(std::string_view authorization_header, std::string_view path) {
  constexpr std::string_view kBearer = "Bearer ";
  if (!authorization_header.starts_with(kBearer)) return 401;
  std::string token(authorization_header.substr(kBearer.size()));
  if (token.empty()) return 401;
  std::string key = digest(token, path);
  Instant now = clock_.now();
  {
    auto answers = answers_.lock();
    auto known = answers->find(key);
    if (known != answers->end() && now < known->second.until) return known->second.status;
  }
  // One at a time: an API server that does not answer must not hold every thread of the pool, which
  // serves the kubelet's probes as well.
  const std::unique_lock asking(asking_, std::try_to_lock);
  if (!asking) return 503;
  int status = ask(token, path);
  if (status == 503) return status;
  auto answers = answers_.lock();
  if (answers->size() >= kMaxAnswers) answers->clear();
  (*answers)[key] = Answer{status, now + kRemembered};
  return status;
}

int MetricsAuthorizer::ask(const std::string& token, std::string_view path) {
  auto who = client_.create(kTokenReview,
                            Json{{"apiVersion", "authentication.k8s.io/v1"},
                                 {"kind", "TokenReview"},
                                 {"spec", {{"token", token}}}},
                            "");
  if (!who) {
    log::warning("a token could not be reviewed", {{"error", who.error().message}});
    return 503;
  }
  Json authentication = status_of(*who);
  if (!is_true(authentication, "authenticated")) return 401;

  Json spec{{"nonResourceAttributes", {{"path", path}, {"verb", "get"}}}};
  const Json user = authentication.value("user", Json::object());
  for (auto [from, to] : {std::pair{"username", "user"}, std::pair{"uid", "uid"},
                          std::pair{"groups", "groups"}, std::pair{"extra", "extra"}}) {
    if (user.is_object() && user.contains(from)) spec[to] = user[from];
  }
  auto may = client_.create(kAccessReview,
                            Json{{"apiVersion", "authorization.k8s.io/v1"},
                                 {"kind", "SubjectAccessReview"},
                                 {"spec", std::move(spec)}},
                            "");
  if (!may) {
    log::warning("access to metrics could not be reviewed", {{"error", may.error().message}});
    return 503;
  }
  return is_true(status_of(*may), "allowed") ? 200 : 403;
}

MetricsServer::MetricsServer(MetricsAuthorizer& authorizer, std::function<std::string()> metrics)
    : authorizer_(authorizer),
      metrics_(std::move(metrics)),
      listener_([this](const RestRequest& request) { return handle(request); }) {}

RestResponse MetricsServer::handle(const RestRequest& request) {
  if (request.path != "/metrics") return {404, "text/plain", "not found\n"};
  if (request.method != "GET") return {405, "text/plain", "only GET\n"};
  int status = authorizer_.decide(request.authorization, request.path);
  if (status != 200) return {status, "text/plain", "not authorised\n"};
  return {200, kMetricsContentType, metrics_()};
}

}  // namespace swo::runtime
