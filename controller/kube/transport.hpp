// The one seam to the world: sends one HTTP request, or opens one stream of bytes.
//
// Two real implementations (Boost.Beast in transport_beast.cpp, cpprestsdk in
// transport_cpprest.cpp) pass the same contract tests; test twins record, fault-inject or answer
// in-process.
//
// Thread-safe: any thread may call send() and open() at the same time. Blocking, with a deadline on
// every read. Nothing throws: an exception of the library below becomes an Error here.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kube/result.hpp"

namespace swo::kube {

struct HttpRequest {
  std::string method = "GET";
  std::string target;  // path and query, already escaped
  std::vector<std::pair<std::string, std::string>>
      headers;  // without Host, Authorization, Content-Length
  std::string body;
  std::chrono::milliseconds timeout{
      30'000};  // whole exchange; of a stream: until the headers are here
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::string_view header(std::string_view lower_case_name) const;  // "" when absent
};

// An open response body (a watch, a followed log). Used by one thread; close() may come from any.
// Must not outlive its transport.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  enum class Outcome { kData, kTimeout, kEnd, kError };
  struct Read {
    Outcome outcome = Outcome::kEnd;
    std::string data;  // kData: at least one byte
    Error error;       // kError
  };
  // Status line and headers, known once the stream is open. The body of a status other than 200 is
  // in `head().body`, and read() then returns kEnd.
  virtual const HttpResponse& head() const = 0;
  // Waits at most `limit` for the next bytes. kTimeout leaves the stream usable.
  virtual Read read(std::chrono::milliseconds limit) = 0;
  // Ends a read() in progress with kEnd. Idempotent.
  virtual void close() = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Errors: kUnreachable (nothing was sent, or a GET got no answer: safe to repeat), kAmbiguous (a
  // write was sent and got no whole answer), kBadResponse, kCancelled, kInvalid (it would not be
  // HTTP), kConfig. A status of 4xx or 5xx is a response, not an Error: the client reads it. After
  // a 401 the token is read again and, if it has changed, the request sent once more.
  virtual Result<HttpResponse> send(const HttpRequest& request) = 0;
  virtual Result<std::unique_ptr<ByteStream>> open(const HttpRequest& request) = 0;
  // Makes every call in progress and every later one end with kCancelled (a clean stop).
  virtual void shutdown() = 0;
};

}  // namespace swo::kube
