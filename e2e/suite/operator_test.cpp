// The operator comes and goes; the instances do not notice.
#include <csignal>

#include "scenario.hpp"

namespace e2e {
namespace {

using ::testing::StartsWith;

class Operator : public Scenario {
 protected:
  // What would change if an instance were disturbed: Pod and process.
  std::string identity(const std::string& name) {
    const Json found = pod(name);
    const node::HostView view = init(name);
    return found.at("metadata").at("uid").get<std::string>() + " " + std::to_string(view.pid) +
           " " + start_time(view.pid) + " restarts " +
           found.at("status").at("containerStatuses").at(0).at("restartCount").dump();
  }
};

TEST_F(Operator, KilledAndStartedAgainItDisturbsNoInstance) {
  apply({workload("nginx", {{"replicas", 2}})});
  const Json ready = await_ready("nginx");
  const std::string url = ready.at("status").at("url");
  const std::vector<std::string> before{identity("nginx-0"), identity("nginx-1")};

  EXPECT_EQ(stand().operator_process().stop(SIGKILL), 128 + SIGKILL);
  EXPECT_THAT(stand().head(url), StartsWith("HTTP/1.1 200 OK"));
  apply({workload("meanwhile")});  // once this one is served, the operator has seen all
  stand().start_operator({});
  await_ready("meanwhile");
  EXPECT_EQ(before, (std::vector<std::string>{identity("nginx-0"), identity("nginx-1")}));
  EXPECT_THAT(before[0], ::testing::EndsWith(" restarts 0"));
  EXPECT_THAT(stand().head(url), StartsWith("HTTP/1.1 200 OK"));
}

}  // namespace
}  // namespace e2e
