#include "node/image_store.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "node/process.hpp"

namespace node {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kReferenceName = "org.opencontainers.image.ref.name";
constexpr const char* kWhiteout = ".wh.";        // image-spec, layer.md: the file is deleted
constexpr const char* kOpaque = ".wh..wh..opq";  // … or the whole directory's lower content

Json read_json(const fs::path& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("image layout: cannot read " + path.string());
  return Json::parse(in);
}

fs::path blob(const fs::path& layout, const std::string& digest) {
  const auto colon = digest.find(':');
  if (colon == std::string::npos || digest.find('/') != std::string::npos) {
    throw std::runtime_error("image layout: bad digest " + digest);
  }
  return layout / "blobs" / digest.substr(0, colon) / digest.substr(colon + 1);
}

std::string with_tag(const std::string& reference) {
  const auto slash = reference.find_last_of('/');
  const auto last = slash == std::string::npos ? 0 : slash;
  return reference.find_first_of(":@", last) == std::string::npos ? reference + ":latest"
                                                                  : reference;
}

void apply_whiteouts(const fs::path& layer) {
  std::vector<fs::path> marks;
  for (const auto& entry : fs::recursive_directory_iterator(layer)) {
    if (entry.path().filename().string().rfind(kWhiteout, 0) == 0) marks.push_back(entry.path());
  }
  for (const fs::path& mark : marks) fs::remove(mark);
}

// What an upper layer deletes is deleted before it is unpacked over the lower ones.
void delete_what_it_hides(const fs::path& layer, const fs::path& tree) {
  const std::string names = run_or_throw({"tar", "--list", "--file", layer});
  for (std::size_t at = 0; at < names.size();) {
    const std::size_t end = std::min(names.find('\n', at), names.size());
    const fs::path name = names.substr(at, end - at);
    at = end + 1;
    const std::string base = name.filename();
    if (base.rfind(kWhiteout, 0) != 0) continue;
    const fs::path dir = tree / name.parent_path().relative_path();
    if (base != kOpaque) {
      fs::remove_all(dir / base.substr(std::string(kWhiteout).size()));
    } else if (fs::is_directory(dir)) {
      for (const auto& entry : fs::directory_iterator(dir)) fs::remove_all(entry.path());
    }
  }
}

void unpack(const fs::path& layout, const Json& layers, const fs::path& target) {
  std::string scratch = target.string() + ".XXXXXX";
  fs::create_directories(target.parent_path());
  if (mkdtemp(scratch.data()) == nullptr) throw std::runtime_error("cannot write " + scratch);
  fs::permissions(scratch, fs::perms(0755));
  bool first = true;
  for (const Json& layer : layers) {
    const fs::path tar = blob(layout, layer.at("digest").get<std::string>());
    if (!first) delete_what_it_hides(tar, scratch);
    run_or_throw({"tar", "--extract", "--numeric-owner", "--same-permissions", "--xattrs",
                  "--xattrs-include=*", "--directory", scratch, "--file", tar});
    if (!first) apply_whiteouts(scratch);
    first = false;
  }
  std::error_code lost;  // another program was faster: its tree is the same
  fs::rename(scratch, target, lost);
  if (lost) fs::remove_all(scratch);
}

std::vector<std::string> strings(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return {};
  return found->get<std::vector<std::string>>();
}

ImageConfig parse_config(const Json& document) {
  const Json& config = document.contains("config") ? document["config"] : Json::object();
  ImageConfig out;
  out.entrypoint = strings(config, "Entrypoint");
  out.cmd = strings(config, "Cmd");
  out.env = strings(config, "Env");
  out.user = config.value("User", "");
  out.working_dir = config.value("WorkingDir", "");
  out.stop_signal = config.value("StopSignal", "");
  if (config.contains("ExposedPorts")) {
    for (const auto& [port, empty] : config["ExposedPorts"].items())
      out.exposed_ports.push_back(port);
  }
  return out;
}

}  // namespace

ImageStore::ImageStore(std::string directory) : directory_(std::move(directory)) {}

std::optional<Image> ImageStore::find(const std::string& reference) {
  const fs::path layout = directory_;
  if (!fs::exists(layout / "index.json")) return std::nullopt;
  const std::string wanted = with_tag(reference);
  const Json index = read_json(layout / "index.json");
  for (const Json& entry : index.at("manifests")) {
    const Json annotations = entry.value("annotations", Json::object());
    if (annotations.value(kReferenceName, "") != wanted) continue;
    Image image;
    image.digest = entry.at("digest").get<std::string>();
    const Json manifest = read_json(blob(layout, image.digest));
    const Json& layers = manifest.at("layers");
    image.config = parse_config(
        read_json(blob(layout, manifest.at("config").at("digest").get<std::string>())));
    std::string tree;  // images of the same layers share one
    for (const Json& layer : layers) {
      tree += (tree.empty() ? "" : "-") + blob(layout, layer.at("digest")).filename().string();
    }
    if (tree.size() > 200)
      tree = image.digest.substr(image.digest.find(':') + 1);  // file name limit
    image.rootfs = layout / "rootfs" / tree;
    const std::scoped_lock lock(unpacking_);
    if (!fs::exists(image.rootfs)) unpack(layout, layers, image.rootfs);
    return image;
  }
  return std::nullopt;
}

std::vector<std::string> ImageStore::references() const {
  std::vector<std::string> names;
  const fs::path path = fs::path(directory_) / "index.json";
  if (!fs::exists(path)) return names;
  const Json index = read_json(path);
  for (const Json& entry : index.at("manifests")) {
    const Json annotations = entry.value("annotations", Json::object());
    if (annotations.contains(kReferenceName)) names.push_back(annotations[kReferenceName]);
  }
  return names;
}

std::string demo_image_dir() {
  if (const char* dir = std::getenv("SWO_DEMO_IMAGE_DIR"); dir != nullptr && *dir != 0) return dir;
  const char* home = std::getenv("HOME");
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const std::string base = cache != nullptr && *cache != 0
                               ? std::string(cache)
                               : std::string(home == nullptr ? "/root" : home) + "/.cache";
  return base + "/systemd-workload-operator/demo-image";
}

}  // namespace node
