#include "documents.hpp"

#include <stdexcept>

#include <yaml-cpp/yaml.h>

namespace swo::api_test {
namespace {

// YAML's core schema, as far as the files use it: quoted scalars are text.
Json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;
  const Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_number() || value.is_boolean() ? value : Json(text);
}

Json to_json(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return scalar(node);
    case YAML::NodeType::Sequence: {
      Json list = Json::array();
      for (const auto& item : node) list.push_back(to_json(item));
      return list;
    }
    case YAML::NodeType::Map: {
      Json map = Json::object();
      for (const auto& entry : node) map[entry.first.Scalar()] = to_json(entry.second);
      return map;
    }
    default:
      return nullptr;
  }
}

const Json& version() { return crd().at("spec").at("versions").at(0); }

}  // namespace

std::vector<Json> read_yaml(const std::string& path) {
  std::vector<Json> documents;
  try {
    for (const auto& node : YAML::LoadAllFromFile(std::string(SWO_SOURCE_DIR) + "/" + path)) {
      documents.push_back(to_json(node));
    }
  } catch (const std::exception& error) {
    throw std::runtime_error(path + ": " + error.what());
  }
  return documents;
}

const Json& crd() {
  static const Json kCrd =
      read_yaml("crds/workloads.systemd-operator.dev_systemdworkloads.yaml").at(0);
  return kCrd;
}

const Json& schema() { return version().at("schema").at("openAPIV3Schema"); }
const Json& spec_schema() { return schema().at("properties").at("spec"); }
const Json& status_schema() { return schema().at("properties").at("status"); }

Json workload_of(Json spec) {
  return {{"apiVersion", "workloads.systemd-operator.dev/v1alpha1"},
          {"kind", "SystemdWorkload"},
          {"metadata", {{"name", "nginx"}, {"namespace", "web"}}},
          {"spec", std::move(spec)}};
}

Json full_spec() { return read_yaml("tests/api/full.yaml").at(0).at("spec"); }

}  // namespace swo::api_test
