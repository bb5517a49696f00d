// A node full of systemds.
#include <fstream>
#include <map>
#include <set>

#include "scenario.hpp"

namespace e2e {
namespace {

using ::testing::StartsWith;

constexpr const char* kLimit = "/proc/sys/fs/inotify/max_user_instances";
// A booted systemd holds six or seven inotify instances, charged to the node's root too.
constexpr int kInstancesEach = 8;

int limit_now() {
  int limit = 0;
  std::ifstream(kLimit) >> limit;
  return limit;
}

// Raises the node's inotify limit for as long as it lives. A shell on a pipe of ours puts the old
// value back, so that it comes back however this program ends.
class RaisedLimit {
 public:
  explicit RaisedLimit(int wanted) : before_(limit_now()) {
    if (before_ >= wanted) return;
    auto [read_end, write_end] = node::make_pipe();
    keeper_ = node::spawn(
        {.argv = {"sh", "-c", "cat; echo \"$0\" >\"$1\"", std::to_string(before_), kLimit},
         .env = {},
         .fds = {{0, read_end.get()}}});
    lifeline_ = std::move(write_end);
    std::ofstream(kLimit) << wanted;
  }
  ~RaisedLimit() {
    if (!lifeline_) return;
    lifeline_.reset();
    node::wait_for(keeper_);
  }
  RaisedLimit(const RaisedLimit&) = delete;
  RaisedLimit& operator=(const RaisedLimit&) = delete;

 private:
  int before_;
  pid_t keeper_ = 0;
  node::Fd lifeline_;
};

class Many : public Scenario {};

TEST_F(Many, TwentyWorkloadsBootAtOnceEachAsAUserOfItsOwnAndGo) {
  constexpr int kWanted = 20;
  constexpr seconds kAllBoots{180};
  const RaisedLimit raised(2 * kWanted * kInstancesEach);
  const int count =
      std::min(kWanted, limit_now() / kInstancesEach);  // all, unless /proc is read-only
  std::vector<Json> all;
  for (int i = 0; i < count; ++i) all.push_back(workload("w" + std::to_string(i)));
  apply(all);

  std::map<std::string, std::string> urls;
  Watch(stand(), workloads())
      .until(
          [&](const Json& seen) {
            if (is_ready(seen)) {
              urls[seen.at("metadata").at("name")] = seen.at("status").at("url");
            }
            return static_cast<int>(urls.size()) == count;
          },
          kAllBoots);
  ASSERT_EQ(static_cast<int>(urls.size()), count);
  std::set<std::uint32_t> owners;
  for (const auto& [name, url] : urls) {
    EXPECT_THAT(stand().head(url), StartsWith("HTTP/1.1 200 OK")) << name << " " << url;
    owners.insert(init(name + "-0").host_uid);
  }
  EXPECT_EQ(static_cast<int>(owners.size()), count);
  EXPECT_EQ(owners.count(0), 0U);

  stand().kubectl({"delete", "sdw", "-n", ns(), "--all"});
  stand().kubectl({"wait", "--for=delete", "-n", ns(), "pods", "--all", "--timeout=180s"}, false);
  EXPECT_THAT(stand().get(pods()).at("items"), ::testing::IsEmpty());
}

}  // namespace
}  // namespace e2e
