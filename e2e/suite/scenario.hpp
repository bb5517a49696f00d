// What the scenarios share: a stand for as long as tests want the same one, a namespace for each
// test, workloads, and the words of a failure.
//
// Skips where this machine cannot run Pods for real.
#pragma once

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host.hpp"
#include "stand.hpp"

namespace e2e {

class Scenario : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // What the tests of a fixture run on; a stand is made anew only when this differs from the last.
  virtual StandOptions wanted() const { return {}; }
  Stand& stand();
  const std::string& ns() const { return ns_; }

  // Paths of this test's namespace.
  std::string workloads() const;
  std::string pods() const;
  std::string in_namespace(const std::string& plural) const;

  // The seed's nginx as a workload of this test's namespace; `spec` is merged over its spec.
  Json workload(const std::string& name, const Json& spec = Json::object()) const;
  Json object(const char* api_version, const char* kind, const std::string& name,
              const Json& rest) const;
  void apply(const std::vector<Json>& objects) { stand().apply(objects); }

  // Waits until the object's status says so, and returns the object.
  Json await_ready(const std::string& workload);
  Json await_reason(const std::string& workload, const std::string& reason);
  Json pod(const std::string& name) { return stand().get(pods() + "/" + name); }
  // Deletes a Pod, as a person would, and returns the ready one that takes its place.
  Json replaced(const std::string& pod_name);
  // The Pod's PID 1 on the host; fails the test and is 0 in all when there is none.
  node::HostView init(const std::string& pod_name);
  std::string inside(const std::string& pod_name, const std::string& script) {
    return e2e::inside(init(pod_name).pid, script);
  }
  // What `kubectl logs` gets, without colours and carriage returns.
  std::string log(const std::string& pod_name, const std::vector<std::string>& flags = {});
  // What `diagnose --log` says of a text.
  std::string diagnosis_of(const std::string& saved_log);
  // "Reason: message" of the Events about an object.
  std::vector<std::string> events_of(const std::string& name);

 private:
  std::string ns_;
};

// The condition of that type: its status, reason and message in one line; "" when there is none.
std::string condition(const Json& object, const std::string& type);
// Of status.instances, by name; an empty object when there is none.
Json instance(const Json& workload, const std::string& name);
// Of a workload: all of it is ready, as it is now asked for.
bool is_ready(const Json& object);
bool is_ready_pod(const Json& pod);

}  // namespace e2e
