// The stand-in cluster on a socket, in real time and with its own threads, and the operator as a
// program beside it. Thread-safe but for the operator's start and end.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "devcluster/certificates.hpp"
#include "devcluster/cluster.hpp"
#include "devcluster/http_server.hpp"
#include "files/child.hpp"
#include "files/temporary_folder.hpp"

namespace swo::test {

class Stand {
 public:
  Stand();
  ~Stand();
  Stand(const Stand&) = delete;
  Stand& operator=(const Stand&) = delete;

  devcluster::Api& admin() { return admin_; }
  devcluster::Cluster& cluster() { return cluster_; }
  void drop_connections() { front_->drop_connections(); }

  void start_operator();
  // Its exit status.
  int stop_operator(int signal);
  // What the operators have said so far.
  std::string log() const { return folder_.read("operator.log"); }

  // Looks again whenever something may have changed; false: not within `limit`.
  bool until(const std::function<bool()>& done, std::chrono::seconds limit);

  // Oracle S: the operator's writes that were carried out, "create pods/demo", and how often.
  // Statuses of workloads, Events and Leases are not among them.
  std::map<std::string, int> writes() const;
  // All of them but Events and Leases.
  int write_count() const;

 private:
  void install();
  void note(const devcluster::AuditEvent& event);
  void live(const std::stop_token& stop);

  devcluster::Cluster cluster_;
  devcluster::Api admin_;
  TemporaryFolder folder_;
  std::unique_ptr<devcluster::HttpServer> front_;
  mutable std::mutex mutex_;
  std::condition_variable_any ticked_;
  std::map<std::string, int> writes_;  // guarded by mutex_
  int write_count_ = 0;                // guarded by mutex_
  std::unique_ptr<Child> operator_;
  std::jthread living_;  // last: it ends first
};

}  // namespace swo::test
