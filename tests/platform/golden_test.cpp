// The strategy of every generation × what its nodes say × what is wished, as one reviewed file for
// each generation. UPDATE_GOLDEN=1 rewrites them.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include "platform/strategy.hpp"

namespace swo::platform {
namespace {

struct Consent {
  const char* name;
  MachineConfigMode mode;      // the administrator's
  const char* machine_config;  // the workload's
};
constexpr const char* kWishes[] = {"Auto", "HostUsers", "Annotation"};
constexpr Consent kConsents[] = {
    {"Apply", MachineConfigMode::kApply, "Auto"},
    {"Preview", MachineConfigMode::kPreview, "Auto"},
    {"Off", MachineConfigMode::kOff, "Auto"},
    {"Unmanaged", MachineConfigMode::kApply, "Unmanaged"},
};

// What the nodes say × what is wished × who consents.
struct Situation {
  CgroupVersion cgroups;
  Tri user_namespaces;
  const char* wish;
  Consent consent;
};

std::vector<Situation> all_situations() {
  std::vector<Situation> all;
  for (const auto cgroups : {CgroupVersion::kV1, CgroupVersion::kV2, CgroupVersion::kUnknown}) {
    for (const auto user_namespaces : {Tri::kYes, Tri::kNo, Tri::kUnknown}) {
      for (const char* wish : kWishes) {
        for (const Consent& consent : kConsents) {
          all.push_back({cgroups, user_namespaces, wish, consent});
        }
      }
    }
  }
  return all;
}

const char* text(CgroupVersion version) {
  return version == CgroupVersion::kV1 ? "v1" : version == CgroupVersion::kV2 ? "v2" : "unknown";
}
const char* text(Tri tri) { return tri == Tri::kYes ? "yes" : tri == Tri::kNo ? "no" : "unknown"; }
const char* text(CgroupsBy by) {
  return by == CgroupsBy::kNothing      ? "nothing"
         : by == CgroupsBy::kCgroupMode ? "cgroupMode"
                                        : "kernelArguments";
}

// What every node says of itself. Unknown also hides what their pools tell.
Facts with_nodes(Facts facts, CgroupVersion cgroups, Tri user_namespaces) {
  for (NodeFacts& node : facts.nodes) {
    node.cgroups = cgroups;
    node.cgroups_source = cgroups == CgroupVersion::kUnknown ? "" : "kubelet_cgroup_version";
    node.user_namespaces = user_namespaces;
  }
  if (cgroups == CgroupVersion::kUnknown) {
    for (PoolFacts& pool : facts.pools) {
      pool.kernel_arguments.reset();
      pool.crio_user_namespaces = Tri::kUnknown;
    }
  }
  return facts;
}

std::string in_short(const std::vector<Blocker>& blockers) {
  std::string out;
  for (const Blocker& blocker : blockers) {
    out += (out.empty() ? "" : ",") + blocker.reason + (blocker.holds_pods ? "!" : "") +
           (blocker.waiting ? "~" : "");
  }
  return out.empty() ? "-" : out;
}

std::string in_short(const Strategy& strategy) {
  std::ostringstream out;
  out << (strategy.user_namespace == UserNamespaceVia::kHostUsers ? "hostUsers" : "annotation")
      << " cgroups-by=" << text(strategy.cgroups) << " config=";
  if (strategy.machine_config) {
    out << (strategy.machine_config->kernel_arguments ? "args" : "")
        << (strategy.machine_config->crio_files ? "+files" : "")
        << (strategy.machine_config->crio_runtime_table ? "(runtime)" : "");
  } else {
    out << "-";
  }
  out << (strategy.may_write_node_settings ? " write" : " leave")
      << " blockers=" << in_short(strategy.blockers) << " warnings=" << in_short(strategy.warnings);
  return out.str();
}

std::string at_length(const Strategy& strategy) {
  std::ostringstream out;
  for (const Reason& reason : strategy.reasons) {
    out << reason.topic << ": " << reason.text << "\n";
  }
  for (const Blocker& blocker : strategy.blockers) {
    out << "BLOCKER " << blocker.reason << (blocker.detail.empty() ? "" : " ") << blocker.detail
        << ": " << blocker.message << "\n";
  }
  for (const Blocker& warning : strategy.warnings) {
    out << "WARNING " << warning.reason << ": " << warning.message << "\n";
  }
  out << "Pod:" << (strategy.use_scc ? " scc" : "")
      << (strategy.scc_user_namespace_level ? " userNamespaceLevel" : "")
      << (strategy.ping_group_range_sysctl ? " ping_group_range" : "")
      << (strategy.selinux_type ? " container_init_t" : "")
      << (strategy.runtime_mounts ? " runtime-mounts" : "") << (strategy.host_route ? " route" : "")
      << (strategy.in_place_resize ? " resize" : "")
      << (strategy.evict_unhealthy ? " evict-unhealthy" : "") << "\n";
  return out.str();
}

Strategy decide_in(const Situation& situation, const Facts& facts) {
  api::Workload workload;
  workload.spec.route.emplace();
  workload.spec.platform.user_namespace = situation.wish;
  workload.spec.platform.machine_config = situation.consent.machine_config;
  return decide(workload, with_nodes(facts, situation.cgroups, situation.user_namespaces),
                situation.consent.mode);
}

std::string summary(const std::string& name) {
  const Facts facts = *well_known_generation(name);
  api::Workload workload;
  workload.spec.route.emplace();
  std::ostringstream out;
  out << "# " << facts.generation() << "\n"
      << at_length(decide(workload, facts, MachineConfigMode::kApply))
      << "\n# cgroups userns wish consent → strategy (! holds Pods, ~ passes by itself)\n";
  for (const Situation& one : all_situations()) {
    out << text(one.cgroups) << " " << text(one.user_namespaces) << " " << one.wish << " "
        << one.consent.name << " → " << in_short(decide_in(one, facts)) << "\n";
  }
  return out.str();
}

std::string first_difference(const std::string& golden, const std::string& now) {
  std::istringstream left(golden);
  std::istringstream right(now);
  std::string was;
  std::string is;
  for (int line = 1; left || right; ++line) {
    was = is = "";
    std::getline(left, was);
    std::getline(right, is);
    if (was != is) {
      return "line " + std::to_string(line) + "\n  was: " + was + "\n  is:  " + is;
    }
  }
  return "";
}

class EveryGeneration : public testing::TestWithParam<std::string> {};

TEST_P(EveryGeneration, DecidesAsItsGoldenFileSays) {
  const std::filesystem::path path =
      std::filesystem::path(SWO_SOURCE_DIR) / "tests/platform/golden" / (GetParam() + ".txt");
  const std::string now = summary(GetParam());
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << now;
  }
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(first_difference(golden.str(), now), "") << "UPDATE_GOLDEN=1 rewrites " << path;
}

// A gate on what no option may bring about, whatever the nodes say.
TEST_P(EveryGeneration, KeepsItsPromises) {
  const Facts facts = *well_known_generation(GetParam());
  const bool openshift = facts.openshift.has_value();
  for (const Situation& one : all_situations()) {
    const Strategy strategy = decide_in(one, facts);
    if (!openshift || *facts.openshift >= Version{4, 19, 0}) {
      EXPECT_EQ(strategy.machine_config, std::nullopt);
      EXPECT_EQ(strategy.cgroups, CgroupsBy::kNothing);
    }
    if (one.consent.name != std::string("Apply")) {
      EXPECT_FALSE(strategy.may_write_node_settings);
    }
    if (strategy.machine_config || strategy.cgroups == CgroupsBy::kCgroupMode) {
      EXPECT_FALSE(strategy.blockers.empty()) << "nothing of it is in force yet";
    }
    for (const Blocker& blocker : strategy.blockers) {
      EXPECT_THAT(blocker.reason, testing::MatchesRegex("[A-Z][A-Za-z0-9]+"));
      EXPECT_GT(blocker.message.size(), 30U);
    }
    EXPECT_FALSE(strategy.reasons.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, EveryGeneration, testing::ValuesIn(well_known_generations()),
                         [](const auto& param_info) {
                           std::string name = param_info.param;
                           for (char& c : name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace swo::platform
