// The OLM bundle and catalog, made from crds/ and config/ so that nothing is written twice.
//
// Formats: operator-framework/operator-registry docs/design/operator-bundle.md (registry+v1) and
// docs/reference/file-based-catalogs of olm.operatorframework.io. Errors are std::runtime_error
// that name the file at fault. Thread-compatible.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "olm/yaml.hpp"

namespace olm {

inline constexpr const char* kPackage = "systemd-workload-operator";
inline constexpr const char* kFirstRelease = "0.1.0";
// In the repository.
inline constexpr const char* kCrdFile = "crds/workloads.systemd-operator.dev_systemdworkloads.yaml";

struct Options {
  std::filesystem::path source = ".";  // the repository
  std::string version = "0.1.0";       // semver, without the v
  // A release gives both by digest, so that what was tested is what runs.
  std::string image = "quay.io/systemd-operator/systemd-workload-operator:v0.1.0";
  std::string bundle_image = "quay.io/systemd-operator/systemd-workload-operator-bundle:v0.1.0";
  std::string channel = "candidate";  // candidate, fast or stable
  std::string replaces;               // the CSV before, "" = the first
};

// Path below the output directory → content.
using Files = std::map<std::string, std::string>;

// bundle/manifests/*, bundle/metadata/annotations.yaml, bundle/tests/scorecard/config.yaml and
// bundle.Dockerfile.
Files make_bundle(const Options& options);

// catalog/<package>/catalog.yaml: the package, its channel, its bundle.
Files make_catalog(const Options& options);

// The versions that this one may follow at once, past those between: the catalog holds the newest
// alone. "" for the first.
std::string skip_range(const Options& options);

// The ClusterServiceVersion alone.
Json make_csv(const Options& options);

}  // namespace olm
