// The main job: an nginx that lives in systemd gets a URL, and nothing of it is root on the host.
#include "scenario.hpp"

namespace e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::StartsWith;

constexpr std::uint32_t kFirstForeignId = 65536;  // below are the host's own users

class Serving : public Scenario {};

TEST_F(Serving, AnUnmodifiedNginxAnswersAtItsUrlAndIsNobodyOnTheHost) {
  apply({workload("nginx")});
  const Json ready = await_ready("nginx");
  EXPECT_EQ(ready.at("status").value("ready", ""), "1/1");
  EXPECT_EQ(ready.at("status").value("systemd", ""), "running");
  EXPECT_THAT(stand().head(ready.at("status").at("url")), StartsWith("HTTP/1.1 200 OK"));

  const node::HostView view = init("nginx-0");
  EXPECT_GE(view.host_uid, kFirstForeignId);
  EXPECT_EQ(view.cgroup_owner_uid, view.host_uid);
  EXPECT_THAT(view.namespaces, IsSupersetOf({"user", "pid", "net", "cgroup", "mnt", "ipc", "uts"}));
  EXPECT_EQ(e2e::inside(view.pid, "cat /proc/1/comm; id -u; hostname"), "systemd\n0\nnginx-0");
  EXPECT_EQ(e2e::inside(view.pid, "systemctl is-system-running; systemctl is-active nginx"),
            "running\nactive");
}

}  // namespace
}  // namespace e2e
