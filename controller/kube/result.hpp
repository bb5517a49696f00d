// Errors as values: what an API call can come back with, told apart by what the caller must do.
//
// Result<T> is a T or an Error. Exceptions stay inside the transports; nothing at this border
// throws for what a server or a network can do.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace swo::kube {

enum class ErrorKind {
  kNotFound,         // 404: the object, or the resource type, is not there. Not retried.
  kConflict,         // 409 Conflict: another writer was first (also: a server-side apply conflict).
                     // Observe again.
  kAlreadyExists,    // 409 AlreadyExists. Observe again.
  kGone,             // 410: the resourceVersion or continue token is too old. List again.
  kForbidden,        // 403: RBAC, quota or admission; `message` says which. Backed off.
  kUnauthorized,     // 401: the token or certificate is not accepted. Reread it, then retry.
  kInvalid,          // 422 or 400: the request is wrong; retrying it unchanged is useless.
  kTooManyRequests,  // 429: wait `retry_after`.
  kUnreachable,      // no connection, or it broke before anything was sent: safe to retry.
  kAmbiguous,        // sent, no answer: it may have been applied. Observe before any retry.
  kServer,           // 5xx. Backed off; a write may have been applied.
  kBadResponse,      // the answer is not what the protocol says (truncated, not JSON, too large).
  kConfig,           // kubeconfig or in-cluster files: the message names file and field.
  kCancelled,        // the caller asked to stop.
};

std::string_view to_string(ErrorKind kind);

// What a Status of a server means, be it an answer's or an ERROR event's within a watch (there the
// code may be missing: 0). Codes and reasons of apimachinery pkg/apis/meta/v1/types.go.
ErrorKind error_kind(int code, std::string_view reason);

// One entry of Status.details.causes: "spec.ports[0].port", "FieldValueInvalid", the text.
struct Cause {
  std::string field;
  std::string reason;
  std::string message;
  bool operator==(const Cause&) const = default;
};

// More bytes than these of what another has written (a body that is no Status, the complaint of a
// program) do not go into a message.
inline constexpr std::size_t kMaxExcerpt = 200;

struct Error {
  ErrorKind kind = ErrorKind::kServer;
  int http_status = 0;    // 0 = no answer
  std::string reason{};   // Status.reason, or empty
  std::string message{};  // for a person; never holds a secret
  std::optional<std::chrono::milliseconds> retry_after{};
  std::vector<Cause> causes{};
  bool too_large = false;  // kBadResponse: more bytes than are taken; asked for less, it may fit
  bool operator==(const Error&) const = default;
};

inline Error make_error(ErrorKind kind, std::string message) {
  Error error;
  error.kind = kind;
  error.message = std::move(message);
  return error;
}

struct Ok {};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  explicit operator bool() const { return state_.index() == 0; }
  bool ok() const { return state_.index() == 0; }
  // Undefined unless ok().
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  // Undefined if ok().
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

using Status = Result<Ok>;

}  // namespace swo::kube
