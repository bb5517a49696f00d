// Volumes as the kubelet lays them out, and a container's environment. Needs no privileges.
#include "node/volumes.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/pod_error.hpp"

namespace node {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Volumes : public ::testing::Test {
 protected:
  Volumes() {
    std::string pattern = ::testing::TempDir() + "volumes.XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~Volumes() override { fs::remove_all(directory_); }

  std::map<std::string, std::string> write(const Json& volumes, const Contents& contents = {}) {
    pod_["spec"]["volumes"] = volumes;
    return write_volumes(pod_, contents, directory_, geteuid(), "10.244.0.2");
  }
  std::string refusal(const Json& volumes, const Contents& contents = {}) {
    try {
      write(volumes, contents);
    } catch (const PodError& e) {
      EXPECT_EQ(e.reason(), "FailedMount");
      return e.what();
    }
    return "accepted";
  }
  static std::string read(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  static int mode(const fs::path& path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 ? static_cast<int>(info.st_mode & 07777U) : -1;
  }

  std::string directory_;
  Json pod_{
      {"metadata",
       {{"name", "nginx-0"}, {"namespace", "demo"}, {"uid", "u-1"}, {"labels", {{"app", "x"}}}}},
      {"spec", Json::object()}};
};

TEST_F(Volumes, AConfigMapIsLinksThroughDataToItsKeys) {
  const auto made = write({{{"name", "c"}, {"configMap", {{"name", "m"}}}}},
                          {{"configmap/m", {{"a.conf", "A"}, {"b.conf", "B"}}}});
  const fs::path volume = made.at("c");
  EXPECT_EQ(fs::read_symlink(volume / "a.conf"), "..data/a.conf");
  EXPECT_TRUE(fs::is_symlink(volume / "..data"));
  EXPECT_EQ(read(volume / "a.conf"), "A");
  EXPECT_EQ(read(volume / "b.conf"), "B");
  EXPECT_EQ(mode(volume / "a.conf"), 0644);
  EXPECT_EQ(mode(volume), 0777);
}

TEST_F(Volumes, ItemsChooseNamePathsAndModes) {
  const auto made = write({{{"name", "s"},
                            {"secret",
                             {{"secretName", "s"},
                              {"defaultMode", 0400},
                              {"items",
                               {{{"key", "k"}, {"path", "deep/down"}},
                                {{"key", "l"}, {"path", "l"}, {"mode", 0600}}}}}}}},
                          {{"secret/s", {{"k", "K"}, {"l", "L"}, {"unwanted", "U"}}}});
  const fs::path volume = made.at("s");
  EXPECT_EQ(read(volume / "deep/down"), "K");
  EXPECT_EQ(fs::read_symlink(volume / "deep"), "..data/deep");
  EXPECT_EQ(mode(volume / "deep/down"), 0400);
  EXPECT_EQ(mode(volume / "l"), 0600);
  EXPECT_FALSE(fs::exists(volume / "unwanted"));
}

TEST_F(Volumes, ProjectedVolumesMergeTheirSources) {
  const auto made =
      write({{{"name", "p"},
              {"projected",
               {{"sources",
                 {{{"configMap", {{"name", "m"}}}},
                  {{"downwardAPI",
                    {{"items",
                      {{{"path", "labels"}, {"fieldRef", {{"fieldPath", "metadata.labels"}}}}}}}}},
                  {{"serviceAccountToken", {{"path", "token"}}}}}}}}}},
            {{"configmap/m", {{"ca.crt", "CA"}}}, {"token/p", {{"token", "T"}}}});
  const fs::path volume = made.at("p");
  EXPECT_EQ(read(volume / "ca.crt"), "CA");
  EXPECT_EQ(read(volume / "labels"), "app=\"x\"");
  EXPECT_EQ(read(volume / "token"), "T");
}

TEST_F(Volumes, WhatIsMissingIsNamedUnlessOptional) {
  EXPECT_THAT(refusal({{{"name", "v"}, {"secret", {{"secretName", "gone"}}}}}),
              HasSubstr("volume \"v\" : secret \"gone\" not found"));
  EXPECT_EQ(refusal({{{"name", "v"}, {"secret", {{"secretName", "gone"}, {"optional", true}}}}}),
            "accepted");
  EXPECT_THAT(refusal({{{"name", "v"}, {"persistentVolumeClaim", {{"claimName", "gone"}}}}}),
              HasSubstr("persistentvolumeclaim \"gone\" not found"));
  EXPECT_THAT(refusal({{{"name", "v"}, {"nfs", Json::object()}}}), HasSubstr("volume \"v\""));
}

TEST_F(Volumes, PathsStayInsideTheirVolume) {
  const Json items = {{{"key", "k"}, {"path", "../../escaped"}}};
  EXPECT_THAT(refusal({{{"name", "v"}, {"configMap", {{"name", "m"}, {"items", items}}}}},
                      {{"configmap/m", {{"k", "K"}}}}),
              HasSubstr("../../escaped"));
  EXPECT_THAT(refusal({{{"name", ".."}, {"emptyDir", Json::object()}}}), HasSubstr(".."));

  const auto made = write({{{"name", "e"}, {"emptyDir", Json::object()}}});
  fs::create_directory_symlink("/etc", made.at("e") + "/link");
  const auto mount = [&](const char* sub) {
    return volume_mounts(
        {{"volumeMounts", {{{"name", "e"}, {"mountPath", "/x"}, {"subPath", sub}}}}}, made, {},
        geteuid());
  };
  EXPECT_THROW(mount("link"), PodError);
  EXPECT_THROW(mount("../e"), PodError);
  EXPECT_EQ(mount("new/dir").at(0).source, fs::canonical(made.at("e")) / "new/dir");
}

TEST_F(Volumes, ASubPathOfAConfigMapIsTheFileItself) {
  const auto made =
      write({{{"name", "c"}, {"configMap", {{"name", "m"}}}}}, {{"configmap/m", {{"k", "K"}}}});
  const auto mounts = volume_mounts(
      {{"volumeMounts",
        {{{"name", "c"}, {"mountPath", "/etc/k"}, {"subPath", "k"}, {"readOnly", true}}}}},
      made, {}, geteuid());
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_FALSE(fs::is_symlink(mounts[0].source));
  EXPECT_EQ(read(mounts[0].source), "K");
  EXPECT_TRUE(mounts[0].read_only);
}

TEST_F(Volumes, EtcHostsNamesThePodAndItsAliases) {
  pod_["spec"] = {{"hostname", "nginx-0"},
                  {"subdomain", "nginx"},
                  {"hostAliases", {{{"ip", "192.0.2.1"}, {"hostnames", {"a", "b"}}}}}};
  const std::string hosts = etc_hosts(pod_, "10.244.0.2");
  EXPECT_THAT(hosts, HasSubstr("\n10.244.0.2\tnginx-0.nginx.demo.svc.cluster.local\tnginx-0\n"));
  EXPECT_THAT(hosts, HasSubstr("\n192.0.2.1\ta\tb\n"));
}

TEST(PodEnv, LaterEntriesWinAndReferencesAreFollowed) {
  const Json pod{{"metadata", {{"name", "nginx-0"}, {"labels", {{"app", "x"}}}}},
                 {"spec", Json::object()}};
  const Json container = Json::parse(R"json({
    "envFrom": [{"configMapRef": {"name": "m"}, "prefix": "M_"}, {"secretRef": {"name": "no", "optional": true}}],
    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)$(M_k)"}, {"name": "A", "value": "2"},
            {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "O", "valueFrom": {"secretKeyRef": {"name": "s", "key": "no", "optional": true}}},
            {"name": "L", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}}]})json");
  const Env env = container_env(
      pod, container, {{"configmap/m", {{"k", "v"}}}, {"secret/s", {{"k", "S!"}}}}, "10.244.0.2");
  EXPECT_THAT(env, ::testing::ElementsAre(::testing::Pair("M_k", "v"), ::testing::Pair("A", "2"),
                                          ::testing::Pair("B", "1v"), ::testing::Pair("S", "S!"),
                                          ::testing::Pair("L", "x")));
}

TEST(PodEnv, AMissingKeyIsNamed) {
  const Json container = {
      {"env",
       {{{"name", "A"}, {"valueFrom", {{"configMapKeyRef", {{"name", "m"}, {"key", "k"}}}}}}}}};
  try {
    container_env({{"metadata", Json::object()}}, container, {{"configmap/m", {}}}, "");
    FAIL() << "accepted";
  } catch (const PodError& e) {
    EXPECT_EQ(e.reason(), "CreateContainerConfigError");
    EXPECT_STREQ(e.what(), "couldn't find key k in configmap m");
  }
}

}  // namespace
}  // namespace node
