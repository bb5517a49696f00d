// The API server that the contract is held against: the devcluster in this process, unless one of
// these is set:
// USE_EXISTING_CLUSTER=true: the cluster that KUBECONFIG names. A namespace and a CRD of the test's
// own are made in it, and the SystemdWorkload's where it is missing; all that was made is removed
// at the end. (Both names are those of controller-runtime's envtest. KUBECONFIG alone is not
// enough: a test must not surprise anybody's cluster.) KUBEBUILDER_ASSETS: a folder with etcd and
// kube-apiserver, which are started for the test.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "kube/client.hpp"
#include "kube/transport.hpp"
#include "kube/watcher.hpp"

namespace swo::contract {

class ClusterUnderTest {
 public:
  virtual ~ClusterUnderTest() = default;
  virtual kube::Transport& transport() = 0;
  // Whether garbage collector and namespace controller run (not with kube-apiserver alone).
  virtual bool has_controllers() const = 0;
  virtual bool has_kubelet() const { return has_controllers(); }
  // Whether x-kubernetes-validations are evaluated.
  virtual bool has_cel() const { return true; }
  // Forgets the history of objects; false: it cannot be made to.
  virtual bool compact() { return false; }
  // Lets some time pass: virtually, or really.
  virtual void pass_time() = 0;
  virtual kube::Instant now() const { return std::chrono::steady_clock::now(); }

  // False when it has not come true in half a minute of the cluster's time.
  bool until(const std::function<bool()>& done);
};

// Made once per program. std::runtime_error says what is missing.
ClusterUnderTest& cluster_under_test();

// etcd and kube-apiserver from that folder.
std::unique_ptr<ClusterUnderTest> start_control_plane(const std::string& folder);

}  // namespace swo::contract
