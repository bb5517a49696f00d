// A fresh API server with a clock that the test moves, and short ways to ask it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "devcluster/api_server.hpp"

namespace devcluster {

// Read by the server's threads while the test moves it.
class TestClock {
 public:
  using TimePoint = std::chrono::system_clock::time_point;
  TimePoint now() const { return TimePoint(TimePoint::duration(ticks_.load())); }
  void operator+=(TimePoint::duration by) { ticks_ += by.count(); }

 private:
  std::atomic<TimePoint::rep> ticks_{
      TimePoint::duration(std::chrono::seconds(1'700'000'000)).count()};
};

class ApiTest : public ::testing::Test {
 protected:
  static constexpr const char* kDefault = "/api/v1/namespaces/default";
  static constexpr const char* kMerge = "application/merge-patch+json";
  static constexpr const char* kApply = "application/apply-patch+yaml";

  static ApiServerOptions options_with(TestClock* clock) {
    ApiServerOptions options;
    options.clock = [clock] { return clock->now(); };
    return options;
  }

  TestClock now_;
  ApiServer server_{options_with(&now_)};
  std::string token_;  // "" = in-process, with full rights

  Answer ask(const std::string& method, const std::string& target, const std::string& body = "",
             const std::string& content_type = "application/json",
             const std::string& accept = "application/json") {
    Request request;
    request.method = method;
    request.target = target;
    request.body = body;
    request.headers = {
        {"content-type", content_type}, {"user-agent", "tester/1.0"}, {"accept", accept}};
    if (token_.empty()) {
      request.trusted = true;
    } else {
      request.headers["authorization"] = "Bearer " + token_;
    }
    return server_.handle(request);
  }

  // Expects the status and returns the body.
  Json expect(int status, const std::string& method, const std::string& target,
              const Json& body = nullptr, const std::string& content_type = "application/json") {
    const Answer answer = ask(method, target, body.is_null() ? "" : body.dump(), content_type);
    EXPECT_EQ(answer.response.status, status) << method << " " << target << "\n"
                                              << answer.response.body;
    return Json::parse(answer.response.body, nullptr, false);
  }
  Json get(const std::string& target) { return expect(200, "GET", target); }
  Json post(const std::string& target, const Json& body) {
    return expect(201, "POST", target, body);
  }
  Json put(const std::string& target, const Json& body) { return expect(200, "PUT", target, body); }
  Json merge(const std::string& target, const Json& body) {
    return expect(200, "PATCH", target, body, kMerge);
  }
  std::string refusal(int status, const std::string& method, const std::string& target,
                      const Json& body = nullptr,
                      const std::string& content_type = "application/json") {
    return expect(status, method, target, body, content_type).value("message", "");
  }

  std::unique_ptr<Stream> watch(const std::string& target) {
    Answer answer = ask("GET", target);
    EXPECT_EQ(answer.response.status, 200) << answer.response.body;
    EXPECT_NE(answer.stream, nullptr);
    return std::move(answer.stream);
  }
  static std::vector<Json> events(Stream& stream) {
    std::vector<Json> out;
    std::istringstream lines(stream.next());
    for (std::string line; std::getline(lines, line);) out.push_back(Json::parse(line));
    return out;
  }
  // "ADDED a", "BOOKMARK", …
  static std::vector<std::string> summary(Stream& stream) {
    std::vector<std::string> out;
    for (const Json& event : events(stream)) {
      const std::string name = event["object"].value("/metadata/name"_json_pointer, "");
      out.push_back(event["type"].get<std::string>() + (name.empty() ? "" : " " + name));
    }
    return out;
  }

  static Json config_map(const std::string& name, const Json& data = {{"k", "v"}},
                         const Json& labels = nullptr) {
    Json out = {{"apiVersion", "v1"},
                {"kind", "ConfigMap"},
                {"metadata", {{"name", name}}},
                {"data", data}};
    if (!labels.is_null()) out["metadata"]["labels"] = labels;
    return out;
  }
  static Json pod(const std::string& name, const std::string& node = "") {
    Json out = {{"apiVersion", "v1"},
                {"kind", "Pod"},
                {"metadata", {{"name", name}}},
                {"spec", {{"containers", {{{"name", "main"}, {"image", "nginx:1"}}}}}}};
    if (!node.empty()) out["spec"]["nodeName"] = node;
    return out;
  }
};

}  // namespace devcluster
