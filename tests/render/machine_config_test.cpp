// The MachineConfig says to each generation's nodes what was decided for them, in the form that
// their CRI-O obeys; read back as the facts about a cluster read it.
#include <gmock/gmock.h>

#include "platform/projections.hpp"
#include "render/render.hpp"

namespace swo::render {
namespace {

using platform::MachineConfigNeed;
using platform::Tri;
using testing::ElementsAre;

constexpr platform::Version kFirstWithWorkloadClasses{1, 23, 0};

TEST(MachineConfig, AllowsTheAnnotationAsTheCrioOfEachGenerationReadsIt) {
  int rendered = 0;
  for (const std::string& name : platform::well_known_generations()) {
    SCOPED_TRACE(name);
    const platform::Facts facts = *platform::well_known_generation(name);
    const platform::Strategy strategy =
        platform::decide({}, facts, platform::MachineConfigMode::kApply);
    const bool expected = facts.openshift && *facts.openshift < platform::Version{4, 19, 0};
    ASSERT_EQ(strategy.machine_config.has_value(), expected);
    if (!expected) {
      continue;
    }
    ++rendered;
    const auto read = platform::machine_config_facts(machine_config(*strategy.machine_config));
    EXPECT_EQ(read.crio_user_namespaces, Tri::kYes);
    EXPECT_EQ(read.crio_runtime_table,
              *facts.nodes.back().runtime_version < kFirstWithWorkloadClasses)
        << "[crio.runtime.runtimes.runc] before CRI-O 1.23, a workload class from it on";
    if (*facts.openshift < platform::Version{4, 13, 0}) {
      EXPECT_THAT(read.kernel_arguments, ElementsAre("systemd.unified_cgroup_hierarchy=1",
                                                     "cgroup_no_v1=\"all\"", "psi=1"));
    } else {
      EXPECT_THAT(read.kernel_arguments, testing::IsEmpty());
    }
  }
  EXPECT_EQ(rendered, 12) << "OpenShift 4.7 to 4.18";
}

TEST(MachineConfig, OverwritesFilesAndNeverAppendsToThem) {
  const Json config = machine_config({.pool = "worker", .crio_files = true});
  EXPECT_EQ(config["spec"]["config"]["ignition"]["version"], "3.2.0");
  const Json files = config["spec"]["config"]["storage"]["files"];
  ASSERT_EQ(files.size(), 3U);
  for (const Json& file : files) {
    EXPECT_EQ(file["overwrite"], true);
    EXPECT_FALSE(file.contains("append")) << "which the Machine Config Operator refuses";
  }
}

TEST(MachineConfig, DependsOnNothingButTheNeed) {
  const MachineConfigNeed need{.pool = "infra", .kernel_arguments = true, .crio_files = true};
  EXPECT_EQ(machine_config(need).dump(), machine_config(need).dump());
  EXPECT_EQ(machine_config(need)["metadata"]["name"], "99-infra-systemd-workload");
  EXPECT_EQ(machine_config(need)["metadata"]["labels"]["machineconfiguration.openshift.io/role"],
            "infra");
}

}  // namespace
}  // namespace swo::render
