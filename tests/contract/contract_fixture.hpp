// What the contract's scenarios speak: requests as text, answers as JSON, in a namespace and with a
// resource type of their own, made once for the program and removed at its end.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/json.hpp"
#include "cluster_under_test.hpp"

namespace swo::contract {

struct Answer {
  int status = 0;  // 0: none came
  Json body;
  std::string header_retry_after;
  std::string reason() const { return body.is_object() ? body.value("reason", "") : ""; }
  std::string message() const { return body.is_object() ? body.value("message", "") : ""; }
};

Answer call(const std::string& method, const std::string& target, const Json& body = nullptr,
            const std::string& content_type = "application/json",
            const std::string& accept = "application/json");
Answer get(const std::string& target);
Answer post(const std::string& target, const Json& body);
Answer put(const std::string& target, const Json& body);
Answer merge(const std::string& target, const Json& patch);
Answer remove(const std::string& target, const Json& options = nullptr);
// Server-side apply as `manager`.
Answer apply(const std::string& target, const Json& object, const std::string& manager,
             bool force = false);

std::uint64_t version_of(const Json& object);
std::string uid_of(const Json& object);

// An open watch: its events as "ADDED name", in order.
class Watch {
 public:
  explicit Watch(const std::string& target);
  int status() const { return status_; }
  // The next event as it came; null after half a minute without one.
  Json next();
  std::string next_summary();

 private:
  int status_ = 0;
  std::unique_ptr<kube::ByteStream> stream_;
  std::string pending_;
};

inline const std::string crds_path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
// The namespace of the program's own.
const std::string& ns();
std::string maps();    // its ConfigMaps
std::string probes();  // its objects of the type of the test's own: contract.example.com/v1 Probe
Json config_map(const std::string& name, const std::string& value = "1");
Json probe(const std::string& name, const Json& spec);

class Contract : public testing::Test {
 protected:
  // A name that no other scenario uses.
  static std::string name(const std::string& base);
  ClusterUnderTest& cluster() { return cluster_under_test(); }
};

}  // namespace swo::contract
