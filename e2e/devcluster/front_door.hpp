// The way from this machine to what Routes and Ingresses expose: a small HTTP proxy on loopback
// that finds Route → Service → Pod by the Host header, as the cluster's router does.
//
// One thread per connection, at most kMostConnections at a time; plain HTTP. A host that no Route
// has, or whose Pods are not ready, is answered with 503, as OpenShift's router answers.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "devcluster/api_server.hpp"

namespace devcluster {

class FrontDoor {
 public:
  static constexpr int kMostConnections = 64;
  // A connected socket into a Pod's network, or -1.
  using Connect = std::function<int(const std::string& pod_uid, int port)>;

  // std::runtime_error when the port cannot be had; 0 takes a free one.
  FrontDoor(ApiServer& server, Connect connect, int port);
  ~FrontDoor();
  FrontDoor(const FrontDoor&) = delete;
  FrontDoor& operator=(const FrontDoor&) = delete;

  int port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace devcluster
