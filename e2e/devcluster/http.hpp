// A request and an answer as the devcluster's API server sees them, whether they came over a socket
// or from the same process (tests, the stand-in's own controllers).
#pragma once

#include <cctype>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace node {
class RunningExec;
}

namespace devcluster {

// ASCII alone: names of kinds, hosts, methods and headers.
inline std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

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

// Those who wait for something new. Each is called from whatever thread brings it, outside of the
// locks of this, and must not call back into what it waits for. Thread-safe.
class Wakers {
 public:
  class Waker {
   public:
    // Replaces the one before, which is not called any more once this returns.
    void set(std::function<void()> wake) {
      const std::lock_guard lock(mutex_);
      wake_ = std::move(wake);
    }
    void call() const {
      const std::lock_guard lock(mutex_);
      if (wake_) wake_();
    }

   private:
    mutable std::mutex mutex_;
    std::function<void()> wake_;
  };

  // It is called for as long as somebody holds it.
  std::shared_ptr<Waker> add() {
    const std::lock_guard lock(mutex_);
    std::erase_if(all_, [](const auto& weak) { return weak.expired(); });
    auto waker = std::make_shared<Waker>();
    all_.push_back(waker);
    return waker;
  }
  void call() const {
    std::unique_lock lock(mutex_);
    const auto all = all_;
    lock.unlock();
    for (const auto& weak : all) {
      if (const auto waker = weak.lock()) waker->call();
    }
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<Waker>> all_;
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
