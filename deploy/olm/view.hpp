// The files of a bundle and its catalog, parsed once for all rules. Internal to olm.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "olm/bundle.hpp"
#include "olm/check.hpp"

namespace olm {

struct View {
  explicit View(const Files& files);

  std::vector<std::pair<std::string, Json>> manifests;  // file, document
  std::string csv_file = "bundle/manifests";
  Json csv = Json::object();  // {} when there is not exactly one
  std::vector<Json> crds;
  Json annotations = Json::object();
  std::string dockerfile;
  std::vector<Json> catalog;
  bool dependencies = false;
  std::size_t bytes = 0;  // of the manifests
};

using Findings = std::vector<Finding>;

// A rule looks at one thing and says what is wrong with it.
using BundleRule = void (*)(const View& view, Findings& findings);

const std::vector<BundleRule>& csv_rules();
const std::vector<BundleRule>& catalog_rules();

// "" when any step of the JSON pointer is missing or the value is no text.
std::string text_at(const Json& document, const std::string& pointer);
// An empty list when there is none.
Json list_at(const Json& document, const std::string& pointer);

}  // namespace olm
