// A transport whose answers are written down beforehand, and which records what was asked.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kube/transport.hpp"

namespace swo::kube::test {

// The far end of a stream: what is pushed is read, chunk by chunk; then kTimeout, or the end.
struct Pipe {
  std::deque<std::string> chunks;
  bool ended = false;
  bool closed = false;  // by the reader
  std::optional<Error> error;
};

class PipeStream : public ByteStream {
 public:
  PipeStream(std::shared_ptr<Pipe> pipe, HttpResponse head)
      : pipe_(std::move(pipe)), head_(std::move(head)) {}
  const HttpResponse& head() const override { return head_; }
  Read read(std::chrono::milliseconds /*limit*/) override {
    if (pipe_->closed) return {Outcome::kEnd, "", {}};
    if (!pipe_->chunks.empty()) {
      std::string chunk = std::move(pipe_->chunks.front());
      pipe_->chunks.pop_front();
      return {Outcome::kData, std::move(chunk), {}};
    }
    if (pipe_->error) return {Outcome::kError, "", *pipe_->error};
    return {pipe_->ended ? Outcome::kEnd : Outcome::kTimeout, "", {}};
  }
  void close() override { pipe_->closed = true; }

 private:
  std::shared_ptr<Pipe> pipe_;
  HttpResponse head_;
};

class ScriptedTransport : public Transport {
 public:
  void will_answer(int status, std::string body) {
    HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    answers.push_back(std::move(response));
  }
  void will_fail(Error error) { answers.emplace_back(std::move(error)); }
  std::shared_ptr<Pipe> will_open() {
    auto pipe = std::make_shared<Pipe>();
    HttpResponse head;
    head.status = 200;
    streams.push_back({pipe, head, std::nullopt});
    return pipe;
  }
  void will_refuse_stream(int status, std::string body) {
    HttpResponse head;
    head.status = status;
    head.body = std::move(body);
    streams.push_back({std::make_shared<Pipe>(), head, std::nullopt});
  }
  void will_fail_stream(Error error) { streams.push_back({nullptr, {}, std::move(error)}); }

  Result<HttpResponse> send(const HttpRequest& request) override {
    requests.push_back(request);
    if (before_answer) before_answer();
    if (answers.empty()) return unreachable();
    auto answer = std::move(answers.front());
    answers.pop_front();
    return answer;
  }
  Result<std::unique_ptr<ByteStream>> open(const HttpRequest& request) override {
    requests.push_back(request);
    if (streams.empty()) return unreachable();
    Script script = std::move(streams.front());
    streams.pop_front();
    if (script.error) return *script.error;
    return std::unique_ptr<ByteStream>(std::make_unique<PipeStream>(script.pipe, script.head));
  }
  void shutdown() override {}

  std::function<void()> before_answer;  // what happens meanwhile
  static Error unreachable() {
    return Error{ErrorKind::kUnreachable, 0, "", "connection refused", std::nullopt, {}};
  }

  struct Script {
    std::shared_ptr<Pipe> pipe;
    HttpResponse head;
    std::optional<Error> error;
  };
  std::deque<Result<HttpResponse>> answers;
  std::deque<Script> streams;
  std::vector<HttpRequest> requests;
};

}  // namespace swo::kube::test
