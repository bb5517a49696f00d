// A spec of any content: read, judged, and where it is valid rendered for old and new clusters.
#include "render/render.hpp"

#include <string>
#include <variant>

#include "api/workload.hpp"
#include "platform/strategy.hpp"
#include "render/yaml.hpp"
#include "target.hpp"

namespace {

using swo::Json;
using swo::fuzz::require;
namespace api = swo::api;
namespace platform = swo::platform;
namespace render = swo::render;

void render_on(const char* generation, const api::Workload& workload) {
  const auto facts = platform::well_known_generation(generation);
  const platform::Strategy strategy =
      platform::decide(workload, *facts, platform::MachineConfigMode::kApply);
  const auto objects = render::everything(workload, strategy);
  require(!objects.empty(), "a workload is something");
  const auto read = render::read_yaml(render::to_yaml(objects));
  require(std::holds_alternative<std::vector<Json>>(read), "what is rendered can be read");
  require(std::get<std::vector<Json>>(read) == objects, "and reads as it was");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Json spec =
      Json::parse(swo::fuzz::text_of(data, size), nullptr, /*allow_exceptions=*/false);
  if (spec.is_discarded()) {
    return 0;
  }
  api::unknown_fields(spec);
  const Json object = {
      {"apiVersion", "workloads.systemd-operator.dev/v1alpha1"},
      {"kind", "SystemdWorkload"},
      {"metadata",
       {{"name", "nginx"}, {"namespace", "web"}, {"uid", "11111111-2222-3333-4444-555555555555"}}},
      {"spec", spec}};
  const auto parsed = api::parse_workload(object);
  if (const auto* fault = std::get_if<api::FieldError>(&parsed)) {
    require(!fault->message().empty(), "a fault says what is wrong");
    return 0;
  }
  const api::Workload& workload = std::get<api::Workload>(parsed);
  const Json again = api::to_json(workload.spec);
  const auto reread = api::parse_spec(again);
  require(std::holds_alternative<api::Spec>(reread) &&
              api::to_json(std::get<api::Spec>(reread)) == again,
          "a spec that is written reads as it was");
  if (!api::validate(workload).empty()) {
    return 0;
  }
  for (const char* generation :
       {"openshift-4.8", "openshift-4.20", "kubernetes-1.33", "kubernetes-1.33-containerd"}) {
    render_on(generation, workload);
  }
  return 0;
}
