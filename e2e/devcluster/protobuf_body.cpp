#include "devcluster/protobuf_body.hpp"

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "devcluster/base64.hpp"

namespace devcluster {
namespace {

using nlohmann::json;

constexpr std::string_view kMagic("k8s\0", 4);
constexpr unsigned kDeepest = 16;

enum class Type { kString, kStrings, kNumber, kBool, kStringMap, kBytesMap, kMessage, kMessages };

struct Field {
  const char* name;
  Type type;
  const char* message = "";  // of kMessage and kMessages
};
using Fields = std::map<unsigned, Field>;

const std::map<std::string, Fields>& messages() {
  static const Field meta = {"metadata", Type::kMessage, "ObjectMeta"};
  static const std::map<std::string, Fields> all = {
      {"ObjectMeta",
       {{1, {"name", Type::kString}},
        {2, {"generateName", Type::kString}},
        {3, {"namespace", Type::kString}},
        {5, {"uid", Type::kString}},
        {6, {"resourceVersion", Type::kString}},
        {11, {"labels", Type::kStringMap}},
        {12, {"annotations", Type::kStringMap}},
        {14, {"finalizers", Type::kStrings}}}},
      {"ConfigMap",
       {{1, meta},
        {2, {"data", Type::kStringMap}},
        {3, {"binaryData", Type::kBytesMap}},
        {4, {"immutable", Type::kBool}}}},
      {"Secret",
       {{1, meta},
        {2, {"data", Type::kBytesMap}},
        {3, {"type", Type::kString}},
        {4, {"stringData", Type::kStringMap}},
        {5, {"immutable", Type::kBool}}}},
      {"Namespace", {{1, meta}}},
      {"ServiceAccount", {{1, meta}, {4, {"automountServiceAccountToken", Type::kBool}}}},
      {"TokenRequest", {{1, meta}, {2, {"spec", Type::kMessage, "TokenRequestSpec"}}}},
      {"TokenRequestSpec",
       {{1, {"audiences", Type::kStrings}}, {4, {"expirationSeconds", Type::kNumber}}}},
      {"SelfSubjectReview", {{1, meta}}},
      {"SelfSubjectRulesReview",
       {{1, meta}, {2, {"spec", Type::kMessage, "SelfSubjectRulesReviewSpec"}}}},
      {"SelfSubjectRulesReviewSpec", {{1, {"namespace", Type::kString}}}},
      {"SelfSubjectAccessReview", {{1, meta}, {2, {"spec", Type::kMessage, "AccessReviewSpec"}}}},
      {"SubjectAccessReview", {{1, meta}, {2, {"spec", Type::kMessage, "AccessReviewSpec"}}}},
      {"LocalSubjectAccessReview", {{1, meta}, {2, {"spec", Type::kMessage, "AccessReviewSpec"}}}},
      {"AccessReviewSpec",
       {{1, {"resourceAttributes", Type::kMessage, "ResourceAttributes"}},
        {2, {"nonResourceAttributes", Type::kMessage, "NonResourceAttributes"}},
        {3, {"user", Type::kString}},
        {4, {"groups", Type::kStrings}},
        {6, {"uid", Type::kString}}}},
      {"ResourceAttributes",
       {{1, {"namespace", Type::kString}},
        {2, {"verb", Type::kString}},
        {3, {"group", Type::kString}},
        {4, {"version", Type::kString}},
        {5, {"resource", Type::kString}},
        {6, {"subresource", Type::kString}},
        {7, {"name", Type::kString}}}},
      {"NonResourceAttributes", {{1, {"path", Type::kString}}, {2, {"verb", Type::kString}}}},
      {"Eviction", {{1, meta}, {2, {"deleteOptions", Type::kMessage, "DeleteOptions"}}}},
      {"DeleteOptions",
       {{1, {"gracePeriodSeconds", Type::kNumber}},
        {2, {"preconditions", Type::kMessage, "Preconditions"}},
        {3, {"orphanDependents", Type::kBool}},
        {4, {"propagationPolicy", Type::kString}},
        {5, {"dryRun", Type::kStrings}}}},
      {"Preconditions", {{1, {"uid", Type::kString}}, {2, {"resourceVersion", Type::kString}}}},
      {"Role", {{1, meta}, {2, {"rules", Type::kMessages, "PolicyRule"}}}},
      {"ClusterRole", {{1, meta}, {2, {"rules", Type::kMessages, "PolicyRule"}}}},
      {"PolicyRule",
       {{1, {"verbs", Type::kStrings}},
        {2, {"apiGroups", Type::kStrings}},
        {3, {"resources", Type::kStrings}},
        {4, {"resourceNames", Type::kStrings}},
        {5, {"nonResourceURLs", Type::kStrings}}}},
      {"RoleBinding",
       {{1, meta},
        {2, {"subjects", Type::kMessages, "Subject"}},
        {3, {"roleRef", Type::kMessage, "RoleRef"}}}},
      {"ClusterRoleBinding",
       {{1, meta},
        {2, {"subjects", Type::kMessages, "Subject"}},
        {3, {"roleRef", Type::kMessage, "RoleRef"}}}},
      {"Subject",
       {{1, {"kind", Type::kString}},
        {2, {"apiGroup", Type::kString}},
        {3, {"name", Type::kString}},
        {4, {"namespace", Type::kString}}}},
      {"RoleRef",
       {{1, {"apiGroup", Type::kString}},
        {2, {"kind", Type::kString}},
        {3, {"name", Type::kString}}}},
  };
  return all;
}

// Reads the wire format: one (field number, value) at a time.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  struct Item {
    unsigned field = 0;
    std::uint64_t number = 0;
    std::string_view bytes;
  };
  bool next(Item& out) {
    if (bytes_.empty()) return false;
    const std::uint64_t key = varint();
    out = {static_cast<unsigned>(key >> 3U), 0, {}};
    switch (key & 7U) {
      case 0:
        out.number = varint();
        return true;
      case 1:
        take(8);
        return true;
      case 2:
        out.bytes = take(varint());
        return true;
      case 5:
        take(4);
        return true;
      default:
        throw std::runtime_error("malformed protobuf: unknown wire type");
    }
  }

 private:
  std::uint64_t varint() {
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      out |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80U) return out;
    }
    throw std::runtime_error("malformed protobuf: number too long");
  }
  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size()) throw std::runtime_error("malformed protobuf: ends too early");
    const std::string_view out = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return out;
  }
  std::string_view bytes_;
};

json message(std::string_view bytes, const std::string& name, unsigned depth) {
  if (depth > kDeepest) throw std::runtime_error("malformed protobuf: nested too deeply");
  const Fields& fields = messages().at(name);
  json out = json::object();
  Reader reader(bytes);
  for (Reader::Item item; reader.next(item);) {
    const auto found = fields.find(item.field);
    if (found == fields.end()) continue;
    const Field& field = found->second;
    const std::string text(item.bytes);
    switch (field.type) {
      case Type::kString:
        // Proto2 as Kubernetes generates it writes empty strings too; JSON leaves them out.
        if (!text.empty()) out[field.name] = text;
        break;
      case Type::kStrings:
        out[field.name].push_back(text);
        break;
      case Type::kNumber:
        out[field.name] = static_cast<std::int64_t>(item.number);
        break;
      case Type::kBool:
        out[field.name] = item.number != 0;
        break;
      case Type::kMessage:
        out[field.name] = message(item.bytes, field.message, depth + 1);
        break;
      case Type::kMessages:
        out[field.name].push_back(message(item.bytes, field.message, depth + 1));
        break;
      case Type::kStringMap:
      case Type::kBytesMap: {
        std::string key, value;
        Reader entry(item.bytes);
        for (Reader::Item part; entry.next(part);)
          (part.field == 1 ? key : value) = std::string(part.bytes);
        out[field.name][key] = field.type == Type::kBytesMap ? base64(value) : value;
        break;
      }
    }
  }
  return out;
}

}  // namespace

std::optional<json> decode_protobuf(const std::string& body) {
  if (body.compare(0, kMagic.size(), kMagic) != 0)
    throw std::runtime_error("malformed protobuf: no k8s envelope");
  std::string api_version, kind, raw;
  Reader envelope(std::string_view(body).substr(kMagic.size()));
  for (Reader::Item item; envelope.next(item);) {
    if (item.field == 2) raw = std::string(item.bytes);
    if (item.field != 1) continue;
    Reader type(item.bytes);
    for (Reader::Item part; type.next(part);)
      (part.field == 1 ? api_version : kind) = std::string(part.bytes);
  }
  if (messages().count(kind) == 0) return std::nullopt;
  json out = message(raw, kind, 0);
  out["apiVersion"] = api_version;
  out["kind"] = kind;
  return out;
}

}  // namespace devcluster
