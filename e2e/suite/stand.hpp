// A stand-in cluster and the operator, each as a process of its own, as a person starts them: the
// devcluster program with real Pods, and `systemd-workload-operator run` under the ServiceAccount
// and the rights of config/rbac. The cluster is used through kubectl.
//
// Both programs end with this object, and with this program however it ends. Not thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "files/temporary_folder.hpp"
#include "node/fd.hpp"
#include "node/process.hpp"

namespace e2e {

using Json = nlohmann::json;
using std::chrono::seconds;

// A program that runs beside the test with its output in a file.
class Child {
 public:
  Child(const std::vector<std::string>& argv, const std::string& log);
  ~Child();  // asks it to end, and waits
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  int stop(int signal);  // its exit code, 128 + N when signal N ended it

 private:
  pid_t pid_ = 0;
};

struct StandOptions {
  std::string profile = "openshift-4.20";
  std::vector<std::string> operator_flags = {};
  bool operator==(const StandOptions&) const = default;
};

class Stand {
 public:
  // Empty: this machine can run it; else what is missing, and what to do.
  static std::string unsupported_because();

  explicit Stand(StandOptions options);  // throws std::runtime_error
  ~Stand();

  const StandOptions& options() const { return options_; }
  pid_t devcluster() const { return devcluster_->pid(); }
  Child& operator_process() { return *operator_; }
  void start_operator(const std::vector<std::string>& flags);

  // Output of kubectl; `expect_success`: anything else than exit code 0 is thrown as
  // std::runtime_error.
  std::string kubectl(std::vector<std::string> arguments, bool expect_success = true) const;
  // `kubectl apply` of these objects, as a person would do it.
  void apply(const std::vector<Json>& objects) const;
  // One object by its path; null when there is none.
  Json get(const std::string& path) const;
  // Status line and headers that `curl --head` gets of a URL by the way of Route, Service and Pod.
  // A certificate is taken as it comes.
  std::string head(const std::string& url, const std::vector<std::string>& flags = {}) const;
  // Runs the operator's program with these arguments (diagnose, …).
  node::Finished run_operator(const std::vector<std::string>& arguments) const;

  const std::string& folder() const { return folder_.path(); }
  // What the programs have said, for failed tests.
  std::string logs() const;

 private:
  std::string scratch() const { return folder() + "/tmp"; }
  std::vector<std::string> kubectl_line(std::vector<std::string> arguments) const;
  friend class Watch;

  StandOptions options_;
  swo::test::TemporaryFolder folder_;
  std::unique_ptr<Child> devcluster_, operator_;
  std::string door_;
};

// The course of the objects of one collection, from now on, as the API server tells it. Begins with
// those that are there.
class Watch {
 public:
  // `path` such as "/api/v1/namespaces/demo/pods"; `name`: of one object alone.
  Watch(const Stand& stand, const std::string& path, const std::string& name = "");
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  struct Event {
    std::string type;  // ADDED | MODIFIED | DELETED; "" when nothing came in time
    Json object;
  };
  Event next(std::chrono::steady_clock::time_point deadline);
  // The first object for which `holds` is true. When there is none in time the test fails and the
  // last object seen is returned.
  Json until(const std::function<bool(const Json&)>& holds, seconds limit = seconds(60));
  // Waits until an object is deleted and returns what it was last.
  Json until_gone(seconds limit = seconds(60));

 private:
  std::string path_;
  node::Fd output_;
  pid_t pid_ = 0;
  std::string buffer_;
};

}  // namespace e2e
