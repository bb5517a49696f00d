// The operator's transport onto a devcluster in the same process: no sockets, no threads, no
// waiting. With it a whole scenario runs in virtual time.
//
// A fault can be put between the two: for each request, decided by a function of the test's.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "devcluster/api_server.hpp"
#include "kube/transport.hpp"

namespace swo::test {

// What is to become of a request.
enum class Fate {
  kAnswer,      // as it is
  kRefuse,      // not sent: kUnreachable
  kLoseAnswer,  // carried out, and the answer lost: kAmbiguous
};

class InProcessTransport : public kube::Transport {
 public:
  InProcessTransport(devcluster::ApiServer& server, std::string token)
      : server_(server), token_(std::move(token)) {}

  kube::Result<kube::HttpResponse> send(const kube::HttpRequest& request) override;
  kube::Result<std::unique_ptr<kube::ByteStream>> open(const kube::HttpRequest& request) override;
  void shutdown() override {}

  // Asked for each request; empty: kAnswer.
  std::function<Fate(const kube::HttpRequest&)> fate;
  // What the server answers instead of carrying the request out; empty or nullopt: nothing.
  std::function<std::optional<kube::HttpResponse>(const kube::HttpRequest&)> instead;
  // Called after each send() that changed or tried to change something.
  std::function<void(const kube::HttpRequest&, int status)> wrote;
  // Streams give nothing while this is true: stale reads.
  bool frozen = false;
  // Asked before each read of a watch: true breaks it. Empty: none breaks.
  std::function<bool()> breaks;
  // Pages of this size instead of what the client asks for; 0: as it asks.
  int page_size = 0;

 private:
  devcluster::Request to_devcluster(const kube::HttpRequest& request) const;

  devcluster::ApiServer& server_;
  std::string token_;
};

}  // namespace swo::test
