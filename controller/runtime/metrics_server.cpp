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

constexpr int kAllowed = 200;
constexpr int kUnavailable = 503;

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
  bool let_in_before = false;
  {
    auto answers = answers_.lock();
    for (const Table* table : {&answers->allowed, &answers->refused}) {
      const auto known = table->find(key);
      if (known == table->end()) continue;
      if (now < known->second.until) return known->second.status;
      let_in_before = let_in_before || table == &answers->allowed;
    }
  }
  // One at a time, so that whoever sends random tokens floods neither the API server nor the
  // threads that answer; but who keeps sending them must not keep Prometheus out.
  std::unique_lock asking(asking_, std::defer_lock);
  if (let_in_before) {
    asking.lock();
  } else if (!asking.try_lock()) {
    return kUnavailable;
  }
  const int status = ask(token, path);
  if (status != kUnavailable) remember(std::move(key), {status, now + kRemembered});
  return status;
}

void MetricsAuthorizer::remember(std::string key, const Answer& answer) {
  auto answers = answers_.lock();
  answers->allowed.erase(key);
  answers->refused.erase(key);
  Table& table = answer.status == kAllowed ? answers->allowed : answers->refused;
  if (table.size() >= kMaxAnswers) table.clear();
  table.emplace(std::move(key), answer);
}

int MetricsAuthorizer::ask(const std::string& token, std::string_view path) {
  auto who = client_.create(kTokenReview,
                            Json{{"apiVersion", "authentication.k8s.io/v1"},
                                 {"kind", "TokenReview"},
                                 {"spec", {{"token", token}}}},
                            "");
  if (!who) {
    log::warning("a token could not be reviewed", {{"error", who.error().message}});
    return kUnavailable;
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
    return kUnavailable;
  }
  return is_true(status_of(*may), "allowed") ? kAllowed : 403;
}

MetricsServer::MetricsServer(MetricsAuthorizer& authorizer, std::function<std::string()> metrics)
    : authorizer_(authorizer),
      metrics_(std::move(metrics)),
      listener_([this](const RestRequest& request) { return handle(request); }) {}

RestResponse MetricsServer::handle(const RestRequest& request) {
  if (request.path != "/metrics") return {404, "text/plain", "not found\n"};
  if (request.method != "GET") return {405, "text/plain", "only GET\n"};
  int status = authorizer_.decide(request.authorization, request.path);
  if (status != kAllowed) return {status, "text/plain", "not authorised\n"};
  return {200, kMetricsContentType, metrics_()};
}

}  // namespace swo::runtime
