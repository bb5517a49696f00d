// The whole of what is rendered, as files to be reviewed like code. UPDATE_GOLDEN=1 writes them
// anew.
#include <cstdlib>
#include <fstream>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "support.hpp"

namespace swo::render::test {
namespace {

struct Case {
  std::string workload;  // golden/WORKLOAD.workload.yaml
  std::string profile;
  friend std::ostream& operator<<(std::ostream& out, const Case& one) {
    return out << one.workload << " on " << one.profile;
  }
};

class Golden : public testing::TestWithParam<Case> {};

TEST_P(Golden, IsWhatTheFileSays) {
  const auto& [name, profile] = GetParam();
  const api::Workload workload = parse(yaml(read_file(kGolden / (name + ".workload.yaml"))));
  const std::string rendered = to_yaml(everything(workload, on(profile, workload)));
  const auto path = kGolden / (name + "." + profile + ".yaml");
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << rendered;
  }
  EXPECT_EQ(rendered, read_file(path)) << "run with UPDATE_GOLDEN=1 and review " << path;
}

TEST_P(Golden, ReadsBackAsItWasRendered) {
  const auto& [name, profile] = GetParam();
  const api::Workload workload = parse(yaml(read_file(kGolden / (name + ".workload.yaml"))));
  const std::vector<Json> rendered = everything(workload, on(profile, workload));
  const auto read = read_yaml(to_yaml(rendered));
  ASSERT_TRUE(std::holds_alternative<std::vector<Json>>(read));
  EXPECT_EQ(std::get<std::vector<Json>>(read), rendered);
}

INSTANTIATE_TEST_SUITE_P(
    Profiles, Golden,
    testing::Values(Case{"nginx", "openshift-4.8"}, Case{"nginx", "openshift-4.13"},
                    Case{"nginx", "openshift-4.16"}, Case{"nginx", "openshift-4.20"},
                    Case{"nginx", "kubernetes-1.33"}, Case{"nginx", "kubernetes-1.33-containerd"},
                    Case{"init", "openshift-4.20"}, Case{"init", "openshift-4.16"},
                    Case{"ipa", "openshift-4.20"}, Case{"ipa", "kubernetes-1.33-containerd"},
                    Case{"gateway", "kubernetes-1.33"}, Case{"placement", "kubernetes-1.33"},
                    Case{"own-scc", "openshift-4.20"}),
    [](const auto& test) {
      std::string name = test.param.workload + "_on_" + test.param.profile;
      for (char& c : name) {
        if (c == '-' || c == '.') c = '_';
      }
      return name;
    });

}  // namespace
}  // namespace swo::render::test
