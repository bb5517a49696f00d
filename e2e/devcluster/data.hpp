// The tables of data/*.yaml, which are built into the program. Read once; immutable, thread-safe.
//
// A fault in a table ends the program at its first use: std::logic_error naming file, entry and
// key.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

namespace devcluster {

const nlohmann::json& data(const std::string& file);

// What an entry may have: the keys that it needs and those that it can do without.
struct EntryKeys {
  std::set<std::string> needed, optional;
};
// Refuses, as the above does, an object that lacks a key or has another.
void check_keys(const nlohmann::json& entry, const EntryKeys& keys);

// What a word of an entry stands for; refuses, in the same way, one that stands for nothing.
template <typename Meaning>
const Meaning& meaning(const std::map<std::string, Meaning>& meanings, const std::string& word) {
  const auto found = meanings.find(word);
  if (found == meanings.end()) throw std::logic_error("\"" + word + "\" is not understood");
  return found->second;
}

// Each entry of the file: of a list under its number, of a map under its key. What `read` throws is
// told with the file and the entry.
void each_entry(
    const std::string& file,
    const std::function<void(const std::string& name, const nlohmann::json& entry)>& read);

}  // namespace devcluster
