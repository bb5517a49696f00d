// A local OCI layout: names, layers and whiteouts. Needs tar, no privileges.
#include "node/image_store.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "node/process.hpp"

namespace node {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Images : public ::testing::Test {
 protected:
  Images() {
    std::string pattern = ::testing::TempDir() + "images.XXXXXX";
    layout_ = mkdtemp(pattern.data());
    fs::create_directories(layout_ / "blobs/test");
  }
  ~Images() override { fs::remove_all(layout_); }

  // A layer of these files; its digest. Digests here are just names: the store takes them as given.
  std::string layer(const std::string& name, const std::vector<std::string>& files) {
    const fs::path tree = layout_ / ("tree-" + name);
    for (const std::string& file : files) {
      fs::create_directories((tree / file).parent_path());
      std::ofstream(tree / file) << name;
    }
    run_or_throw(
        {"tar", "--create", "--file", layout_ / "blobs/test" / name, "--directory", tree, "."});
    return "test:" + name;
  }
  std::string blob(const std::string& name, const Json& content) {
    std::ofstream(layout_ / "blobs/test" / name) << content;
    return "test:" + name;
  }
  void add(const std::string& reference, const std::vector<std::string>& layers,
           const Json& config) {
    const std::string id = std::to_string(index_["manifests"].size());
    Json descriptors = Json::array();
    for (const std::string& digest : layers) descriptors.push_back({{"digest", digest}});
    const Json manifest{{"config", {{"digest", blob("config" + id, {{"config", config}})}}},
                        {"layers", descriptors}};
    index_["manifests"].push_back(
        {{"digest", blob("manifest" + id, manifest)},
         {"annotations", {{"org.opencontainers.image.ref.name", reference}}}});
    std::ofstream(layout_ / "index.json") << index_;
  }

  fs::path layout_;
  Json index_{{"manifests", Json::array()}};
};

TEST_F(Images, AnImageIsFoundByItsNameWithItsConfiguration) {
  add("localhost/app:latest", {layer("base", {"sbin/init"})},
      {{"Cmd", {"/sbin/init"}}, {"StopSignal", "SIGRTMIN+3"}, {"ExposedPorts", {{"80/tcp", {}}}}});
  ImageStore store(layout_);
  const auto image = store.find("localhost/app");
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->config.cmd, std::vector<std::string>{"/sbin/init"});
  EXPECT_EQ(image->config.stop_signal, "SIGRTMIN+3");
  EXPECT_EQ(image->config.exposed_ports, std::vector<std::string>{"80/tcp"});
  EXPECT_TRUE(fs::exists(fs::path(image->rootfs) / "sbin/init"));
  EXPECT_FALSE(store.find("localhost/app:other").has_value());
  EXPECT_FALSE(ImageStore("/no/such/directory").find("localhost/app").has_value());
}

TEST_F(Images, UpperLayersReplaceAndDeleteWhatIsBelow) {
  add("localhost/app:1",
      {layer("base", {"etc/kept", "etc/deleted", "opt/all/one", "opt/all/two"}),
       layer("top", {"etc/.wh.deleted", "opt/all/.wh..wh..opq", "opt/all/three"})},
      Json::object());
  const auto image = ImageStore(layout_).find("localhost/app:1");
  ASSERT_TRUE(image.has_value());
  const fs::path root = image->rootfs;
  EXPECT_TRUE(fs::exists(root / "etc/kept"));
  EXPECT_FALSE(fs::exists(root / "etc/deleted"));
  EXPECT_FALSE(fs::exists(root / "etc/.wh.deleted"));
  EXPECT_FALSE(fs::exists(root / "opt/all/one"));
  EXPECT_TRUE(fs::exists(root / "opt/all/three"));
}

TEST_F(Images, ImagesOfTheSameLayersShareOneTree) {
  const std::string base = layer("base", {"file"});
  add("localhost/app:a", {base}, {{"StopSignal", "SIGTERM"}});
  add("localhost/app:b", {base}, Json::object());
  ImageStore store(layout_);
  EXPECT_EQ(store.find("localhost/app:a")->rootfs, store.find("localhost/app:b")->rootfs);
  EXPECT_EQ(store.references().size(), 2U);
}

TEST_F(Images, ADamagedLayoutSaysWhatIsMissing) {
  add("localhost/app:1", {"test:absent"}, Json::object());
  EXPECT_THROW(ImageStore(layout_).find("localhost/app:1"), std::runtime_error);
  std::ofstream(layout_ / "index.json") << "{";
  EXPECT_THROW(ImageStore(layout_).find("localhost/app:1"), std::exception);
}

}  // namespace
}  // namespace node
