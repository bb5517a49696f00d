#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "files/temporary_folder.hpp"
#include "kube/client_config.hpp"

namespace swo::kube {
namespace {

struct KubeconfigTest : testing::Test {
  swo::test::TemporaryFolder folder;
  std::map<std::string, std::string> environment;
  std::string context;

  ConfigOptions options(const std::string& path = "") {
    ConfigOptions out;
    out.kubeconfig = path;
    out.context = context;
    out.environment = [this](const std::string& name) {
      const auto it = environment.find(name);
      return it != environment.end() ? it->second : std::string();
    };
    return out;
  }
  Result<ClientConfig> load(const std::string& text) {
    return load_kubeconfig(options(folder.write("config", text)));
  }
  // The message of the error that `text` must give.
  std::string refusal(const std::string& text) {
    const auto config = load(text);
    EXPECT_FALSE(config) << text;
    if (config) return {};
    EXPECT_EQ(config.error().kind, ErrorKind::kConfig);
    EXPECT_EQ(config.error().message.find('\n'), std::string::npos) << config.error().message;
    return config.error().message;
  }
  // A kubeconfig of one context with these fields in its cluster and user.
  static std::string config_with(const std::string& cluster, const std::string& user,
                                 const std::string& extra = "") {
    return "apiVersion: v1\nkind: Config\ncurrent-context: dev\n"
           "contexts: [{name: dev, context: {cluster: c, user: u" +
           extra +
           "}}]\n"
           "clusters: [{name: c, cluster: {" +
           cluster + "}}]\nusers: [{name: u, user: {" + user + "}}]\n";
  }
};

constexpr const char* kServer = "server: 'https://api.test:6443'";

bool mentions(const std::string& text, const std::vector<std::string>& words) {
  for (const auto& word : words) {
    if (text.find(word) == std::string::npos) {
      ADD_FAILURE() << "\"" << word << "\" is not in: " << text;
      return false;
    }
  }
  return true;
}

TEST_F(KubeconfigTest, ReadsServerTokenAndNamespace) {
  const auto config =
      load(config_with(std::string(kServer) + ", tls-server-name: api, proxy-url: 'http://p:1'"
                                              ", insecure-skip-tls-verify: true",
                       "token: abc", ", namespace: team"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->transport.server, "https://api.test:6443");
  EXPECT_EQ(config->transport.tls_server_name, "api");
  EXPECT_EQ(config->transport.proxy_url, "http://p:1");
  EXPECT_TRUE(config->transport.insecure_skip_tls_verify);
  EXPECT_EQ(*config->transport.token->authorization(), "Bearer abc");
  EXPECT_EQ(config->ns, "team");
  EXPECT_TRUE(mentions(config->origin, {"/config", "dev"}));
}

TEST_F(KubeconfigTest, WithoutCredentialsThereIsNoTokenAndTheNamespaceIsDefault) {
  const auto config = load(config_with(kServer, ""));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->transport.token, nullptr);
  EXPECT_EQ(config->ns, "default");
}

TEST_F(KubeconfigTest, PasswordsAreBasicAuthorization) {
  const auto config = load(config_with(kServer, "username: Aladdin, password: 'open sesame'"));
  ASSERT_TRUE(config);
  EXPECT_EQ(*config->transport.token->authorization(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

TEST_F(KubeconfigTest, DataIsBase64AndWinsOverTheFile) {
  const auto config = load(config_with(
      std::string(kServer) + ", certificate-authority-data: Y2E=, certificate-authority: /no/ca",
      "client-certificate-data: Y2VydA==, client-key-data: a2V5"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_FALSE(config->transport.reread_tls);
  EXPECT_EQ(config->transport.tls, (TlsMaterial{"ca", "cert", "key"}));
}

TEST_F(KubeconfigTest, FilesAreRelativeToTheKubeconfigAndReadEachTime) {
  folder.write("pki/ca.pem", "ca 1");
  folder.write("cert.pem", "cert");
  const std::string key = folder.write("key.pem", "key");
  folder.write("token", "t1\n");
  const auto config = load(
      config_with(std::string(kServer) + ", certificate-authority: pki/ca.pem",
                  "client-certificate: ./cert.pem, client-key: '" + key + "', tokenFile: token"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(*config->transport.reread_tls(), (TlsMaterial{"ca 1", "cert", "key"}));
  EXPECT_EQ(*config->transport.token->authorization(), "Bearer t1");
  folder.write("pki/ca.pem", "ca 2");
  folder.write("token", "t2");
  EXPECT_EQ(config->transport.reread_tls()->ca, "ca 2");
  config->transport.token->refresh("Bearer t1");
  EXPECT_EQ(*config->transport.token->authorization(), "Bearer t2");
  std::filesystem::remove(key);
  const auto gone = config->transport.reread_tls();
  ASSERT_FALSE(gone);
  mentions(gone.error().message, {"users[u].user.client-key", key, "No such file"});
}

TEST_F(KubeconfigTest, AContextCanBeChosen) {
  const std::string text =
      "current-context: a\n"
      "contexts: [{name: a, context: {cluster: c}}, {name: b, context: {cluster: d}}]\n"
      "clusters: [{name: c, cluster: {server: 'http://c'}}, {name: d, cluster: {server: "
      "'http://d'}}]";
  EXPECT_EQ(load(text)->transport.server, "http://c");
  context = "b";
  EXPECT_EQ(load(text)->transport.server, "http://d");
  context = "z";
  mentions(refusal(text), {"no context \"z\"", "choose one of a, b"});
}

TEST_F(KubeconfigTest, SeveralFilesAreMergedAndTheFirstToNameAThingWins) {
  const std::string first =
      folder.write("one/config",
                   "current-context: dev\nclusters: [{name: c, cluster: {server: 'http://one', "
                   "certificate-authority: ca.pem}}]\nusers: [{name: u, user: {token: one}}]\n");
  const std::string second = folder.write(
      "two/config",
      "current-context: other\ncontexts: [{name: dev, context: {cluster: c, user: u}}]\n"
      "clusters: [{name: c, cluster: {server: 'http://two'}}]\n"
      "users: [{name: u, user: {token: two}}]\n");
  folder.write("one/ca.pem", "ca of one");
  environment["KUBECONFIG"] = first + ":/no/such/file::" + second;
  const auto config = load_client_config(options());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->transport.server, "http://one");
  EXPECT_EQ(*config->transport.token->authorization(), "Bearer one");
  EXPECT_EQ(config->transport.reread_tls()->ca, "ca of one");
}

TEST_F(KubeconfigTest, TheHomeFolderIsLastToBeLookedIn) {
  environment["HOME"] = folder.path();
  folder.write(".kube/config", config_with(kServer, "token: home"));
  EXPECT_EQ(*load_client_config(options())->transport.token->authorization(), "Bearer home");
  environment["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
  const auto in_pod = load_client_config(options());
  ASSERT_FALSE(in_pod) << "the Pod's service account comes first";
  mentions(in_pod.error().message, {"KUBERNETES_SERVICE_PORT"});
}

TEST_F(KubeconfigTest, ImpersonationBecomesHeaders) {
  const auto config = load(config_with(
      kServer, "as: jane, as-uid: '7', as-groups: [a, b], as-user-extra: {x.io/scope: [v w]}"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->transport.extra_headers, (std::vector<std::pair<std::string, std::string>>{
                                                 {"Impersonate-User", "jane"},
                                                 {"Impersonate-Uid", "7"},
                                                 {"Impersonate-Group", "a"},
                                                 {"Impersonate-Group", "b"},
                                                 {"Impersonate-Extra-x.io%2Fscope", "v w"}}));
}

TEST_F(KubeconfigTest, ErrorsNameFileFieldValueAndRemedy) {
  const std::string file = folder.path() + "/config";
  mentions(refusal("contexts: ["), {file, "is not YAML", "line 1"});
  mentions(refusal("just a text"), {file, "must be a mapping"});
  mentions(refusal("kind: Pod"), {file, "kind is \"Pod\"", "must be Config"});
  mentions(refusal(""), {file, "current-context is empty"});
  mentions(refusal("current-context: dev\ncontexts: {a: b}"), {file, "contexts: must be a list"});
  mentions(refusal("current-context: dev\ncontexts: [{name: dev, context: 7}]"),
           {file, "contexts[dev].context", "must be a mapping"});
  mentions(refusal("current-context: dev\ncontexts: [{name: dev, context: {cluster: c}}]"),
           {file, "contexts[dev].context.cluster", "no cluster \"c\"", "none"});
  mentions(refusal(config_with("server: ''", "")), {file, "clusters[c].cluster.server", "empty"});
  mentions(refusal(config_with("server: 'api.test:6443'", "")),
           {file, "clusters[c].cluster.server", "https://"});
  mentions(refusal(config_with(std::string(kServer) + ", insecure-skip-tls-verify: maybe", "")),
           {"insecure-skip-tls-verify", "\"maybe\"", "true or false"});
  mentions(
      refusal(config_with(
          std::string(kServer) + ", insecure-skip-tls-verify: true, certificate-authority: x", "")),
      {"insecure-skip-tls-verify", "keep one"});
  mentions(refusal(config_with(std::string(kServer) + ", certificate-authority-data: '%%'", "")),
           {"clusters[c].cluster.certificate-authority-data", "base64"});
  mentions(refusal(config_with(kServer, "token: a, username: b")), {"username", "keep one"});
  mentions(refusal(config_with(kServer, "token: [a]")), {"users[u].user.token", "must be a text"});
  mentions(refusal(config_with(kServer, "auth-provider: {name: gcp}")),
           {"users[u].user.auth-provider", "exec plugin"});
  const auto missing = load_kubeconfig(options("/no/such/kubeconfig"));
  ASSERT_FALSE(missing);
  mentions(missing.error().message, {"/no/such/kubeconfig", "No such file"});
}

TEST_F(KubeconfigTest, ATokenThatIsNoHeaderValueIsRefusedAndNotShown) {
  const std::string message = refusal(config_with(kServer, R"(token: "s3cret\r\nX-Evil: 1")"));
  mentions(message, {"users[u].user.token", "control characters"});
  EXPECT_EQ(message.find("s3cret"), std::string::npos);
}

TEST_F(KubeconfigTest, DeepOrHugeFilesAreRefused) {
  EXPECT_FALSE(load(std::string(100'000, '[')));
  EXPECT_FALSE(load(std::string(100'000, '{')));
  EXPECT_FALSE(load("a: " + std::string(2'000'000, 'x')));
}

TEST_F(KubeconfigTest, InAPodTheServiceAccountIsUsed) {
  folder.write("ca.crt", "ca");
  folder.write("token", "t1\n");
  folder.write("namespace", "operators");
  environment = {{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "443"}};
  const auto config = load_in_cluster(options().environment, folder.path());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->transport.server, "https://[fd00::1]:443");
  EXPECT_EQ(config->transport.reread_tls()->ca, "ca");
  EXPECT_EQ(*config->transport.token->authorization(), "Bearer t1");
  EXPECT_EQ(config->ns, "operators");
}

TEST_F(KubeconfigTest, APodWithoutATokenSaysWhichFileIsMissing) {
  folder.write("ca.crt", "ca");
  environment = {{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}, {"KUBERNETES_SERVICE_PORT", "443"}};
  const auto config = load_in_cluster(options().environment, folder.path());
  ASSERT_FALSE(config);
  mentions(config.error().message, {folder.path() + "/token", "No such file"});
}

}  // namespace
}  // namespace swo::kube
