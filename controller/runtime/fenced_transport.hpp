// Lets no write go on after another replica could lead: the fence of leader election.
//
// A read always passes. A write after the fence is kCancelled without being sent; one before it is
// given up (kAmbiguous) when what is left of the lease is over. The other transport must outlive
// it. Thread-safe if it is.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "kube/transport.hpp"
#include "runtime/clock.hpp"

namespace swo::runtime {

class FencedTransport : public kube::Transport {
 public:
  // `may_write_for` is asked before each write: how long it may take, 0 = it may not begin.
  FencedTransport(kube::Transport& inner, std::function<Milliseconds()> may_write_for)
      : inner_(inner), may_write_for_(std::move(may_write_for)) {}

  kube::Result<kube::HttpResponse> send(const kube::HttpRequest& request) override {
    if (request.method == "GET") return inner_.send(request);
    const Milliseconds left = may_write_for_();
    if (left <= Milliseconds{0}) {
      return kube::make_error(kube::ErrorKind::kCancelled,
                              "not the leader (any more), so nothing is written");
    }
    if (left >= request.timeout) return inner_.send(request);
    kube::HttpRequest shorter = request;
    shorter.timeout = left;
    return inner_.send(shorter);
  }
  kube::Result<std::unique_ptr<kube::ByteStream>> open(const kube::HttpRequest& request) override {
    return inner_.open(request);
  }
  void shutdown() override { inner_.shutdown(); }

 private:
  kube::Transport& inner_;
  std::function<Milliseconds()> may_write_for_;
};

}  // namespace swo::runtime
