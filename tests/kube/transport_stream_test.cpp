// What kube/transport.hpp promises of open streams, held against both implementations, plain and
// with TLS.
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include <fcntl.h>

#include "transport_contract.hpp"

namespace swo::kube::test {
namespace {

using Outcome = ByteStream::Outcome;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kStreamHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";
// Long enough for any machine, never waited for when the code is right.
constexpr seconds kPatience{10};

std::string chunk(std::string_view data) {
  std::array<char, 32> size{};
  const int length = std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
  return std::string(size.data(), static_cast<std::size_t>(length)).append(data).append("\r\n");
}

class StreamContract : public ContractTest {
 protected:
  static std::unique_ptr<ByteStream> open(Transport& transport) {
    auto stream = transport.open(get("/api/v1/pods?watch=1"));
    if (!stream) throw std::runtime_error(stream.error().message);
    return *std::move(stream);
  }
  // All bytes until the first outcome that is not data.
  static std::pair<std::string, ByteStream::Read> drain(ByteStream& stream) {
    std::string all;
    while (true) {
      auto read = stream.read(kPatience);
      if (read.outcome != Outcome::kData) return {all, read};
      EXPECT_FALSE(read.data.empty());
      all += read.data;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Of, StreamContract,
                         testing::Values(Kind{"Beast", make_beast_transport, false},
                                         Kind{"BeastTls", make_beast_transport, true},
                                         Kind{"Cpprest", make_cpprest_transport, false},
                                         Kind{"CpprestTls", make_cpprest_transport, true}),
                         name_of);

TEST_P(StreamContract, IsWholeWhereverTheBytesAreSplit) {
  const std::string wire = std::string(kStreamHead) + chunk("{\"type\":\"ADDED\"}\n") +
                           chunk("{\"a\":1}\n{\"b\"") + chunk(":2}\n") + std::string(kLastChunk);
  std::atomic<std::size_t> split{0};
  const auto server = serve(answering([&](Peer& peer, const PeerRequest&) {
    return peer.write(wire.substr(0, split)) && peer.write(wire.substr(split));
  }));
  const auto transport = transport_to(*server);
  for (split = 1; split < wire.size(); ++split) {
    const auto stream = open(*transport);
    const auto [all, last] = drain(*stream);
    ASSERT_EQ(all, "{\"type\":\"ADDED\"}\n{\"a\":1}\n{\"b\":2}\n") << "split at " << split;
    ASSERT_EQ(last.outcome, Outcome::kEnd) << last.error.message;
  }
}

TEST_P(StreamContract, IsWholeWhenEachByteIsASegment) {
  const auto server = serve(answering([&](Peer& peer, const PeerRequest&) {
    const std::string wire =
        std::string(kStreamHead) + chunk("hello ") + chunk("world") + std::string(kLastChunk);
    for (const char byte : wire) {
      if (!peer.write({&byte, 1})) return false;
    }
    return true;
  }));
  const auto transport = transport_to(*server);
  const auto stream = open(*transport);
  EXPECT_EQ(drain(*stream).first, "hello world");
}

TEST_P(StreamContract, CarriesAnEventOfAMegabyteAndAHalf) {
  std::string event(1536UL * 1024, 'e');
  event.back() = '\n';
  const auto server = serve(answering([&](Peer& peer, const PeerRequest&) {
    return peer.write(std::string(kStreamHead) + chunk(event) + chunk("{}\n") +
                      std::string(kLastChunk));
  }));
  const auto transport = transport_to(*server);
  const auto stream = open(*transport);
  EXPECT_TRUE(drain(*stream).first == event + "{}\n");
}

TEST_P(StreamContract, GivesWhatHasComeWithoutWaitingForMore) {
  const auto server = serve([](Peer& peer) {
    PeerRequest request;
    if (!peer.read_request(request)) return;
    peer.write(std::string(kStreamHead) + chunk("{\"type\":\"BOOKMARK\"}\n"));
    peer.read_request(request);  // until the client leaves
  });
  const auto transport = transport_to(*server);
  const auto stream = open(*transport);
  std::string all;
  while (all.size() < 20) {
    auto read = stream->read(kPatience);
    ASSERT_EQ(read.outcome, Outcome::kData) << read.error.message;
    all += read.data;
  }
  EXPECT_EQ(all, "{\"type\":\"BOOKMARK\"}\n");
}

TEST_P(StreamContract, LooksThatNeverWaitFindWhatHasComeSince) {
  std::atomic<bool> released{false};
  std::unique_ptr<Server> server = serve([&](Peer& peer) {
    PeerRequest request;
    if (!peer.read_request(request)) return;
    peer.write(std::string(kStreamHead) + chunk("first\n"));
    server->wait_for([&] { return released || server->stopping(); });
    peer.write(chunk("second\n"));
    peer.read_request(request);
  });
  const auto transport = transport_to(*server);
  const auto stream = open(*transport);
  ASSERT_EQ(stream->read(kPatience).data, "first\n");
  released = true;
  server->changed();
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  auto read = stream->read(milliseconds(0));
  while (read.outcome == Outcome::kTimeout && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::yield();
    read = stream->read(milliseconds(0));
  }
  EXPECT_EQ(read.data, "second\n");
}

// microsoft/cpprestsdk #1603: a streamed read stalls after a timeout.
TEST_P(StreamContract, ATimeoutLeavesItUsableAndLosesNoByte) {
  std::atomic<int> release{0};
  std::unique_ptr<Server> server = serve([&](Peer& peer) {
    PeerRequest request;
    if (!peer.read_request(request)) return;
    peer.write(kStreamHead);
    for (int i = 1; i <= 3; ++i) {
      server->wait_for([&] { return release >= i || server->stopping(); });
      peer.write(chunk("event " + std::to_string(i) + "\n"));
    }
    peer.write(kLastChunk);
  });
  const auto transport = transport_to(*server);
  const auto stream = open(*transport);
  std::string all;
  for (int i = 1; i <= 3; ++i) {
    for (int quiet = 0; quiet < 3; ++quiet) {
      EXPECT_EQ(stream->read(milliseconds(10)).outcome, Outcome::kTimeout);
    }
    release = i;
    server->changed();
    const std::size_t whole = all.size() + 8;
    while (all.size() < whole) {
      auto read = stream->read(kPatience);
      ASSERT_EQ(read.outcome, Outcome::kData) << read.error.message;
      all += read.data;
    }
  }
  EXPECT_EQ(all, "event 1\nevent 2\nevent 3\n");
  EXPECT_EQ(stream->read(kPatience).outcome, Outcome::kEnd);
  EXPECT_EQ(stream->read(kPatience).outcome, Outcome::kEnd);
}

TEST_P(StreamContract, AServerThatLeavesInTheMiddleIsAnErrorAfterItsLastByte) {
  for (const bool reset : {false, true}) {
    std::unique_ptr<Server> server;
    std::atomic<bool> read{false};
    server = serve([&](Peer& peer) {
      PeerRequest request;
      if (!peer.read_request(request)) return;
      peer.write(std::string(kStreamHead) + chunk("{}\n"));
      server->wait_for([&] { return read.load() || server->stopping(); });
      if (reset) peer.reset();
    });
    const auto transport = transport_to(*server);
    const auto stream = open(*transport);
    const auto first = stream->read(kPatience);
    EXPECT_EQ(first.outcome, Outcome::kData);
    read = true;
    server->changed();
    const auto [rest, last] = drain(*stream);
    EXPECT_EQ(first.data + rest, "{}\n");
    EXPECT_EQ(last.outcome, Outcome::kError);
    EXPECT_EQ(last.error.kind, ErrorKind::kUnreachable) << last.error.message;
  }
}

TEST_P(StreamContract, AStatusOtherThan200HasItsBodyInTheHead) {
  const auto server = serve(answering([](Peer& peer, const PeerRequest&) {
    return peer.answer(410, "{\"kind\":\"Status\",\"code\":410}", "Retry-After: 1\r\n");
  }));
  const auto transport = transport_to(*server);
  for (int i = 0; i < 3; ++i) {
    const auto stream = open(*transport);
    EXPECT_EQ(stream->head().status, 410);
    EXPECT_EQ(stream->head().header("retry-after"), "1");
    EXPECT_EQ(stream->head().body, "{\"kind\":\"Status\",\"code\":410}");
    EXPECT_EQ(stream->read(kPatience).outcome, Outcome::kEnd);
  }
}

TEST_P(StreamContract, HeadersThatDoNotComeEndTheOpeningAtItsDeadline) {
  const auto server = serve([](Peer& peer) {
    PeerRequest request;
    while (peer.read_request(request)) {
    }
  });
  auto request = get();
  request.timeout = milliseconds(150);
  const auto stream = transport_to(*server)->open(request);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().kind, ErrorKind::kUnreachable);
}

TEST_P(StreamContract, OutlivesTheTimeoutOfItsOpening) {
  std::atomic<bool> timed_out{false};
  std::unique_ptr<Server> server;
  server = serve([&](Peer& peer) {
    PeerRequest request;
    if (!peer.read_request(request)) return;
    peer.write(kStreamHead);
    server->wait_for([&] { return timed_out.load() || server->stopping(); });
    peer.write(chunk("{}\n"));
    peer.read_request(request);
  });
  const auto transport = transport_to(*server);
  auto request = get();
  request.timeout = seconds(1);  // enough to open it on a busy machine
  auto stream = transport->open(request);
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ((*stream)->read(milliseconds(1100)).outcome, Outcome::kTimeout);
  timed_out = true;
  server->changed();
  EXPECT_EQ((*stream)->read(kPatience).outcome, Outcome::kData);
}

// cpprestsdk's default timeout of 30 s ends a watch that has nothing to tell.
TEST_P(StreamContract, AQuietMinuteDoesNotEndIt) {
  if (std::getenv("SWO_SLOW_TESTS") == nullptr) GTEST_SKIP() << "takes 35 s: set SWO_SLOW_TESTS";
  std::atomic<bool> waited{false};
  std::unique_ptr<Server> server;
  server = serve([&](Peer& peer) {
    PeerRequest request;
    if (!peer.read_request(request)) return;
    peer.write(kStreamHead);
    while (!waited && !server->stopping()) {
      server->wait_for([&] { return waited.load() || server->stopping(); });
    }
    peer.write(chunk("{}\n"));
    peer.read_request(request);
  });
  const auto transport = transport_to(*server);
  const auto stream = open(*transport);
  EXPECT_EQ(stream->read(seconds(35)).outcome, Outcome::kTimeout);
  waited = true;
  server->changed();
  EXPECT_EQ(stream->read(kPatience).outcome, Outcome::kData);
}

TEST_P(StreamContract, CloseFromAnotherThreadEndsAReadWithoutBlame) {
  std::atomic<bool> open_now{false};
  std::unique_ptr<Server> server;
  server = serve([&](Peer& peer) {
    PeerRequest request;
    if (!peer.read_request(request)) return;
    peer.write(kStreamHead);
    open_now = true;
    server->changed();
    peer.read_request(request);
  });
  const auto transport = transport_to(*server);
  const auto stream = open(*transport);
  std::thread closer([&] {
    server->wait_for([&] { return open_now.load(); });
    stream->close();
    stream->close();
  });
  const auto read = stream->read(std::chrono::minutes(5));
  closer.join();
  EXPECT_EQ(read.outcome, Outcome::kEnd) << read.error.message;
  EXPECT_EQ(stream->read(kPatience).outcome, Outcome::kEnd);
}

TEST_P(StreamContract, ClosingLetsTheServerGo) {
  std::atomic<bool> gone{false};
  std::unique_ptr<Server> server;
  server = serve([&](Peer& peer) {
    PeerRequest request;
    if (!peer.read_request(request)) return;
    peer.write(std::string(kStreamHead) + chunk("{}\n"));
    while (peer.read_request(request)) {
    }
    gone = true;
    server->changed();
  });
  const auto transport = transport_to(*server);
  {
    const auto stream = open(*transport);
    EXPECT_EQ(stream->read(kPatience).outcome, Outcome::kData);
  }
  EXPECT_TRUE(server->wait_for([&] { return gone.load(); }));
}

TEST_P(StreamContract, ShutdownEndsItAsCancelled) {
  std::atomic<bool> open_now{false};
  std::unique_ptr<Server> server;
  server = serve([&](Peer& peer) {
    PeerRequest request;
    if (!peer.read_request(request)) return;
    peer.write(kStreamHead);
    open_now = true;
    server->changed();
    peer.read_request(request);
  });
  const auto transport = transport_to(*server);
  const auto stream = open(*transport);
  std::thread stopper([&] {
    server->wait_for([&] { return open_now.load(); });
    transport->shutdown();
  });
  const auto read = stream->read(std::chrono::minutes(5));
  stopper.join();
  EXPECT_EQ(read.outcome, Outcome::kError);
  EXPECT_EQ(read.error.kind, ErrorKind::kCancelled);
}

TEST_P(StreamContract, ManyAreOpenBesideRequests) {
  std::atomic<bool> go{false};
  std::unique_ptr<Server> server;
  server = serve([&](Peer& peer) {
    PeerRequest request;
    while (peer.read_request(request)) {
      if (request.target == "/version") {
        if (!peer.answer(200, "{}")) return;
        continue;
      }
      peer.write(kStreamHead);
      server->wait_for([&] { return go.load() || server->stopping(); });
      peer.write(chunk("now\n") + std::string(kLastChunk));
    }
  });
  const auto transport = transport_to(*server);
  std::vector<std::unique_ptr<ByteStream>> streams;
  for (int i = 0; i < 10; ++i) streams.push_back(open(*transport));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(transport->send(get()));
  go = true;
  server->changed();
  for (const auto& stream : streams) EXPECT_EQ(drain(*stream).first, "now\n");
}

TEST_P(StreamContract, ReconnectsLeaveNoDescriptorBehind) {
  const auto server = serve(answering([](Peer& peer, const PeerRequest&) {
    return peer.write(std::string(kStreamHead) + chunk("{}\n")) && false;
  }));
  const auto transport = transport_to(*server);
  const auto reconnect = [&] { drain(*open(*transport)); };
  const auto descriptors = [] {
    int count = 0;
    for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
  };
  for (int i = 0; i < 10; ++i) reconnect();
  const int before = descriptors();
  // With TLS cpprestsdk reads the system's CAs for each connection, 20 ms of work.
  const bool slow = GetParam().make == make_cpprest_transport && GetParam().tls;
  for (int i = 0; i < (slow ? 100 : 1000); ++i) reconnect();
  // Connections still on their way to be closed, on either side.
  EXPECT_LE(descriptors(), before + 20);
}

}  // namespace
}  // namespace swo::kube::test
