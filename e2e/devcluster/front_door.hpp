// The way from this machine to what Routes and Ingresses expose: a small proxy on loopback that
// finds Route → Service → Pod by the Host header or, with TLS, by the name that the client asks for
// (SNI), as the cluster's router does. Both come to the same port.
//
// TLS goes through to the Pod (passthrough), or ends here (edge, reencrypt) with a certificate that
// no client knows: the Secret that a Route or Ingress may name is not read. A host that nothing
// exposes, or whose Pods are not ready, is answered with 503, as OpenShift's router answers.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "devcluster/api_server.hpp"
#include "devcluster/certificates.hpp"

namespace devcluster {

class FrontDoor {
 public:
  // A connected socket into a Pod's network, or -1.
  using Connect = std::function<int(const std::string& pod_uid, int port)>;

  // std::runtime_error when the port cannot be had; 0 takes a free one. `own` is shown where TLS
  // ends here.
  FrontDoor(ApiServer& server, Connect connect, const Certificate& own, int port);
  ~FrontDoor();
  FrontDoor(const FrontDoor&) = delete;
  FrontDoor& operator=(const FrontDoor&) = delete;

  int port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace devcluster
