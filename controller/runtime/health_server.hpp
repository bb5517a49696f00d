// Serves health and metrics over plain HTTP, on cpprestsdk's http_listener.
//
// Thread-safe. start() fails with kConfig when the address cannot be bound. Requests run on
// cpprestsdk's thread pool, which the program sizes first
// (crossplat::threadpool::initialize_with_threads).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "kube/result.hpp"
#include "runtime/health.hpp"

namespace swo::runtime {

class HealthServer {
 public:
  // `metrics` gives the text of /metrics; empty: 404 (they are served elsewhere).
  HealthServer(const Health& health, std::function<std::string()> metrics);
  ~HealthServer();
  HealthServer(const HealthServer&) = delete;
  HealthServer& operator=(const HealthServer&) = delete;

  // ":8081" binds all addresses, "127.0.0.1:8081" one.
  kube::Status start(const std::string& address);
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace swo::runtime
