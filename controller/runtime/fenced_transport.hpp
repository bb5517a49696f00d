// Lets no write begin that might end after this replica's lease: the fence of leader election.
//
// A read always passes. A write after the fence is kCancelled without being sent. The other
// transport must outlive it. Thread-safe if it is.
#pragma once

#include <functional>

#include "kube/transport.hpp"

namespace swo::runtime {

class FencedTransport : public kube::Transport {
 public:
  // `may_write` is asked before each write.
  FencedTransport(kube::Transport& inner, std::function<bool()> may_write)
      : inner_(inner), may_write_(std::move(may_write)) {}

  kube::Result<kube::HttpResponse> send(const kube::HttpRequest& request) override {
    if (request.method != "GET" && !may_write_()) {
      kube::Error error;
      error.kind = kube::ErrorKind::kCancelled;
      error.message = "not the leader (any more), so nothing is written";
      return error;
    }
    return inner_.send(request);
  }
  kube::Result<std::unique_ptr<kube::ByteStream>> open(const kube::HttpRequest& request) override {
    return inner_.open(request);
  }
  void shutdown() override { inner_.shutdown(); }

 private:
  kube::Transport& inner_;
  std::function<bool()> may_write_;
};

}  // namespace swo::runtime
