#include "kube/discovery.hpp"

#include <map>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace swo::kube {
namespace {

// Answers by path.
class Paths final : public Transport {
 public:
  Result<HttpResponse> send(const HttpRequest& request) override {
    asked.push_back(request.target);
    const auto it = bodies.find(request.target);
    if (it == bodies.end()) return HttpResponse{404, {}, ""};
    return HttpResponse{200, {}, it->second};
  }
  Result<std::unique_ptr<ByteStream>> open(const HttpRequest&) override { return Error{}; }
  void shutdown() override {}

  std::map<std::string, std::string> bodies{
      {"/version", R"({"major":"","minor":"","gitVersion":"v1.33.5"})"},
      {"/apis", R"({"kind":"APIGroupList","groups":[{"name":"apps","versions":[
          {"groupVersion":"apps/v1","version":"v1"}]}]})"},
      {"/apis/apps/v1", R"({"resources":[{"name":"deployments"},{"name":"deployments/scale"}]})"}};
  std::vector<std::string> asked;
};

TEST(Discovery, TellsVersionAndGroupsFromTwoRequests) {
  Paths transport;
  Client client(transport);
  const auto discovery = Discovery::read(client);
  ASSERT_TRUE(discovery) << discovery.error().message;
  EXPECT_EQ(discovery->git_version(), "v1.33.5");
  EXPECT_TRUE(discovery->has_group(""));
  EXPECT_TRUE(discovery->has_group("apps"));
  EXPECT_FALSE(discovery->has_group("route.openshift.io"));
  EXPECT_TRUE(discovery->has_group_version("apps", "v1"));
  EXPECT_FALSE(discovery->has_group_version("apps", "v1beta1"));
  EXPECT_EQ(transport.asked, (std::vector<std::string>{"/version", "/apis"}));
}

TEST(Discovery, AsksForTheResourcesOfAGroupVersionOnceAndOnlyIfItIsServed) {
  Paths transport;
  Client client(transport);
  auto discovery = Discovery::read(client);
  ASSERT_TRUE(discovery);
  transport.asked.clear();
  EXPECT_FALSE(*discovery->has("route.openshift.io", "v1", "routes"));
  EXPECT_TRUE(transport.asked.empty());
  EXPECT_TRUE(*discovery->has("apps", "v1", "deployments"));
  EXPECT_FALSE(*discovery->has("apps", "v1", "daemonsets"));
  EXPECT_EQ(transport.asked, (std::vector<std::string>{"/apis/apps/v1"}));
}

TEST(Discovery, AServerThatIsNoneIsABadAnswer) {
  for (const char* path : {"/version", "/apis"}) {
    for (const char* body : {"<html>", "[]", "{}", R"({"groups":7,"major":7})"}) {
      Paths transport;
      transport.bodies[path] = body;
      Client client(transport);
      const auto discovery = Discovery::read(client);
      ASSERT_FALSE(discovery) << path << body;
      EXPECT_EQ(discovery.error().kind, ErrorKind::kBadResponse);
      EXPECT_NE(discovery.error().message.find(path), std::string::npos);
    }
  }
}

TEST(Discovery, ErrorsOfTheServerAreHandedOn) {
  Paths transport;
  transport.bodies.erase("/apis");
  Client client(transport);
  EXPECT_EQ(Discovery::read(client).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace swo::kube
