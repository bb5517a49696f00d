// /metrics over HTTPS, for those whom the cluster lets read it: TokenReview says who asks,
// SubjectAccessReview whether "get" on the non-resource URL /metrics is granted.
//
// As controller-runtime pkg/metrics/filters (WithAuthenticationAndAuthorization). The operator
// needs "create" on tokenreviews.authentication.k8s.io and
// subjectaccessreviews.authorization.k8s.io.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "kube/client.hpp"
#include "kube/guarded.hpp"
#include "runtime/clock.hpp"
#include "runtime/rest_listener.hpp"

namespace swo::runtime {

// Thread-safe. Answers are remembered for a minute by the token's SHA-256; tokens themselves are
// not kept.
class MetricsAuthorizer {
 public:
  static constexpr std::chrono::minutes kRemembered{1};
  // A table of that many answers starts anew. Who is let in has one apart: random tokens push out
  // nobody's but each other's.
  static constexpr std::size_t kMaxAnswers = 1000;

  // Both must outlive it. `clock` nullptr: the machine's.
  explicit MetricsAuthorizer(kube::Client& client, const Clock* clock = nullptr);

  // 200, 401 (no or a bad token), 403 (not granted), 503 (the API server could not be asked, or is
  // being asked about another token, and this one has not been let in before).
  int decide(std::string_view authorization_header, std::string_view path);

 private:
  struct Answer {
    int status = 0;
    Instant until{};
  };
  using Table = std::unordered_map<std::string, Answer>;  // by digest
  struct Answers {
    Table allowed;  // also what has run out: who was let in waits for another's turn to end
    Table refused;
  };
  int ask(const std::string& token, std::string_view path);
  void remember(std::string key, const Answer& answer);

  kube::Client& client_;
  const Clock& clock_;
  kube::Guarded<Answers> answers_;
  std::mutex asking_;
};

class MetricsServer {
 public:
  MetricsServer(MetricsAuthorizer& authorizer, std::function<std::string()> metrics);

  kube::Status start(const std::string& address, const TlsFiles& tls) {
    return listener_.start(address, &tls);
  }
  void stop() { listener_.stop(); }
  RestResponse handle(const RestRequest& request);

 private:
  MetricsAuthorizer& authorizer_;
  std::function<std::string()> metrics_;
  RestListener listener_;
};

}  // namespace swo::runtime
