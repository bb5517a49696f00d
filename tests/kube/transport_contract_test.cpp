// What kube/transport.hpp promises of requests with one answer, held against both implementations,
// plain and with TLS.
#include "transport_contract.hpp"

#include <csignal>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "kube/transport_common.hpp"

// The library is not instrumented: what it allocates for ever and how it synchronises is its own
// affair.
extern "C" const char* __lsan_default_suppressions();   // NOLINT: the sanitizer's name
extern "C" const char* __lsan_default_suppressions() {  // NOLINT
  return "leak:libcpprest";
}
extern "C" const char* __tsan_default_suppressions();   // NOLINT: the sanitizer's name
extern "C" const char* __tsan_default_suppressions() {  // NOLINT
  return "race:libcpprest\nmutex:libcpprest";
}

namespace swo::kube::test {
namespace {

using std::chrono::milliseconds;

class TransportContract : public ContractTest {};

INSTANTIATE_TEST_SUITE_P(Of, TransportContract,
                         testing::Values(Kind{"Beast", make_beast_transport, false},
                                         Kind{"BeastTls", make_beast_transport, true},
                                         Kind{"Cpprest", make_cpprest_transport, false},
                                         Kind{"CpprestTls", make_cpprest_transport, true}),
                         name_of);

TEST_P(TransportContract, SendsMethodTargetHeadersAndBodyAsGiven) {
  std::mutex mutex;
  std::vector<PeerRequest> seen;
  const auto server = serve(answering([&](Peer& peer, const PeerRequest& request) {
    const std::lock_guard lock(mutex);
    seen.push_back(request);
    return peer.answer(200, "{}");
  }));
  auto config = config_for(*server);
  config.user_agent = "swo/1";
  config.extra_headers = {{"Impersonate-User", "alice"}};
  const auto transport = transport_of(config);
  const std::string target =
      "/apis/g/v1/namespaces/a/things/x%2Fy%20z%3F?labelSelector=a%3Db%2Cc%21%3Dd&limit=500"
      "&fieldManager=systemd-workload-operator&continue=ab%2B%2F~-._";
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    HttpRequest request = get(target);
    request.method = method;
    request.headers = {{"Accept", "application/json"}};
    if (!is_read(method)) {
      request.headers.emplace_back("Content-Type", "application/apply-patch+yaml");
      request.body = std::string("{\"by\":\"") + method + "\"}";
    }
    const auto response = transport->send(request);
    ASSERT_TRUE(response) << response.error().message;
  }
  ASSERT_EQ(seen.size(), 5U);
  for (const PeerRequest& request : seen) {
    EXPECT_EQ(request.target, target);
    EXPECT_EQ(request.headers.at("accept"), "application/json");
    EXPECT_EQ(request.headers.at("host"), "127.0.0.1:" + std::to_string(server->port()));
    EXPECT_EQ(request.headers.at("user-agent"), "swo/1");
    EXPECT_EQ(request.headers.at("impersonate-user"), "alice");
    EXPECT_FALSE(request.headers.contains("authorization"));
    if (request.method == "GET") continue;
    EXPECT_EQ(request.body, "{\"by\":\"" + request.method + "\"}");
    EXPECT_EQ(request.headers.at("content-type"), "application/apply-patch+yaml");
  }
}

TEST_P(TransportContract, PutsThePathPrefixOfTheServerBeforeEachTarget) {
  std::string target;
  const auto server = serve(answering([&](Peer& peer, const PeerRequest& request) {
    target = request.target;
    return peer.answer(200, "{}");
  }));
  auto config = config_for(*server);
  config.server += "/k8s/clusters/c-1/";
  ASSERT_TRUE(transport_of(config)->send(get("/api/v1/pods?limit=1")));
  EXPECT_EQ(target, "/k8s/clusters/c-1/api/v1/pods?limit=1");
}

TEST_P(TransportContract, AnyStatusIsAResponseWithLowerCaseHeaderNames) {
  int status = 0;
  const auto server = serve(answering([&](Peer& peer, const PeerRequest&) {
    return peer.answer(status, "body", "Retry-After: 7\r\nX-Kubernetes-PF-FlowSchema-UID: u\r\n");
  }));
  const auto transport = transport_to(*server);
  for (const int each : {200, 201, 404, 409, 422, 429, 500, 503}) {
    status = each;
    const auto response = transport->send(get());
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, each);
    EXPECT_EQ(response->body, "body");
    EXPECT_EQ(response->header("retry-after"), "7");
    EXPECT_EQ(response->header("x-kubernetes-pf-flowschema-uid"), "u");
    EXPECT_EQ(response->header("absent"), "");
  }
}

TEST_P(TransportContract, AnAnswerWithoutABodyIsWhole) {
  const auto server = serve(answering([](Peer& peer, const PeerRequest& request) {
    return request.target == "/none" ? peer.write("HTTP/1.1 204 No Content\r\n\r\n")
                                     : peer.answer(200, "");
  }));
  const auto transport = transport_to(*server);
  for (const char* target : {"/none", "/empty", "/none"}) {
    const auto response = transport->send(get(target));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "");
  }
}

TEST_P(TransportContract, CarriesBodiesOfAMegabyteAndAHalfBothWays) {
  const auto server = serve(answering(
      [](Peer& peer, const PeerRequest& request) { return peer.answer(200, request.body); }));
  std::string body(1536UL * 1024, 'x');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 23);
  const auto response = transport_to(*server)->send(post(body));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_TRUE(response->body == body);
}

TEST_P(TransportContract, ReadsChunkedAnswers) {
  const auto server = serve(answering([](Peer& peer, const PeerRequest&) {
    return peer.write(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n");
  }));
  const auto transport = transport_to(*server);
  for (int i = 0; i < 3; ++i) {
    const auto response = transport->send(get());
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "hello, world");
  }
}

TEST_P(TransportContract, AnInterimAnswerIsNotTheAnswer) {
  const auto server = serve(answering([](Peer& peer, const PeerRequest& request) {
    return peer.write("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n") &&
           peer.answer(200, request.target);
  }));
  const auto transport = transport_to(*server);
  for (const char* target : {"/first", "/second"}) {
    const auto response = transport->send(get(target));
    if (std::string_view(GetParam().name).starts_with("Cpprest")) {
      // The library cannot read on.
      ASSERT_FALSE(response);
      EXPECT_EQ(response.error().kind, ErrorKind::kUnreachable) << response.error().message;
      continue;
    }
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, target);
  }
  const auto stream = transport->open(get("/third"));
  if (std::string_view(GetParam().name).starts_with("Cpprest")) {
    ASSERT_FALSE(stream);
    return;
  }
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ((*stream)->head().status, 200);
  EXPECT_EQ(server->accepted(), 1);
}

TEST_P(TransportContract, RequestsInSequenceReuseAConnectionAndAreSentOnce) {
  std::atomic<int> requests{0};
  const auto server = serve(answering([&](Peer& peer, const PeerRequest&) {
    ++requests;
    return peer.answer(200, "{}");
  }));
  const auto transport = transport_to(*server);
  constexpr int kRequests = 50;
  for (int i = 0; i < kRequests; ++i) ASSERT_TRUE(transport->send(i % 2 == 0 ? get() : post()));
  EXPECT_EQ(requests, kRequests);
  // cpprestsdk gives a connection back a moment after the answer, so the next request may make one.
  EXPECT_LE(server->accepted(), GetParam().make == make_beast_transport ? 1 : kRequests / 2);
}

TEST_P(TransportContract, AConnectionThatTheServerWillCloseIsNotReused) {
  const auto server = serve([](Peer& peer) {
    PeerRequest request;
    if (peer.read_request(request)) peer.answer(200, "{}", "Connection: close\r\n");
  });
  const auto transport = transport_to(*server);
  for (int i = 0; i < 5; ++i) {
    const auto response = transport->send(post());
    ASSERT_TRUE(response) << response.error().message;
  }
  EXPECT_EQ(server->accepted(), 5);
}

TEST_P(TransportContract, ManyThreadsGetEachTheirOwnAnswer) {
  const auto server = serve(answering(
      [](Peer& peer, const PeerRequest& request) { return peer.answer(200, request.body); }));
  const auto transport = transport_to(*server);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 25; ++i) {
        const std::string body = std::to_string(thread) + "/" + std::to_string(i);
        const auto response = transport->send(post(body));
        if (response && response->body == body) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 200);
}

TEST_P(TransportContract, ASilentServerEndsARequestAtItsDeadline) {
  const auto server = serve([&](Peer& peer) {
    PeerRequest request;
    while (peer.read_request(request)) {
    }
  });
  const auto transport = transport_to(*server);
  HttpRequest read = get();
  HttpRequest write = post();
  read.timeout = write.timeout = milliseconds(150);
  const auto nothing_read = transport->send(read);
  ASSERT_FALSE(nothing_read);
  EXPECT_EQ(nothing_read.error().kind, ErrorKind::kUnreachable);
  const auto nothing_known = transport->send(write);
  ASSERT_FALSE(nothing_known);
  EXPECT_EQ(nothing_known.error().kind, ErrorKind::kAmbiguous);
  EXPECT_NE(nothing_known.error().message.find("150 ms"), std::string::npos);
}

TEST_P(TransportContract, HeadersThatTrickleEndAtTheDeadlineToo) {
  const auto server = serve([](Peer& peer) {
    PeerRequest request;
    if (!peer.read_request(request)) return;
    peer.write("HTTP/1.1 200 OK\r\nX: ");
    // Paces the server; nothing is judged by it.
    while (peer.write("x")) std::this_thread::sleep_for(milliseconds(2));
  });
  HttpRequest request = post();
  request.timeout = milliseconds(150);
  const auto response = transport_to(*server)->send(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kAmbiguous);
}

TEST_P(TransportContract, AServerThatDoesNotAnswerTheHandshakeIsUnreachable) {
  if (!GetParam().tls) GTEST_SKIP() << "no handshake";
  Server silent([](Peer& peer) { peer.read_until("never"); });
  HttpRequest request = get();
  request.timeout = milliseconds(150);
  const auto response = transport_to(silent)->send(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kUnreachable);
}

TEST_P(TransportContract, ARefusedConnectionIsUnreachable) {
  TransportConfig config;
  {
    const auto server = serve([](Peer&) {});
    config = config_for(*server);
  }
  const auto transport = transport_of(config);
  for (const auto& request : {get(), post()}) {
    const auto response = transport->send(request);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::kUnreachable);
    EXPECT_NE(response.error().message.find("127.0.0.1"), std::string::npos);
  }
}

TEST_P(TransportContract, AHostThatDoesNotResolveIsUnreachable) {
  TransportConfig config;
  config.server = "http://no-such-host.invalid:1";
  const auto response = transport_of(config)->send(post());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kUnreachable);
  EXPECT_NE(response.error().message.find("no-such-host.invalid"), std::string::npos);
}

// The server closes an idle connection; the client may or may not have heard of it by the next
// request.
TEST_P(TransportContract, AReadIsAskedAgainWhenTheIdleConnectionWasClosed) {
  const auto server = serve([](Peer& peer) {
    PeerRequest request;
    if (peer.read_request(request)) peer.answer(200, request.target);
  });
  const auto transport = transport_to(*server);
  for (int i = 0; i < 20; ++i) {
    const auto response = transport->send(get("/" + std::to_string(i)));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "/" + std::to_string(i));
  }
}

// The worst moment: the server takes the second request of a connection and dies before its answer.
TEST_P(TransportContract, AWriteIsNeverSentTwice) {
  std::atomic<int> writes{0};
  const auto server = serve([&](Peer& peer) {
    PeerRequest request;
    for (int i = 0; peer.read_request(request); ++i) {
      if (request.method != "GET") ++writes;
      if (i == 1) return;
      if (!peer.answer(200, "{}")) return;
    }
  });
  for (const char* method : {"POST", "PATCH", "DELETE", "PUT"}) {
    const auto transport = transport_to(*server);
    ASSERT_TRUE(transport->send(get()));
    // Lets cpprestsdk put the connection back.
    ASSERT_TRUE(transport->send(get()));
    ASSERT_TRUE(transport->send(get()));
    writes = 0;
    HttpRequest request = post(method == std::string("DELETE") ? "" : "{}");
    request.method = method;
    int attempts = 0;
    while (true) {
      ++attempts;
      const auto response = transport->send(request);
      if (!response) {
        EXPECT_EQ(response.error().kind, ErrorKind::kAmbiguous) << response.error().message;
        break;
      }
      ASSERT_LT(attempts, 5) << "the server never got to close under a write";
    }
    EXPECT_EQ(writes, attempts) << method;
    const auto after = transport->send(post());
    EXPECT_TRUE(after) << "the next request: " << after.error().message;
  }
}

TEST_P(TransportContract, AReadOfWhichTheConnectionDiesIsAskedAgainOnAnother) {
  const auto server = serve([&](Peer& peer) {
    PeerRequest request;
    for (int i = 0; peer.read_request(request); ++i) {
      if (i == 1) return;
      if (!peer.answer(200, "{}")) return;
    }
  });
  const auto transport = transport_to(*server);
  for (int i = 0; i < 10; ++i) {
    const auto response = transport->send(get());
    ASSERT_TRUE(response) << response.error().message;
  }
}

TEST_P(TransportContract, ATruncatedAnswerIsBadForAReadAndAmbiguousForAWrite) {
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"kind\":",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    const auto server = serve([&](Peer& peer) {
      PeerRequest request;
      if (peer.read_request(request)) peer.write(answer);
    });
    const auto transport = transport_to(*server);
    const auto read = transport->send(get());
    ASSERT_FALSE(read) << answer;
    EXPECT_EQ(read.error().kind, ErrorKind::kBadResponse) << answer << read.error().message;
    const auto written = transport->send(post());
    ASSERT_FALSE(written) << answer;
    EXPECT_EQ(written.error().kind, ErrorKind::kAmbiguous) << answer << written.error().message;
  }
}

TEST_P(TransportContract, AnAnswerThatIsNotHttpIsBad) {
  const auto server = serve([](Peer& peer) {
    PeerRequest request;
    if (peer.read_request(request)) peer.write("SSH-2.0-OpenSSH_9.2\r\n\r\n");
  });
  const auto response = transport_to(*server)->send(get());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kBadResponse) << response.error().message;
}

TEST_P(TransportContract, AnAnswerBeyondTheBoundIsRefused) {
  const auto server = serve([](Peer& peer) {
    PeerRequest request;
    if (!peer.read_request(request)) return;
    const std::string block(1024UL * 1024, ' ');
    // Header and some of the body in one segment: Boost 1.74's own bound overlooks that.
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kMaxBody * 2) +
               "\r\n\r\nbody");
    for (std::size_t sent = 4; sent < kMaxBody * 2; sent += block.size()) {
      if (!peer.write(block)) return;
    }
  });
  HttpRequest request = get();
  request.timeout = std::chrono::seconds(60);
  const auto response = transport_to(*server)->send(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kBadResponse) << response.error().message;
  EXPECT_TRUE(response.error().too_large);
}

TEST_P(TransportContract, NamesThatWouldSmuggleARequestAreRefusedUnsent) {
  const auto server = serve([](Peer&) {});
  const auto transport = transport_to(*server);
  std::vector<HttpRequest> bad(7, get());
  bad[0].target = "/api HTTP/1.1\r\nX: y";
  bad[1].target = "/api/v1/pods/a b";
  bad[2].target = "api";
  bad[3].headers = {{"Accept", "a\r\nX: y"}};
  bad[4].headers = {{"Acc ept:", "a"}};
  bad[5].method = "GET /x HTTP/1.1\r\n";
  bad[6].target = "/\xc3\xa4";
  for (const HttpRequest& request : bad) {
    const auto response = transport->send(request);
    ASSERT_FALSE(response) << request.target;
    EXPECT_EQ(response.error().kind, ErrorKind::kInvalid);
    EXPECT_FALSE(transport->open(request));
  }
  EXPECT_EQ(server->accepted(), 0);
}

TEST_P(TransportContract, ARedirectIsNotFollowedWithTheToken) {
  const auto elsewhere = serve([](Peer&) {});
  const auto server = serve(answering([&](Peer& peer, const PeerRequest&) {
    return peer.answer(307, "", "Location: " + config_for(*elsewhere).server + "/\r\n");
  }));
  const auto response = transport_to(*server)->send(get());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 307);
  EXPECT_EQ(elsewhere->accepted(), 0);
}

class RotatingToken : public TokenSource {
 public:
  explicit RotatingToken(bool rotates) : rotates_(rotates) {}
  Result<std::string> authorization() override {
    return "Bearer token-" + std::to_string(generation_.load());
  }
  void refresh(std::string_view) override {
    if (rotates_) ++generation_;
  }

 private:
  bool rotates_;
  std::atomic<int> generation_{1};
};

TEST_P(TransportContract, ARefusedTokenIsReadAgainAndTheRequestSentOnceMore) {
  std::vector<std::string> bodies;
  std::mutex mutex;
  const auto server = serve(answering([&](Peer& peer, const PeerRequest& request) {
    const std::lock_guard lock(mutex);
    bodies.push_back(request.body);
    const bool known = request.headers.at("authorization") == "Bearer token-2";
    return peer.answer(known ? 201 : 401, "{}");
  }));
  auto config = config_for(*server);
  config.token = std::make_shared<RotatingToken>(true);
  const auto transport = transport_of(config);
  const auto response = transport->send(post("{\"a\":1}"));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(bodies, (std::vector<std::string>{"{\"a\":1}", "{\"a\":1}"}));
}

TEST_P(TransportContract, ATokenThatStaysRefusedIsNotSentAgain) {
  std::atomic<int> requests{0};
  const auto server = serve(answering([&](Peer& peer, const PeerRequest&) {
    ++requests;
    return peer.answer(401, "{}");
  }));
  auto config = config_for(*server);
  config.token = std::make_shared<RotatingToken>(false);
  const auto response = transport_of(config)->send(post());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 401);
  EXPECT_EQ(requests, 1);
}

TEST_P(TransportContract, ShutdownCancelsRequestsInProgressAndLaterOnes) {
  std::atomic<bool> asked{false};
  std::unique_ptr<Server> server = serve([&](Peer& peer) {
    PeerRequest request;
    if (peer.read_request(request)) asked = true;
    server->changed();
    peer.read_request(request);
  });
  const auto transport = transport_to(*server);
  std::thread stopper([&] {
    server->wait_for([&] { return asked.load(); });
    transport->shutdown();
  });
  const auto response = transport->send(post());
  stopper.join();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kCancelled);
  const auto later = transport->send(get());
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().kind, ErrorKind::kCancelled);
  const auto stream = transport->open(get());
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().kind, ErrorKind::kCancelled);
}

// microsoft/cpprestsdk #1225: crashes when servers disconnect.
TEST_P(TransportContract, AStormOfDisconnectsIsSurvived) {
  std::atomic<int> connection{0};
  std::atomic<int> answered{0};  // connections of the storm that a transport may think good
  std::atomic<bool> healthy{false};
  const auto server = serve([&](Peer& peer) {
    PeerRequest request;
    const int kind = connection++ % 5;
    if (!healthy && kind == 0) return peer.reset();
    while (peer.read_request(request)) {
      if (healthy || kind == 4) {
        if (!peer.answer(200, "{}")) return;
        if (healthy) continue;
        ++answered;
        return peer.reset();
      }
      if (kind == 1) return peer.reset();
      if (kind == 2) peer.write("HTTP/1.1 200 OK\r\nContent-Le");
      if (kind == 3) peer.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
      return;
    }
  });
  const auto transport = transport_to(*server);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 25; ++i) {
        if ((i + thread) % 3 == 0) {
          auto stream = transport->open(get("/watch"));
          if (stream) {
            while ((*stream)->read(std::chrono::seconds(5)).outcome == ByteStream::Outcome::kData) {
            }
          }
        } else {
          [[maybe_unused]] const auto response = transport->send(i % 2 == 0 ? get() : post());
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  healthy = true;
  // What is left of the storm in the pool may cost a write for each connection that had been
  // answered in whole. Not the first ones only: cpprestsdk gives a good connection back to its pool
  // after the answer, so that the next write may take a dead one.
  constexpr int kWrites = 12;
  int lost = 0;
  std::optional<Result<HttpResponse>> last;
  for (int i = 0; i < kWrites; ++i) {
    last = transport->send(post());
    if (!*last) ++lost;
  }
  EXPECT_LE(lost, answered);
  ASSERT_TRUE(*last) << lost << " of " << kWrites << " lost: " << last->error().message;
  EXPECT_EQ((*last)->status, 200);
}

TEST_P(TransportContract, AProxyIsAskedForATunnelOrTheWholeUrl) {
  std::string asked;
  std::string proxy_authorization;
  Server::Tls tls;
  if (GetParam().tls) tls = {identity(), "", true};
  std::unique_ptr<Server> proxy;
  proxy = std::make_unique<Server>(
      [&](Peer& peer) {
        PeerRequest request;
        if (!peer.read_request(request)) return;
        asked = request.method + " " + request.target;
        proxy_authorization = request.headers["proxy-authorization"];
        if (GetParam().tls) {
          peer.write("HTTP/1.1 200 Connection established\r\n\r\n");
          if (!peer.start_tls(proxy->context()) || !peer.read_request(request)) return;
        }
        peer.answer(200, request.target);
      },
      tls);
  TransportConfig config;
  config.server = GetParam().tls ? "https://api.test:6443" : "http://api.test:6443";
  config.tls.ca = authority().certificate();
  config.proxy_url = "http://user:p%40ss@127.0.0.1:" + std::to_string(proxy->port());
  const auto response = transport_of(config)->send(get("/version"));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(asked, GetParam().tls ? "CONNECT api.test:6443" : "GET http://api.test:6443/version");
  EXPECT_EQ(proxy_authorization, "Basic dXNlcjpwQHNz");
}

TEST_P(TransportContract, AProxyThatRefusesIsUnreachableAndSaysSo) {
  if (!GetParam().tls) GTEST_SKIP() << "without a tunnel a refusal is an answer like any other";
  Server proxy(answering([](Peer& peer, const PeerRequest&) { return peer.answer(407, ""); }));
  TransportConfig config;
  config.server = "https://api.test:6443";
  config.proxy_url = "http://127.0.0.1:" + std::to_string(proxy.port());
  const auto response = transport_of(config)->send(post());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kUnreachable) << response.error().message;
  EXPECT_NE(response.error().message.find("407"), std::string::npos) << response.error().message;
}

TEST_P(TransportContract, ABadServerOrProxyUrlIsAConfigErrorNamingTheField) {
  TransportConfig config;
  for (const char* url : {"", "api.test:6443", "https://", "https://h:0", "https://h:x",
                          "https://h:70000", "https://[::1", "https://h?x=y", "https://h/a b"}) {
    config.server = url;
    const auto transport = GetParam().make(config);
    ASSERT_FALSE(transport) << url;
    EXPECT_EQ(transport.error().kind, ErrorKind::kConfig);
    EXPECT_NE(transport.error().message.find("cluster.server"), std::string::npos);
  }
  config.server = "https://api.test";
  config.proxy_url = "socks5://secret:word@h:1080";
  const auto transport = GetParam().make(config);
  ASSERT_FALSE(transport);
  EXPECT_NE(transport.error().message.find("proxy-url"), std::string::npos);
  EXPECT_EQ(transport.error().message.find("word"), std::string::npos);
}

// microsoft/cpprestsdk #1480, #1482: crashes in the exit handlers.
TEST_P(TransportContract, TheProcessExitsCleanlyWithAStreamStillOpen) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        // Static, as exit() destroys nothing else.
        static const auto server = serve([](Peer& peer) {
          PeerRequest request;
          if (!peer.read_request(request)) return;
          peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
          peer.read_request(request);
        });
        initialize_cpprest_threads(2);
        static std::unique_ptr<Transport> transport = transport_to(*server);
        const auto stream = transport->open(get());
        const bool open = stream && (*stream)->read(std::chrono::seconds(5)).data == "{}";
        std::exit(open ? 7 : 1);
      },
      testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace swo::kube::test
