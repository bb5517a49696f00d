// For the tests that boot for real: a node, Pods to run on it, and waiting without sleeping.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "node/pod_runtime.hpp"

namespace node::testing {

using std::chrono::seconds;
using Phase = ContainerState::Phase;

// Skips (with how to change it) where Pods cannot run for real or the demo image is not built;
// afterwards fails when anything is left behind.
class RealBoot : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  PodRuntime& node(RuntimeOptions options = {});
  // start() of a Pod whose uid is "pod-1", "pod-2", …; returns the uid.
  std::string start(const Json& pod, const PodRuntime::VolumeContents& contents = {});
  // The state once it is `phase` or will never be; fails the test after a minute.
  ContainerState wait_for(const std::string& uid, Phase phase);
  // Waits until systemd has finished booting and returns what it calls the system then.
  std::string boot(const std::string& uid);
  // Output of a command inside, trailing newline cut.
  std::string sh(const std::string& uid, const std::string& script);
  // sh() again and again until its output contains `wanted`; the last output.
  std::string eventually(const std::string& uid, const std::string& script,
                         const std::string& wanted);
  // Status line and headers of a HEAD request to port 80; empty when nothing answers.
  std::string http_head(const std::string& uid);
  // The log without colours and carriage returns.
  std::string log(const std::string& uid, bool previous = false);

 private:
  std::vector<std::string> left_behind() const;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string state_dir_;
  std::vector<std::string> before_;
  std::unique_ptr<PodRuntime> runtime_;
  int pods_ = 0;
};

// The Pod that is right: hostUsers: false, tty, command /sbin/init, runAsUser 0. `with` is merged
// over the container, `spec` over the Pod's spec.
Json right_pod(const Json& with = Json::object(), const Json& spec = Json::object());

}  // namespace node::testing
