#include "kube/credentials.hpp"

#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "files/temporary_folder.hpp"
#include "kube/exec_plugin.hpp"

namespace swo::kube {
namespace {

using std::chrono::seconds;

struct FileTokenTest : testing::Test {
  swo::test::TemporaryFolder folder;
  std::string path = folder.write("token", "one\n");
  std::chrono::steady_clock::time_point now{};
  FileToken token{path, "field", [this] { return now; }};
};

TEST_F(FileTokenTest, IsReadAgainAfterAMinute) {
  EXPECT_EQ(*token.authorization(), "Bearer one");
  folder.write("token", "two\n");
  now += seconds(59);
  EXPECT_EQ(*token.authorization(), "Bearer one");
  now += seconds(1);
  EXPECT_EQ(*token.authorization(), "Bearer two");
}

TEST_F(FileTokenTest, IsReadAgainAtOnceWhenRefused) {
  EXPECT_EQ(*token.authorization(), "Bearer one");
  folder.write("token", "two\n");
  token.refresh("Bearer an older one");
  EXPECT_EQ(*token.authorization(), "Bearer one") << "someone else's refusal";
  token.refresh("Bearer one");
  EXPECT_EQ(*token.authorization(), "Bearer two");
}

TEST_F(FileTokenTest, StaysInUseWhileItsFileIsUnreadable) {
  EXPECT_EQ(*token.authorization(), "Bearer one");
  for (const char* broken : {"", "two\nthree\n"}) {
    folder.write("token", broken);
    token.refresh("Bearer one");
    EXPECT_EQ(*token.authorization(), "Bearer one");
  }
  std::filesystem::remove(path);
  now += seconds(61);
  EXPECT_EQ(*token.authorization(), "Bearer one");
  folder.write("token", "two\n");
  EXPECT_EQ(*token.authorization(), "Bearer two");
}

TEST_F(FileTokenTest, AFileThatNeverWasReadableIsAConfigError) {
  FileToken missing(folder.path() + "/absent", "users[u].user.tokenFile");
  const auto read = missing.authorization();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::kConfig);
  EXPECT_TRUE(read.error().message.starts_with("users[u].user.tokenFile: "));
}

struct ExecTest : testing::Test {
  swo::test::TemporaryFolder folder;
  std::chrono::system_clock::time_point now = std::chrono::system_clock::from_time_t(1'800'000'000);
  ExecSpec spec;

  ExecTest() {
    spec.field = "config: users[u].user.exec";
    spec.api_version = "client.authentication.k8s.io/v1";
  }
  // A plugin that counts its runs in the file "runs" and then does `body`.
  ExecCredentials plugin(const std::string& body,
                         std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    spec.command =
        folder.write("plugin", "#!/bin/sh\necho run >>" + folder.path() + "/runs\n" + body + "\n");
    return ExecCredentials(
        spec, [this] { return now; }, limit);
  }
  std::size_t runs() const {
    const auto text = read_config_file(folder.path() + "/runs", "runs");
    return text ? text->size() / 4 : 0;
  }
  static std::string credential(const std::string& status,
                                const std::string& version = "client.authentication.k8s.io/v1") {
    return "echo '{\"apiVersion\":\"" + version +
           "\",\"kind\":\"ExecCredential\",\"status\":" + status + "}'";
  }
  std::string refusal(const std::string& body) {
    const auto result = plugin(body).authorization();
    EXPECT_FALSE(result) << body;
    if (result) return {};
    EXPECT_EQ(result.error().kind, ErrorKind::kConfig);
    EXPECT_TRUE(result.error().message.starts_with(spec.field)) << result.error().message;
    EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
    return result.error().message;
  }
};

TEST_F(ExecTest, RunsOnceUntilTheCredentialExpires) {
  // 1 800 000 000 is 2027-01-15T08:00:00Z.
  auto exec =
      plugin(credential(R"({"token":"t","expirationTimestamp":"2027-01-15T09:30:00.5+01:00"})"));
  EXPECT_EQ(*exec.authorization(), "Bearer t");
  now += std::chrono::minutes(29);
  EXPECT_EQ(*exec.authorization(), "Bearer t");
  EXPECT_EQ(runs(), 1U);
  now += std::chrono::minutes(1);
  EXPECT_EQ(*exec.authorization(), "Bearer t");
  EXPECT_EQ(runs(), 2U);
}

TEST_F(ExecTest, RunsAgainWhenItsTokenIsRefusedButOnceForAll) {
  auto exec = plugin(credential("{\"token\":\"t'$(wc -l <" + folder.path() + "/runs)'\"}"));
  EXPECT_EQ(*exec.authorization(), "Bearer t1");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&exec] {
      exec.refresh("Bearer t1");
      EXPECT_TRUE(exec.authorization());
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(*exec.authorization(), "Bearer t2");
  EXPECT_EQ(runs(), 2U);
}

TEST_F(ExecTest, IsGivenArgumentsEnvironmentAndTheCluster) {
  spec.args = {"get token", "--x"};
  spec.env = {{"PLUGIN_MODE", "fast"}};
  spec.cluster = {{"server", "https://api.test"}};
  auto exec =
      plugin("echo \"$KUBERNETES_EXEC_INFO\" >" + folder.path() + "/info\n" +
             R"(echo "{\"apiVersion\":\"client.authentication.k8s.io/v1\",)"
             R"(\"kind\":\"ExecCredential\",\"status\":{\"token\":\"$PLUGIN_MODE-$#-$2\"}}")");
  EXPECT_EQ(*exec.authorization(), "Bearer fast-2---x");
  const auto info = Json::parse(*read_config_file(folder.path() + "/info", "info"));
  EXPECT_EQ(info["spec"]["cluster"]["server"], "https://api.test");
  EXPECT_EQ(info["spec"]["interactive"], false);
  EXPECT_EQ(info["apiVersion"], spec.api_version);
}

TEST_F(ExecTest, MayGiveAClientCertificate) {
  auto exec = plugin(credential(R"({"clientCertificateData":"cert","clientKeyData":"key"})"));
  TlsMaterial material{"ca", "", ""};
  ASSERT_TRUE(exec.add_certificate(material));
  EXPECT_EQ(material, (TlsMaterial{"ca", "cert", "key"}));
  EXPECT_EQ(*exec.authorization(), "");
  EXPECT_EQ(runs(), 1U);
}

TEST_F(ExecTest, FailuresSayWhatThePluginDid) {
  EXPECT_NE(refusal("echo log in first >&2\nexit 3").find("status 3: log in first"),
            std::string::npos);
  EXPECT_NE(refusal("kill -9 $$").find("status 137"), std::string::npos);
  EXPECT_NE(refusal("echo hello").find("no ExecCredential"), std::string::npos);
  EXPECT_NE(refusal("true").find("no ExecCredential"), std::string::npos);
  EXPECT_NE(refusal(credential("{}")).find("neither a token"), std::string::npos);
  EXPECT_NE(refusal(credential("7")).find("no status"), std::string::npos);
  EXPECT_NE(refusal(credential(R"({"clientKeyData":"k"})")).find("without the other"),
            std::string::npos);
  EXPECT_NE(refusal(credential(R"({"token":"t"})", "client.authentication.k8s.io/v1beta1"))
                .find("another apiVersion"),
            std::string::npos);
  EXPECT_NE(refusal(credential(R"({"token":"t","expirationTimestamp":"soon"})")).find("RFC 3339"),
            std::string::npos);
}

TEST_F(ExecTest, ItsOutputIsNeverShown) {
  EXPECT_EQ(refusal("echo s3cret").find("s3cret"), std::string::npos);
  EXPECT_EQ(refusal(credential(R"({"token":"s3cret with a blank"})")).find("s3cret"),
            std::string::npos);
}

TEST_F(ExecTest, AProgramThatIsNotThereIsNamedWithItsInstallHint) {
  spec.command = "no-such-plugin";
  spec.install_hint = "install it with make";
  const auto result = ExecCredentials(spec).authorization();
  ASSERT_FALSE(result);
  for (const char* word : {"users[u].user.exec", "no-such-plugin", "No such file", "with make"}) {
    EXPECT_NE(result.error().message.find(word), std::string::npos) << result.error().message;
  }
}

TEST_F(ExecTest, AHangingPluginIsStoppedWithItsChildren) {
  for (const char* body : {"sleep 1000 & wait", "exec >&- 2>&-; sleep 1000"}) {
    const auto result = plugin(body, std::chrono::milliseconds(200)).authorization();
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find("no result within 200 ms"), std::string::npos);
  }
}

TEST_F(ExecTest, AFloodOfOutputIsBounded) {
  refusal("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2");
}

}  // namespace
}  // namespace swo::kube
