// Rules for the file-based catalog.
#include <set>

#include "olm/view.hpp"

namespace olm {
namespace {

constexpr const char* kFile = "catalog";

std::vector<Json> of_schema(const View& view, const std::string& schema) {
  std::vector<Json> found;
  for (const Json& document : view.catalog) {
    if (text_at(document, "/schema") == schema) found.push_back(document);
  }
  return found;
}

void one_package(const View& view, Findings& findings) {
  const auto packages = of_schema(view, "olm.package");
  if (packages.size() != 1 || text_at(packages[0], "/name") != kPackage) {
    findings.push_back({kFile, "there must be one olm.package"});
    return;
  }
  bool found = false;
  for (const Json& channel : of_schema(view, "olm.channel")) {
    found = found || text_at(channel, "/name") == text_at(packages[0], "/defaultChannel");
  }
  if (!found) findings.push_back({kFile, "the default channel does not exist"});
}

// The head is what nothing replaces, skips or has in its skipRange; opm demands exactly one.
void one_head(const View& view, Findings& findings) {
  std::set<std::string> bundles;
  for (const Json& bundle : of_schema(view, "olm.bundle")) bundles.insert(text_at(bundle, "/name"));
  for (const Json& channel : of_schema(view, "olm.channel")) {
    const Json entries = list_at(channel, "/entries");
    std::set<std::string> heads;
    for (const Json& entry : entries) heads.insert(text_at(entry, "/name"));
    for (const Json& entry : entries) {
      heads.erase(text_at(entry, "/replaces"));
      for (const Json& skipped : list_at(entry, "/skips")) heads.erase(skipped.get<std::string>());
      if (!bundles.contains(text_at(entry, "/name"))) {
        findings.push_back({kFile, "no olm.bundle for " + text_at(entry, "/name")});
      }
    }
    if (heads.size() != 1) {
      findings.push_back({kFile, "channel " + text_at(channel, "/name") + " must have one head"});
    }
  }
}

void bundles(const View& view, Findings& findings) {
  for (const Json& bundle : of_schema(view, "olm.bundle")) {
    const std::string name = text_at(bundle, "/name");
    std::multiset<std::string> types;
    std::string version;
    for (const Json& property : list_at(bundle, "/properties")) {
      types.insert(text_at(property, "/type"));
      if (text_at(property, "/type") == "olm.package") {
        version = text_at(property, "/value/version");
      }
      if (text_at(property, "/type").ends_with(".required")) {
        findings.push_back({kFile, name + ": OLM v1 refuses dependencies"});
      }
    }
    if (types.count("olm.package") != 1 || name != std::string(kPackage) + ".v" + version) {
      findings.push_back({kFile, name + ": olm.package must tell its version"});
    }
    if (types.count("olm.gvk") == 0) findings.push_back({kFile, name + ": olm.gvk is missing"});
    if (types.count("olm.csv.metadata") != 1) {
      findings.push_back({kFile, name + ": olm.csv.metadata is missing"});
    }
    bool related = false;
    for (const Json& image : list_at(bundle, "/relatedImages")) {
      related = related || text_at(image, "/image") == text_at(bundle, "/image");
    }
    if (!related)
      findings.push_back({kFile, name + ": relatedImages lacks the bundle's own image"});
  }
}

}  // namespace

const std::vector<BundleRule>& catalog_rules() {
  static const std::vector<BundleRule> kRules = {one_package, one_head, bundles};
  return kRules;
}

}  // namespace olm
