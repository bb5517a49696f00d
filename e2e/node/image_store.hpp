// Images in an OCI layout on disk (opencontainers/image-spec, image-layout.md), unpacked when first
// used. Thread-safe; two programs may share one directory.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace node {

// The part of an image's configuration that says how it is run.
struct ImageConfig {
  std::vector<std::string> entrypoint, cmd, env;
  std::string user, working_dir, stop_signal;
  std::vector<std::string> exposed_ports;  // "80/tcp"
};

struct Image {
  std::string digest;  // of its manifest
  std::string rootfs;  // directory, read-only by agreement
  ImageConfig config;
};

class ImageStore {
 public:
  // `directory` holds index.json and blobs/; the unpacked trees are kept in its rootfs/.
  explicit ImageStore(std::string directory);

  // The image of that reference ("localhost/test-nginx:latest"; without tag: latest), unpacked;
  // nothing when the layout has none of that name. Throws std::runtime_error when the layout is
  // damaged.
  std::optional<Image> find(const std::string& reference);
  std::vector<std::string> references() const;

 private:
  std::string directory_;
  std::mutex unpacking_;
};

// Where the demo image is looked for: $SWO_DEMO_IMAGE_DIR, else the default of build-demo-image.sh.
std::string demo_image_dir();

}  // namespace node
