#include "devcluster/data.hpp"

#include <map>
#include <stdexcept>
#include <string_view>

#include "devcluster/yaml.hpp"

namespace devcluster {

const std::map<std::string_view, std::string_view>& data_texts();  // by cmake/embed.cmake

namespace {

std::map<std::string, nlohmann::json> parse_all() {
  std::map<std::string, nlohmann::json> out;
  for (const auto& [name, text] : data_texts()) {
    const std::string file(name);
    try {
      out[file] = yaml_to_json(std::string(text));
    } catch (const std::runtime_error& error) {
      throw std::logic_error("data/" + file + ": " + error.what());
    }
  }
  return out;
}

}  // namespace

const nlohmann::json& data(const std::string& file) {
  static const auto all = parse_all();
  const auto found = all.find(file);
  if (found == all.end()) throw std::logic_error("data/" + file + ": there is no such file");
  return found->second;
}

void check_keys(const nlohmann::json& entry, const EntryKeys& keys) {
  if (!entry.is_object()) throw std::logic_error("is no map");
  for (const std::string& key : keys.needed) {
    if (!entry.contains(key)) throw std::logic_error("lacks " + key);
  }
  for (const auto& [key, value] : entry.items()) {
    if (keys.needed.count(key) + keys.optional.count(key) == 0)
      throw std::logic_error(key + " is no key here");
  }
}

void each_entry(
    const std::string& file,
    const std::function<void(const std::string& name, const nlohmann::json& entry)>& read) {
  for (const auto& [name, entry] : data(file).items()) {
    try {
      read(name, entry);
    } catch (const std::exception& error) {
      throw std::logic_error("data/" + file + ": " + name + ": " + error.what());
    }
  }
}

}  // namespace devcluster
