#include "reconcile/drift.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "api/json_read.hpp"
#include "reconcile/fnv.hpp"

namespace swo::reconcile {
namespace {

// Neither document is copied or sorted: a part's hash is made from those of its parts.
enum class Tag : std::uint64_t { kScalar, kText, kList, kUnordered, kObject };

Fnv begin(Tag tag) {
  Fnv hash;
  hash.add(static_cast<std::uint64_t>(tag));
  return hash;
}

void add_text(Fnv& hash, std::string_view text) {
  for (const char c : text) {
    hash.add(static_cast<unsigned char>(c));
  }
  hash.add(text.size());
}

class ObjectHash {
 public:
  void add(std::string_view name, std::uint64_t value) {
    add_text(hash_, name);
    hash_.add(value);
  }
  std::uint64_t value() const { return hash_.value(); }

 private:
  Fnv hash_ = begin(Tag::kObject);
};

// Objects in a list count without regard to their order: it has no meaning in the kinds compared
// here, and a foreign item put between ours must not count.
class ListHash {
 public:
  void add(const Json& item, std::uint64_t value) {
    only_objects_ = only_objects_ && item.is_object();
    in_order_.add(value);
    Fnv mixed;
    mixed.add(value);
    sum_ += mixed.value();
    ++size_;
  }
  std::uint64_t value() const {
    Fnv hash = begin(only_objects_ ? Tag::kUnordered : Tag::kList);
    hash.add(only_objects_ ? sum_ : in_order_.value());
    hash.add(size_);
    return hash.value();
  }

 private:
  bool only_objects_ = true;
  Fnv in_order_;
  std::uint64_t sum_ = 0;
  std::uint64_t size_ = 0;
};

std::uint64_t hash_of_scalar(const Json& value) {
  const auto* text = value.get_ptr<const std::string*>();
  Fnv hash = begin(text != nullptr ? Tag::kText : Tag::kScalar);
  add_text(hash, text != nullptr ? *text : value.dump());
  return hash.value();
}

std::uint64_t hash_of(const Json& value);

using Names = std::span<const std::string_view>;

// A member that is null is the same as one left out: a server may keep it or not.
std::uint64_t hash_of_object(const Json& value, Names left_out = {}) {
  ObjectHash hash;
  for (auto member = value.begin(); member != value.end(); ++member) {
    const bool counts = std::find(left_out.begin(), left_out.end(), member.key()) == left_out.end();
    if (counts && !member->is_null()) {
      hash.add(member.key(), hash_of(*member));
    }
  }
  return hash.value();
}

// All of it.
std::uint64_t hash_of(const Json& value) {
  if (value.is_object()) {
    return hash_of_object(value);
  }
  if (value.is_array()) {
    ListHash hash;
    for (const Json& item : value) {
      hash.add(item, hash_of(item));
    }
    return hash.value();
  }
  return hash_of_scalar(value);
}

// Items times owned items. No list of ours comes near; a longer one that someone writes in our name
// is judged as a whole.
constexpr std::size_t kMostCompared = 250'000;

bool item_matches(const Json& item, const Json& key) {
  if (!item.is_object() || !key.is_object()) {
    return false;
  }
  return std::all_of(key.items().begin(), key.items().end(), [&](const auto& member) {
    const auto found = item.find(member.key());
    return found != item.end() && *found == member.value();
  });
}

std::uint64_t hash_of_owned(const Json& value, const Json& fields);

std::uint64_t hash_of_owned_items(const Json& list, const Json& fields) {
  struct Named {
    bool by_key;
    Json what;
    const Json* below;
  };
  std::vector<Named> owned;
  for (auto field = fields.begin(); field != fields.end(); ++field) {
    const std::string_view path = field.key();
    if (path.starts_with("k:") || path.starts_with("v:")) {
      owned.push_back({path.front() == 'k',
                       Json::parse(path.substr(2), nullptr, /*allow_exceptions=*/false), &*field});
    }
  }
  if (list.size() * owned.size() > kMostCompared) {
    return hash_of(list);
  }
  ListHash hash;
  for (const Json& item : list) {
    for (const Named& one : owned) {
      if (one.by_key && item_matches(item, one.what)) {
        hash.add(item, hash_of_owned(item, *one.below));
      } else if (!one.by_key && item == one.what) {
        hash.add(item, hash_of(item));
      }
    }
  }
  return hash.value();
}

// The part of `value` that a fieldsV1 node names: an empty node is a leaf and takes it whole.
std::uint64_t hash_of_owned(const Json& value, const Json& fields) {
  if (!fields.is_object() || fields.empty()) {
    return hash_of(value);
  }
  if (value.is_array()) {
    return hash_of_owned_items(value, fields);
  }
  if (!value.is_object()) {
    return hash_of_scalar(value);
  }
  ObjectHash hash;
  for (auto field = fields.begin(); field != fields.end(); ++field) {
    const std::string_view path = field.key();
    if (!path.starts_with("f:")) {
      continue;
    }
    const auto member = value.find(path.substr(2));
    if (member != value.end() && !member->is_null()) {
      hash.add(member.key(), hash_of_owned(*member, *field));
    }
  }
  return hash.value();
}

// Never part of fieldsV1: k8s.io/apimachinery/pkg/util/managedfields/internal/stripmeta.go.
constexpr std::array<std::string_view, 5> kIdentity = {"name", "namespace", "uid",
                                                       "resourceVersion", "managedFields"};

Digest never_nothing(std::uint64_t hash) { return hash == kNothingOwned ? 1 : hash; }

void merge_fields(Json& into, const Json& from) {
  for (const auto& [name, below] : from.items()) {
    if (into.contains(name) && into[name].is_object() && below.is_object()) {
      merge_fields(into[name], below);
    } else {
      into[name] = below;
    }
  }
}

// The manager's entries for the object itself; those of a subresource (status) are another matter.
bool is_entry_of(const Json& entry, std::string_view manager) {
  return text(at(entry, "manager")) == manager && text(at(entry, "subresource")).empty() &&
         at(entry, "fieldsV1").is_object();
}

}  // namespace

Digest digest_of_text(std::string_view text) {
  Fnv hash;
  add_text(hash, text);
  return never_nothing(hash.value());
}

Digest digest_of_desired(const Json& document) {
  ObjectHash hash;
  for (auto member = document.begin(); member != document.end(); ++member) {
    if (member.key() == "metadata") {
      hash.add(member.key(), hash_of_object(*member, kIdentity));
    } else if (member.key() != "apiVersion" && member.key() != "kind" && !member->is_null()) {
      hash.add(member.key(), hash_of(*member));
    }
  }
  return never_nothing(hash.value());
}

Digest digest_of_owned(const Json& live, std::string_view manager) {
  const Json* fields = nullptr;
  Json several;
  for (const Json& entry : at(live, "metadata", "managedFields")) {
    if (!is_entry_of(entry, manager)) {
      continue;
    }
    if (fields == nullptr) {
      fields = &entry["fieldsV1"];
    } else {
      if (several.is_null()) {
        several = *fields;
      }
      merge_fields(several, entry["fieldsV1"]);
      fields = &several;
    }
  }
  if (fields == nullptr || fields->empty()) {
    return kNothingOwned;
  }
  return never_nothing(hash_of_owned(live, *fields));
}

}  // namespace swo::reconcile
