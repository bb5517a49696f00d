// Workloads and strategies as the tests of this folder write them down: as YAML, and as a profile's
// name.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/workload.hpp"
#include "platform/strategy.hpp"
#include "render/render.hpp"
#include "render/yaml.hpp"

namespace swo::render::test {

inline const std::filesystem::path kGolden =
    std::filesystem::path(SWO_SOURCE_DIR) / "tests" / "render" / "golden";

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

inline Json yaml(const std::string& text) {
  const auto read = read_yaml(text);
  if (const auto* error = std::get_if<YamlError>(&read)) {
    throw std::runtime_error("line " + std::to_string(error->line) + ": " + error->text);
  }
  return std::get<std::vector<Json>>(read).at(0);
}

inline api::Workload parse(const Json& object) {
  auto parsed = api::parse_workload(object);
  if (const auto* error = std::get_if<api::FieldError>(&parsed)) {
    throw std::runtime_error(error->message());
  }
  auto workload = std::get<api::Workload>(std::move(parsed));
  if (const auto errors = api::validate(workload); !errors.empty()) {
    throw std::runtime_error(errors.front().message());
  }
  return workload;
}

// A workload "nginx" in namespace "web" with these fields of the spec (YAML) besides the image.
inline api::Workload workload(const std::string& spec = "{}") {
  Json fields = yaml(spec);
  fields["image"] = "quay.io/ftweedal/test-nginx:latest";
  return parse(
      {{"apiVersion", "workloads.systemd-operator.dev/v1alpha1"},
       {"kind", "SystemdWorkload"},
       {"metadata",
        {{"name", "nginx"}, {"namespace", "web"}, {"uid", "11111111-2222-3333-4444-555555555555"}}},
       {"spec", fields}});
}

inline platform::Strategy on(std::string_view profile, const api::Workload& workload) {
  const auto facts = platform::well_known_generation(profile);
  if (!facts) throw std::runtime_error("no such profile: " + std::string(profile));
  return platform::decide(workload, *facts, platform::MachineConfigMode::kApply);
}

inline Json pod_on(std::string_view profile, const std::string& spec = "{}") {
  const api::Workload one = workload(spec);
  return pod(one, on(profile, one), 0);
}

inline const Json& container_of(const Json& pod) { return pod["spec"]["containers"][0]; }

}  // namespace swo::render::test
