// ASCII alone: names of kinds, hosts, methods and headers. Pure.
#pragma once

#include <cctype>
#include <string>

namespace devcluster {

inline std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace devcluster
