#include "support/in_process_transport.hpp"

namespace swo::test {
namespace {

kube::HttpResponse from_devcluster(const devcluster::Response& response) {
  kube::HttpResponse result;
  result.status = response.status;
  result.headers.assign(response.headers.begin(), response.headers.end());
  result.body = response.body;
  return result;
}

kube::Error failure(kube::ErrorKind kind, std::string message) {
  kube::Error error;
  error.kind = kind;
  error.message = std::move(message);
  return error;
}

class InProcessStream : public kube::ByteStream {
 public:
  InProcessStream(kube::HttpResponse head, std::unique_ptr<devcluster::Stream> stream,
                  const InProcessTransport& transport)
      : head_(std::move(head)), stream_(std::move(stream)), transport_(transport) {}

  const kube::HttpResponse& head() const override { return head_; }

  Read read(std::chrono::milliseconds) override {
    if (closed_ || stream_ == nullptr) {
      return {Outcome::kEnd, "", {}};
    }
    if (transport_.breaks && transport_.breaks()) {
      return {Outcome::kError, "", failure(kube::ErrorKind::kUnreachable, "the watch was reset")};
    }
    if (transport_.frozen) {
      return {Outcome::kTimeout, "", {}};
    }
    if (std::string data = stream_->next(); !data.empty()) {
      return {Outcome::kData, std::move(data), {}};
    }
    if (!stream_->ended()) {
      return {Outcome::kTimeout, "", {}};
    }
    if (stream_->broken()) {
      return {Outcome::kError, "", failure(kube::ErrorKind::kUnreachable, "the watch was reset")};
    }
    return {Outcome::kEnd, "", {}};
  }

  void close() override { closed_ = true; }

 private:
  kube::HttpResponse head_;
  std::unique_ptr<devcluster::Stream> stream_;
  const InProcessTransport& transport_;
  bool closed_ = false;
};

}  // namespace

devcluster::Request InProcessTransport::to_devcluster(const kube::HttpRequest& request) const {
  devcluster::Request result;
  result.method = request.method;
  result.target = request.target;
  static const std::string asked = "limit=500";
  if (const std::size_t at = result.target.find(asked); page_size > 0 && at != std::string::npos) {
    result.target.replace(at, asked.size(), "limit=" + std::to_string(page_size));
  }
  for (const auto& [name, value] : request.headers) {
    std::string lower;
    for (const char c : name) {
      lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    result.headers[lower] = value;
  }
  result.headers["authorization"] = "Bearer " + token_;
  result.body = request.body;
  return result;
}

kube::Result<kube::HttpResponse> InProcessTransport::send(const kube::HttpRequest& request) {
  const Fate decided = fate ? fate(request) : Fate::kAnswer;
  if (decided == Fate::kRefuse) {
    return failure(kube::ErrorKind::kUnreachable, "refused by the test");
  }
  if (auto answer = instead ? instead(request) : std::nullopt) {
    return *std::move(answer);
  }
  const devcluster::Answer answer = server_.handle(to_devcluster(request));
  const bool read = request.method == "GET";
  if (answer.drop && read) {
    return failure(kube::ErrorKind::kUnreachable, "the connection broke");
  }
  const bool carried_out = !answer.drop || !answer.response.body.empty();
  if (wrote && !read && carried_out) {
    wrote(request, answer.response.status);
  }
  if (answer.drop || decided == Fate::kLoseAnswer) {
    return failure(kube::ErrorKind::kAmbiguous, "the test lost the answer");
  }
  return from_devcluster(answer.response);
}

kube::Result<std::unique_ptr<kube::ByteStream>> InProcessTransport::open(
    const kube::HttpRequest& request) {
  if (fate && fate(request) != Fate::kAnswer) {
    return failure(kube::ErrorKind::kUnreachable, "refused by the test");
  }
  devcluster::Answer answer = server_.handle(to_devcluster(request));
  if (answer.drop) {
    return failure(kube::ErrorKind::kUnreachable, "the connection broke");
  }
  return std::unique_ptr<kube::ByteStream>(std::make_unique<InProcessStream>(
      from_devcluster(answer.response), std::move(answer.stream), *this));
}

}  // namespace swo::test
