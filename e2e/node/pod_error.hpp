// Why a container could not be had, as the kubelet words it.
#pragma once

#include <stdexcept>
#include <string>

namespace node {

inline constexpr const char* kConfigError = "CreateContainerConfigError";

class PodError : public std::runtime_error {
 public:
  // `reason` is the container's waiting reason: ErrImagePull, CreateContainerConfigError, …
  PodError(std::string reason, const std::string& message)
      : std::runtime_error(message), reason_(std::move(reason)) {}
  const std::string& reason() const { return reason_; }

 private:
  std::string reason_;
};

}  // namespace node
