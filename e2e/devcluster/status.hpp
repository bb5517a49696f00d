// metav1.Status: how the API server says no.
//
// Inside the server a refusal travels as an exception; ApiServer::handle() turns it into the
// response. Reasons, codes and wording: apimachinery pkg/api/errors/errors.go.
#pragma once

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "devcluster/http.hpp"

namespace devcluster {

using Json = nlohmann::json;

struct Cause {
  std::string reason, message, field;
};

// What a message is about: "routes.route.openshift.io" "web".
struct Subject {
  std::string group, resource, kind, name;
  std::string qualified() const { return group.empty() ? resource : resource + "." + group; }
};

class Refusal : public std::exception {
 public:
  Refusal(int code, std::string reason, std::string message, Json details = nullptr);
  const char* what() const noexcept override { return message_.c_str(); }
  int code() const { return code_; }
  const std::string& reason() const { return reason_; }
  void add_cause(const Cause& cause);
  // metadata.continue of a 410 on a list.
  void continue_with(std::string token) { continue_ = std::move(token); }
  Json status() const;
  Response response() const;

 private:
  int code_;
  std::string reason_, message_, continue_;
  Json details_;
};

Refusal bad_request(const std::string& message);
Refusal not_found(const Subject& subject);
Refusal no_such_path();
Refusal already_exists(const Subject& subject);
Refusal conflict(const Subject& subject, const std::string& why);
Refusal modified(const Subject& subject);  // the conflict of a write that comes too late
Refusal forbidden(const Subject& subject, const std::string& why);
Refusal expired(const std::string& message);
// `causes` become `X "y" is invalid: a: m1` or `…: [a: m1, b: m2]`.
Refusal invalid(const Subject& subject, const std::vector<Cause>& causes);
Refusal not_implemented(const std::string& what);

Json success_status(const Subject& subject, const std::string& uid);
Response json_response(int status, std::string body);
Response json_line(int status, const Json& body);

}  // namespace devcluster
