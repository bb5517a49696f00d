#include "render/pod_seed.hpp"

#include <string>

#include "render/common.hpp"
#include "render/pod_systemd.hpp"
#include "render/quantity.hpp"
#include "render/render.hpp"

namespace swo::render {
namespace {

// Outside of all that may be copied.
constexpr std::string_view kSeedDirectory = "/systemd-workload/";

// Arguments: CLAIM:PATH, two directories. POSIX sh, and cp of coreutils: -a keeps owners, modes,
// times and links, -x leaves out what the runtime has mounted below.
constexpr const char* kSeed =
    "set -e\n"
    "for seed do\n"
    "  claim=${seed%%:*} path=${seed#*:}\n"
    "  mark=$claim/.systemd-workload-seeding\n"
    "  if [ ! -e \"$mark\" ]; then\n"
    "    for entry in \"$claim\"/* \"$claim\"/.[!.]* \"$claim\"/..?*; do\n"
    "      case $entry in (*/lost+found) continue ;; esac\n"
    "      if [ -e \"$entry\" ] || [ -L \"$entry\" ]; then continue 2; fi\n"
    "    done\n"
    "    : >\"$mark\"\n"
    "  fi\n"
    "  if [ -d \"$path\" ]; then cp -ax \"$path/.\" \"$claim\"; fi\n"
    "  sync -f \"$claim\"\n"
    "  rm \"$mark\"\n"
    "done\n";

}  // namespace

Json seed_containers(const api::Workload& workload, const Json& security) {
  const api::Spec& spec = workload.spec;
  Json command = {"/bin/sh", "-c", kSeed, "seed"};
  Json mounts = Json::array();
  for (const api::Claim& claim : spec.storage.claims) {
    if (!claim.seed_from_image) {
      continue;
    }
    const std::string here = std::string(kSeedDirectory) + claim.name;
    command.push_back(here + ":" + claim.mount_path);
    mounts.push_back(claim_mount(claim, here));
  }
  if (mounts.empty()) {
    return Json::array();
  }
  Json container = {{"name", kSeedContainerName},
                    {"image", spec.image},
                    {"command", command},
                    {"securityContext", security},
                    // "No space left on device", in the Pod's status.
                    {"terminationMessagePolicy", "FallbackToLogsOnError"},
                    {"volumeMounts", mounts}};
  set_unless_empty(container, "imagePullPolicy", spec.image_pull_policy);
  // A quota may ask for them, and the Pod's are the larger of the two, so that this costs nothing.
  set_unless_empty(container, "resources", canonical_resources(spec.resources));
  return Json::array({container});
}

}  // namespace swo::render
