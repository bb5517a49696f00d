#include "kube/client.hpp"

#include <deque>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace swo::kube {
namespace {

constexpr ResourceType kPods{"", "v1", "pods", "Pod"};
constexpr ResourceType kThings{"g.test", "v1alpha1", "things", "Thing"};
constexpr ResourceType kNodes{"", "v1", "nodes", "Node", false};

// Records each request and gives the answers in order.
class Recorder final : public Transport {
 public:
  Result<HttpResponse> send(const HttpRequest& request) override {
    requests.push_back(request);
    if (answers.empty()) return HttpResponse{200, {}, R"({"metadata":{}})"};
    auto answer = std::move(answers.front());
    answers.pop_front();
    return answer;
  }
  Result<std::unique_ptr<ByteStream>> open(const HttpRequest&) override {
    return Error{.message = "no streams here"};
  }
  void shutdown() override {}
  const HttpRequest& last() const { return requests.back(); }
  std::string header(std::string_view name) const {
    for (const auto& [each, value] : last().headers) {
      if (each == name) return value;
    }
    return {};
  }

  std::vector<HttpRequest> requests;
  std::deque<Result<HttpResponse>> answers;
};

struct ClientTest : testing::Test {
  Recorder transport;
  Client client{transport};
  Json pod = {{"apiVersion", "v1"},
              {"kind", "Pod"},
              {"metadata", {{"namespace", "a"}, {"name", "nginx-0"}}}};
};

TEST(ResourceType, PathsFollowTheApiConcepts) {
  EXPECT_EQ(kPods.api_version(), "v1");
  EXPECT_EQ(kThings.api_version(), "g.test/v1alpha1");
  EXPECT_EQ(kPods.collection_path("a"), "/api/v1/namespaces/a/pods");
  EXPECT_EQ(kPods.collection_path(""), "/api/v1/pods");
  EXPECT_EQ(kThings.object_path("a", "b"), "/apis/g.test/v1alpha1/namespaces/a/things/b");
  EXPECT_EQ(kNodes.object_path("ignored", "n"), "/api/v1/nodes/n");
}

TEST(UrlEscape, LeavesNoCharacterThatCouldChangeAPathOrAHeader) {
  EXPECT_EQ(url_escape("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(url_escape("a/b?c#d e%f"), "a%2Fb%3Fc%23d%20e%25f");
  EXPECT_EQ(url_escape("\r\nX: y"), "%0D%0AX%3A%20y");
  EXPECT_EQ(url_escape("ä"), "%C3%A4");
  EXPECT_EQ(url_escape(".."), "%2E%2E");
  EXPECT_EQ(url_escape("..."), "...");
}

TEST_F(ClientTest, GetReturnsTheObject) {
  transport.answers.emplace_back(HttpResponse{200, {}, R"({"metadata":{"name":"nginx-0"}})"});
  const auto got = client.get(kPods, {"a", "nginx-0"});
  ASSERT_TRUE(got);
  EXPECT_EQ((*got)["metadata"]["name"], "nginx-0");
  EXPECT_EQ(transport.last().method, "GET");
  EXPECT_EQ(transport.last().target, "/api/v1/namespaces/a/pods/nginx-0");
}

TEST_F(ClientTest, NamesAreEscapedInPaths) {
  std::ignore = client.get(kPods, {"a/../b", "x?y"});
  EXPECT_EQ(transport.last().target, "/api/v1/namespaces/a%2F..%2Fb/pods/x%3Fy");
}

TEST_F(ClientTest, AnEmptyOrDottedNameIsRefusedUnsent) {
  for (const char* name : {"", ".", ".."}) {
    const auto removed = client.remove(kPods, {"a", name}, {});
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(removed.error().message.find("metadata.name of Pod"), std::string::npos);
  }
  EXPECT_FALSE(client.get(kPods, {"", "nginx-0"}));
  EXPECT_FALSE(client.apply(kPods, Json::object(), {.field_manager = "m"}));
  EXPECT_FALSE(client.create(kPods, Json{{"metadata", {{"name", "x"}}}}, "m"));
  EXPECT_TRUE(transport.requests.empty());
}

TEST_F(ClientTest, AListPageCarriesItsOptions) {
  std::ignore = client.list_page(kPods, "a",
                                 {.label_selector = "app=x,tier!=y", .field_selector = "spec.n=1"});
  EXPECT_EQ(transport.last().target,
            "/api/v1/namespaces/a/pods?labelSelector=app%3Dx%2Ctier%21%3Dy"
            "&fieldSelector=spec.n%3D1&limit=500");
  std::ignore = client.list_page(kPods, "", {.limit = 0});
  EXPECT_EQ(transport.last().target, "/api/v1/pods");
  std::ignore = client.list_page(kPods, "", {.limit = 2, .continue_token = "a+b/="});
  EXPECT_EQ(transport.last().target, "/api/v1/pods?limit=2&continue=a%2Bb%2F%3D");
}

TEST_F(ClientTest, CreatePostsToTheCollection) {
  transport.answers.emplace_back(HttpResponse{201, {}, R"({"metadata":{"uid":"u"}})"});
  const auto created = client.create(kPods, pod, "manager");
  ASSERT_TRUE(created);
  EXPECT_EQ(transport.last().method, "POST");
  EXPECT_EQ(transport.last().target, "/api/v1/namespaces/a/pods?fieldManager=manager");
  EXPECT_EQ(transport.header("Content-Type"), "application/json");
  EXPECT_EQ(Json::parse(transport.last().body), pod);
}

TEST_F(ClientTest, ApplyPatchesTheObjectThatNamesItself) {
  EXPECT_TRUE(client.apply(kPods, pod, {.field_manager = "m", .force = true, .dry_run = true}));
  EXPECT_EQ(transport.last().method, "PATCH");
  EXPECT_EQ(transport.last().target,
            "/api/v1/namespaces/a/pods/nginx-0?fieldManager=m&force=true&dryRun=All");
  EXPECT_EQ(transport.header("Content-Type"), "application/apply-patch+yaml");
  EXPECT_TRUE(client.apply_status(kPods, pod, {.field_manager = "s", .force = false}));
  EXPECT_EQ(transport.last().target, "/api/v1/namespaces/a/pods/nginx-0/status?fieldManager=s");
}

TEST_F(ClientTest, PatchAndReplaceReachSubresources) {
  std::ignore =
      client.strategic_merge_patch(kPods, {"a", "nginx-0"}, {{"spec", nullptr}}, "m", "resize");
  EXPECT_EQ(transport.last().target, "/api/v1/namespaces/a/pods/nginx-0/resize?fieldManager=m");
  EXPECT_EQ(transport.header("Content-Type"), "application/strategic-merge-patch+json");
  std::ignore = client.merge_patch(kPods, {"a", "nginx-0"}, {{"spec", nullptr}}, "m", "resize");
  EXPECT_EQ(transport.last().target, "/api/v1/namespaces/a/pods/nginx-0/resize?fieldManager=m");
  EXPECT_EQ(transport.header("Content-Type"), "application/merge-patch+json");
  EXPECT_EQ(transport.last().body, R"({"spec":null})");
  std::ignore = client.replace(kPods, pod, "status");
  EXPECT_EQ(transport.last().method, "PUT");
  EXPECT_EQ(transport.last().target, "/api/v1/namespaces/a/pods/nginx-0/status");
}

TEST_F(ClientTest, RemoveCarriesPreconditions) {
  EXPECT_TRUE(client.remove(kPods, {"a", "nginx-0"},
                            {.uid = "u",
                             .resource_version = "7",
                             .grace_period_seconds = 0,
                             .propagation_policy = "Background"}));
  EXPECT_EQ(transport.last().method, "DELETE");
  EXPECT_EQ(Json::parse(transport.last().body),
            Json::parse(R"({"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0,
              "preconditions":{"uid":"u","resourceVersion":"7"},"propagationPolicy":"Background"})"));
  std::ignore = client.remove(kPods, {"a", "nginx-0"}, {});
  EXPECT_EQ(transport.last().body, R"({"apiVersion":"v1","kind":"DeleteOptions"})");
}

TEST_F(ClientTest, PodLogIsText) {
  transport.answers.emplace_back(HttpResponse{200, {}, "Welcome to \xff CentOS\n"});
  const auto log = client.pod_log({"a", "nginx-0"}, "main", true, 50, 4096);
  ASSERT_TRUE(log);
  EXPECT_EQ(*log, "Welcome to \xff CentOS\n");
  EXPECT_EQ(transport.last().target,
            "/api/v1/namespaces/a/pods/nginx-0/"
            "log?container=main&previous=true&tailLines=50&limitBytes=4096");
}

TEST_F(ClientTest, BytesThatAreNoUtf8DoNotStopAWrite) {
  pod["status"]["message"] = "log: \xff";
  EXPECT_TRUE(client.apply_status(kPods, pod, {.field_manager = "m"}));
  EXPECT_NE(transport.last().body.find("log: \xEF\xBF\xBD"), std::string::npos);
}

TEST_F(ClientTest, AWriteReportsTheMetadataThatCameBack) {
  const std::string body =
      R"({"kind":"Pod","x":[{"metadata":{"uid":"no"}}],"metadata":{"name":"n",)"
      R"("labels":{"uid":"no","generation":"9"},"ownerReferences":[{"uid":"no"}],)"
      R"("uid":"u-1","resourceVersion":"18446744073709551615","generation":3,)"
      R"("managedFields":[{"f":{"generation":4}}]},"spec":{"metadata":{"uid":"no"}}})";
  transport.answers.emplace_back(HttpResponse{200, {}, body});
  const auto applied = client.apply(kPods, pod, {.field_manager = "m"});
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->uid, "u-1");
  EXPECT_EQ(applied->resource_version, 18446744073709551615ULL);
  EXPECT_EQ(applied->generation, 3);
  EXPECT_EQ(applied->body, body);
}

TEST_F(ClientTest, AnAnswerThatIsNoObjectIsBad) {
  for (const char* body : {"", "null", "[]", "<html>", "{}", R"({"metadata":{"uid":)",
                           R"({"metadata":[]})", R"({"spec":{"metadata":{}}})"}) {
    transport.answers.emplace_back(HttpResponse{200, {}, body});
    const auto applied = client.apply(kPods, pod, {.field_manager = "m"});
    ASSERT_FALSE(applied) << body;
    EXPECT_EQ(applied.error().kind, ErrorKind::kBadResponse);
  }
  transport.answers.emplace_back(HttpResponse{200, {}, "[1"});
  EXPECT_EQ(client.get(kPods, {"a", "b"}).error().kind, ErrorKind::kBadResponse);
}

TEST_F(ClientTest, ARedirectIsABadAnswerThatNamesItsTarget) {
  transport.answers.emplace_back(HttpResponse{302, {{"location", "https://login.test"}}, ""});
  const auto got = client.get_raw("/apis");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::kBadResponse);
  EXPECT_NE(got.error().message.find("login.test"), std::string::npos);
}

TEST_F(ClientTest, ErrorsOfTheTransportAreHandedOn) {
  transport.answers.emplace_back(Error{.kind = ErrorKind::kAmbiguous, .message = "broke"});
  EXPECT_EQ(client.apply(kPods, pod, {.field_manager = "m"}).error().kind, ErrorKind::kAmbiguous);
}

Error error_of(int status, const std::string& reason = "", const std::string& details = "{}") {
  return error_from({status,
                     {},
                     R"({"kind":"Status","status":"Failure","message":"told","reason":")" + reason +
                         R"(","details":)" + details + "}"});
}

TEST(ErrorFrom, TellsApartWhatTheCallerMustDo) {
  const std::vector<std::tuple<int, const char*, ErrorKind>> cases{
      {400, "BadRequest", ErrorKind::kInvalid},
      {401, "Unauthorized", ErrorKind::kUnauthorized},
      {403, "Forbidden", ErrorKind::kForbidden},
      {404, "NotFound", ErrorKind::kNotFound},
      {405, "MethodNotAllowed", ErrorKind::kInvalid},
      {409, "Conflict", ErrorKind::kConflict},
      {409, "AlreadyExists", ErrorKind::kAlreadyExists},
      {410, "Expired", ErrorKind::kGone},
      {413, "RequestEntityTooLarge", ErrorKind::kInvalid},
      {415, "UnsupportedMediaType", ErrorKind::kInvalid},
      {422, "Invalid", ErrorKind::kInvalid},
      {429, "TooManyRequests", ErrorKind::kTooManyRequests},
      {500, "InternalError", ErrorKind::kServer},
      {503, "ServiceUnavailable", ErrorKind::kServer},
      {504, "Timeout", ErrorKind::kServer},
  };
  for (const auto& [status, reason, kind] : cases) {
    const Error error = error_of(status, reason);
    EXPECT_EQ(to_string(error.kind), to_string(kind)) << status;
    EXPECT_EQ(error.http_status, status);
    EXPECT_EQ(error.reason, reason);
    EXPECT_EQ(error.message, "told");
    EXPECT_FALSE(error.retry_after);
  }
}

TEST(ErrorFrom, KeepsTheCauses) {
  const Error error = error_of(
      422, "Invalid",
      R"({"causes":[{"reason":"FieldValueInvalid","message":"must be > 0","field":"spec.port"},7]})");
  ASSERT_EQ(error.causes.size(), 1U);
  EXPECT_EQ(error.causes[0], (Cause{"spec.port", "FieldValueInvalid", "must be > 0"}));
}

TEST(ErrorFrom, RetryAfterComesFromTheHeaderOrTheStatus) {
  using std::chrono::seconds;
  EXPECT_EQ(error_from({429, {{"retry-after", "3"}}, ""}).retry_after, seconds(3));
  EXPECT_EQ(error_of(429, "", R"({"retryAfterSeconds":5})").retry_after, seconds(5));
  EXPECT_EQ(error_of(500, "", R"({"retryAfterSeconds":99999999999})").retry_after, seconds(86400));
  for (const char* odd : {"-1", "soon", "", "3.5", "Wed, 25 Nov 2026 02:00:00 GMT"}) {
    EXPECT_FALSE(error_from({429, {{"retry-after", odd}}, ""}).retry_after) << odd;
  }
}

TEST(ErrorFrom, ABodyThatIsNoStatusIsQuotedInPart) {
  EXPECT_EQ(error_from({502, {}, ""}).message, "HTTP 502");
  const Error error = error_from({502, {}, "<html>" + std::string(10'000, 'x')});
  EXPECT_EQ(error.kind, ErrorKind::kServer);
  EXPECT_LT(error.message.size(), 300U);
  EXPECT_TRUE(error.message.starts_with("HTTP 502: <html>"));
}

TEST(ErrorFrom, DeepOrHugeJsonDoesNoHarm) {
  EXPECT_EQ(error_from({500, {}, std::string(100'000, '[')}).kind, ErrorKind::kServer);
  EXPECT_EQ(error_from({500, {}, "{\"a\":" + std::string(200'000, '[')}).kind, ErrorKind::kServer);
  EXPECT_EQ(error_from({409, {}, "{" + std::string(1'000'000, ' ') + "}"}).kind,
            ErrorKind::kConflict);
}

}  // namespace
}  // namespace swo::kube
