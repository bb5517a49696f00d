#include "node/quantity.hpp"

#include <cmath>
#include <string>

#include "node/pod_error.hpp"

namespace node {

double quantity(const nlohmann::json& value) {
  if (value.is_number()) return value.get<double>();
  const std::string text = value.get<std::string>();
  std::size_t used = 0;
  double number = 0;
  try {
    number = std::stod(text, &used);
  } catch (const std::exception&) {
    throw PodError("CreateContainerConfigError", "resources: \"" + text + "\" is no quantity");
  }
  const std::string suffix = text.substr(used);
  if (suffix.empty()) return number;
  if (suffix == "m") return number / 1000;
  static const std::string kPrefixes = "KMGTPE";
  const char prefix = suffix[0] == 'k' ? 'K' : suffix[0];
  const auto power = kPrefixes.find(prefix);
  if (power == std::string::npos || (suffix.size() == 2 && suffix[1] != 'i') || suffix.size() > 2) {
    throw PodError("CreateContainerConfigError", "resources: \"" + text + "\" has an unknown unit");
  }
  return number * std::pow(suffix.size() == 2 ? 1024.0 : 1000.0, static_cast<double>(power) + 1);
}

}  // namespace node
