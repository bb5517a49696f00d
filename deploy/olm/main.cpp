// olm-bundle: writes the OLM bundle and catalog below deploy/, and says what their validators
// would.
#include <cstdio>
#include <exception>
#include <fstream>

#include <CLI/CLI.hpp>

#include "olm/bundle.hpp"
#include "olm/check.hpp"

namespace {

void write(const olm::Files& files, const std::filesystem::path& output) {
  for (const auto& [path, content] : files) {
    const auto file = output / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file);
    out << content;
    if (!out.flush()) throw std::runtime_error(file.string() + ": cannot be written");
  }
}

int run(const olm::Options& options, const std::filesystem::path& output) {
  olm::Files files = olm::make_bundle(options);
  files.merge(olm::make_catalog(options));
  // What an earlier run wrote and this one does not would stay in the image.
  for (const char* folder : {"bundle", "catalog"}) std::filesystem::remove_all(output / folder);
  write(files, output);
  const auto findings = olm::check(files);
  for (const olm::Finding& finding : findings) {
    std::fprintf(stderr, "%s: %s\n", finding.file.c_str(), finding.message.c_str());
  }
  return findings.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  olm::Options options;
  std::filesystem::path output = "deploy";
  CLI::App app("Writes the OLM bundle and catalog from crds/ and config/.", "olm-bundle");
  app.add_option("--source", options.source, "The repository")->capture_default_str();
  app.add_option("--output", output, "Where bundle/, catalog/ and bundle.Dockerfile go")
      ->capture_default_str();
  app.add_option("--version", options.version, "The version, without v")->capture_default_str();
  app.add_option("--image", options.image, "The operator's image; a release gives a digest")
      ->capture_default_str();
  app.add_option("--bundle-image", options.bundle_image, "The bundle's own image")
      ->capture_default_str();
  app.add_option("--channel", options.channel, "candidate, fast or stable")->capture_default_str();
  app.add_option("--replaces", options.replaces, "The ClusterServiceVersion before this one");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options, output);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "olm-bundle: %s\n", error.what());
    return 1;
  }
}
