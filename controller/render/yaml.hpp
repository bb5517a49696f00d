// YAML both ways: documents as people read and review them, and manifests as kubectl reads them.
//
// Pure. Reading never throws: bad input is the first fault, with its line.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/json.hpp"

namespace swo::render {

// Keys sorted after apiVersion, kind, metadata and name; text quoted where a YAML 1.1 or 1.2 reader
// could take it for something else, text of several lines as a | block. Each document is followed
// by "---\n", but the last.
std::string to_yaml(const std::vector<Json>& documents);
std::string document_to_yaml(const Json& document);

struct YamlError {
  int line = 0;  // 1 = first; 0 = not known
  std::string text;
};

// Plain scalars are taken as kubectl takes them (sigs.k8s.io/yaml: YAML 1.1, so `yes` and `on` are
// true and 0755 is octal). Empty documents are skipped. Refused: keys given twice or not text,
// aliases that would unfold to more than a hundred thousand values, and documents nested deeper
// than a hundred levels.
std::variant<std::vector<Json>, YamlError> read_yaml(const std::string& text);

}  // namespace swo::render
