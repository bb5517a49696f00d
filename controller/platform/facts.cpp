#include "platform/facts.hpp"

#include <charconv>

namespace swo::platform {
namespace {

constexpr std::string_view kDigits = "0123456789";

// Reads the number that `text` starts with and takes it off. nullopt: there is none, or it
// overflows.
std::optional<int> take_number(std::string_view& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value < 0) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take_dot(std::string_view& text) {
  if (!text.starts_with('.')) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

std::string minor_text(const Version& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor);
}

}  // namespace

std::optional<Version> parse_version(std::string_view text) {
  const std::size_t start = text.find_first_of(kDigits);
  if (start == std::string_view::npos) {
    return std::nullopt;
  }
  text.remove_prefix(start);
  Version version;
  const auto major = take_number(text);
  if (!major) {
    return std::nullopt;
  }
  version.major = *major;
  if (take_dot(text)) {
    version.minor = take_number(text).value_or(0);
    if (take_dot(text)) {
      version.patch = take_number(text).value_or(0);
    }
  }
  return version;
}

std::string to_string(const Version& version) {
  return minor_text(version) + "." + std::to_string(version.patch);
}

std::optional<Version> Facts::openshift_generation() const {
  if (openshift) {
    return openshift;
  }
  // OpenShift 4.N has been built on Kubernetes 1.(N+13) from 4.3 to 4.21.
  constexpr int kMinorsApart = 13;
  if (has_scc && kubernetes.minor > kMinorsApart) {
    return Version{4, kubernetes.minor - kMinorsApart, 0};
  }
  return std::nullopt;
}

std::string Facts::generation() const {
  const std::string base =
      kubernetes.known() ? "Kubernetes " + minor_text(kubernetes) : "Kubernetes";
  return openshift ? "OpenShift " + minor_text(*openshift) + " (" + base + ")" : base;
}

}  // namespace swo::platform
