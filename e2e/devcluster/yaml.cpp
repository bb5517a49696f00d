#include "devcluster/yaml.hpp"

#include <stdexcept>

#include <yaml-cpp/yaml.h>

namespace devcluster {
namespace {

using nlohmann::json;

json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  std::int64_t integer = 0;
  double real = 0;
  const bool numeric = text.find_first_not_of("0123456789+-.eE") == std::string::npos;
  if (numeric && YAML::convert<std::int64_t>::decode(node, integer)) return integer;
  if (numeric && YAML::convert<double>::decode(node, real)) return real;
  return text;
}

json convert(const YAML::Node& node) {
  if (node.IsMap()) {
    json out = json::object();
    for (const auto& pair : node) out[pair.first.Scalar()] = convert(pair.second);
    return out;
  }
  if (node.IsSequence()) {
    json out = json::array();
    for (const auto& item : node) out.push_back(convert(item));
    return out;
  }
  return node.IsScalar() ? scalar(node) : json(nullptr);
}

}  // namespace

json yaml_to_json(const std::string& text) {
  try {
    return convert(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    throw std::runtime_error(error.what());
  }
}

std::vector<json> yaml_documents(const std::string& text) {
  try {
    std::vector<json> out;
    for (const YAML::Node& node : YAML::LoadAll(text)) {
      if (json document = convert(node); !document.is_null()) out.push_back(std::move(document));
    }
    return out;
  } catch (const YAML::Exception& error) {
    throw std::runtime_error(error.what());
  }
}

}  // namespace devcluster
