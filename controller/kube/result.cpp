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

}  // namespace swo::kube
