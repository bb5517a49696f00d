// A request and an answer as the devcluster's API server sees them, whether they came over a socket
// or from the same process (tests, the stand-in's own controllers).
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "devcluster/wakers.hpp"

namespace node {
class RunningExec;
}

namespace devcluster {

struct Request {
  std::string method = "GET";
  std::string target;                          // path and query
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool trusted = false;  // in-process caller with full rights: no authentication, no RBAC
  // Of a verified client certificate: its common name and organisations. "" = none was shown.
  std::string certificate_name;
  std::vector<std::string> certificate_groups;

  // "" when absent.
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

struct Response {
  int status = 200;
  std::map<std::string, std::string> headers;
  std::string body;
};

// An open watch or followed log. next() gives what has come since the last call (whole lines,
// possibly several) without waiting; ended() is true once nothing will follow. Thread-safe.
class Stream {
 public:
  explicit Stream(std::shared_ptr<Wakers::Waker> waker = nullptr) : waker_(std::move(waker)) {}
  virtual ~Stream() = default;
  virtual std::string next() = 0;
  virtual bool ended() const = 0;
  // True once it has ended as if the connection had broken: no proper end of the body.
  virtual bool broken() const { return false; }
  // Called (from any thread) when next() may have something; replaces the one before, which is not
  // called any more once this returns. `wake` must not call back into the stream.
  virtual void on_ready(std::function<void()> wake) { waker_->set(std::move(wake)); }

 private:
  const std::shared_ptr<Wakers::Waker> waker_;
};

// Either a whole response or, with status 200, a stream that follows its headers, or, with status
// 101, a program to talk with over WebSocket messages by the subprotocol that the headers name.
struct Answer {
  Response response;
  std::unique_ptr<Stream> stream;
  // Faults, for whoever carries the answer to the client: wait so long first; close the connection
  // instead.
  std::chrono::milliseconds delay{0};
  bool drop = false;
  std::shared_ptr<node::RunningExec> program = nullptr;
};

}  // namespace devcluster
