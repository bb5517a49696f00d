#include "kube/result.hpp"

#include <string_view>

namespace swo::kube {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kNotFound:
      return "NotFound";
    case ErrorKind::kConflict:
      return "Conflict";
    case ErrorKind::kAlreadyExists:
      return "AlreadyExists";
    case ErrorKind::kGone:
      return "Gone";
    case ErrorKind::kForbidden:
      return "Forbidden";
    case ErrorKind::kUnauthorized:
      return "Unauthorized";
    case ErrorKind::kInvalid:
      return "Invalid";
    case ErrorKind::kTooManyRequests:
      return "TooManyRequests";
    case ErrorKind::kUnreachable:
      return "Unreachable";
    case ErrorKind::kAmbiguous:
      return "Ambiguous";
    case ErrorKind::kServer:
      return "Server";
    case ErrorKind::kBadResponse:
      return "BadResponse";
    case ErrorKind::kConfig:
      return "Config";
    case ErrorKind::kCancelled:
      return "Cancelled";
  }
  return "Unknown";
}

ErrorKind error_kind(int code, std::string_view reason) {
  if (reason == "Expired" || reason == "Gone") return ErrorKind::kGone;
  switch (code) {
    case 401:
      return ErrorKind::kUnauthorized;
    case 403:
      return ErrorKind::kForbidden;
    case 404:
      return ErrorKind::kNotFound;
    case 409:
      return reason == "AlreadyExists" ? ErrorKind::kAlreadyExists : ErrorKind::kConflict;
    case 410:
      return ErrorKind::kGone;
    case 429:
      return ErrorKind::kTooManyRequests;
    case 408:  // the server gave up waiting for us: worth another try
      return ErrorKind::kServer;
    default:
      return code >= 400 && code < 500 ? ErrorKind::kInvalid : ErrorKind::kServer;
  }
}

}  // namespace swo::kube
