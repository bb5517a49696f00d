#include "devcluster/protobuf.hpp"

#include <bit>
#include <cstdint>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "devcluster/base64.hpp"
#include "devcluster/data.hpp"

namespace devcluster {
namespace {

using nlohmann::json;

constexpr std::string_view kMagic("k8s\0", 4);
constexpr unsigned kDeepest = 16;

enum class WireType : unsigned { kVarint = 0, kFixed64 = 1, kDelimited = 2, kFixed32 = 5 };

struct Field {
  std::vector<unsigned> numbers;  // the last is the field's, those before of messages around it
  enum class Form { kOne, kRepeated, kMap, kEntry } form = Form::kOne;
  std::string type;
};
using Fields = std::map<std::string, Field>;  // by JSON member

const std::set<std::string> kScalars = {"string", "bytes", "integer", "bool", "double", "any"};

Field field_of(const json& entry) {
  Field out;
  std::istringstream numbers(entry.at(0).is_string() ? entry[0].get<std::string>()
                                                     : entry[0].dump());
  for (std::string number; std::getline(numbers, number, '/');) {
    out.numbers.push_back(static_cast<unsigned>(std::stoul(number)));
  }
  out.type = entry.at(1);
  const std::size_t space = out.type.find(' ');
  if (space == std::string::npos) return out;
  using Form = Field::Form;
  static const std::map<std::string, Form> forms = {
      {"repeated", Form::kRepeated}, {"map", Form::kMap}, {"entry", Form::kEntry}};
  out.form = meaning(forms, out.type.substr(0, space));
  out.type.erase(0, space + 1);
  return out;
}

const std::map<std::string, Fields>& messages() {
  static const auto all = [] {
    std::map<std::string, Fields> out;
    each_entry("protobuf.yaml", [&](const std::string& message, const json& fields) {
      for (const auto& [name, entry] : fields.items()) {
        const Field& field = out[message][name] = field_of(entry);
        if (kScalars.count(field.type) + data("protobuf.yaml").count(field.type) == 0)
          throw std::logic_error(name + ": " + field.type + " is no type");
      }
    });
    return out;
  }();
  return all;
}

// Reads the wire format: one field at a time.
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
    switch (static_cast<WireType>(key & 7U)) {
      case WireType::kVarint:
        out.number = varint();
        return true;
      case WireType::kFixed64:
        take(8);
        return true;
      case WireType::kDelimited:
        out.bytes = take(varint());
        return true;
      case WireType::kFixed32:
        take(4);
        return true;
    }
    throw std::runtime_error("malformed protobuf: unknown wire type");
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

json decode(std::string_view bytes, const std::string& message, unsigned depth);

json decode_value(const Reader::Item& item, const std::string& type, unsigned depth) {
  if (type == "string") return std::string(item.bytes);
  if (type == "bytes") return base64(item.bytes);
  if (type == "integer") return static_cast<std::int64_t>(item.number);
  if (type == "bool") return item.number != 0;
  return decode(item.bytes, type, depth + 1);
}

void decode_entry(json& onto, std::string_view bytes, const std::string& type, unsigned depth) {
  std::string key;
  Reader::Item value;
  Reader entry(bytes);
  for (Reader::Item part; entry.next(part);) {
    if (part.field == 1) {
      key = std::string(part.bytes);
    } else {
      value = part;
    }
  }
  onto[key] = decode_value(value, type, depth);
}

json decode(std::string_view bytes, const std::string& message, unsigned depth) {
  if (depth > kDeepest) throw std::runtime_error("malformed protobuf: nested too deeply");
  const Fields& fields = messages().at(message);
  json out = json::object();
  Reader reader(bytes);
  for (Reader::Item item; reader.next(item);) {
    for (const auto& [name, field] : fields) {
      if (field.numbers.front() != item.field) continue;
      if (field.form == Field::Form::kMap) {
        decode_entry(out[name], item.bytes, field.type, depth);
      } else if (field.form == Field::Form::kRepeated) {
        out[name].push_back(decode_value(item, field.type, depth));
      } else if (field.type != "string" || !item.bytes.empty()) {
        // Proto2 as Kubernetes generates it writes empty strings too; JSON leaves them out.
        out[name] = decode_value(item, field.type, depth);
      }
    }
  }
  return out;
}

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80U; value >>= 7U) out += static_cast<char>((value & 0x7FU) | 0x80U);
  return out += static_cast<char>(value);
}

std::string key(unsigned field, WireType type) {
  return varint(field << 3U | static_cast<unsigned>(type));
}

std::string delimited(unsigned field, const std::string& bytes) {
  return key(field, WireType::kDelimited) + varint(bytes.size()) + bytes;
}

std::string fixed64(double value) {
  std::string out;
  auto bits = std::bit_cast<std::uint64_t>(value);
  for (int i = 0; i < 8; ++i, bits >>= 8U) out += static_cast<char>(bits & 0xFFU);
  return out;
}

std::string encode_value(unsigned field, const std::string& type, const json& value) {
  if (type == "integer") {
    return key(field, WireType::kVarint) +
           varint(static_cast<std::uint64_t>(value.get<std::int64_t>()));
  }
  if (type == "bool") return key(field, WireType::kVarint) + varint(value == true ? 1 : 0);
  if (type == "double") return key(field, WireType::kFixed64) + fixed64(value.get<double>());
  if (type == "string") return delimited(field, value.get<std::string>());
  // gnostic's Any holds YAML text, of which JSON is a part.
  if (type == "any") return delimited(field, delimited(2, value.dump()));
  return delimited(field, encode_protobuf(value, type));
}

std::string encode_entry(unsigned field, const std::string& type, const std::string& name,
                         const json& value) {
  return delimited(field, delimited(1, name) + encode_value(2, type, value));
}

// A field within the messages around it.
std::string within(const Field& field, std::string bytes) {
  for (auto number = std::next(field.numbers.rbegin()); number != field.numbers.rend(); ++number) {
    bytes = delimited(*number, bytes);
  }
  return bytes;
}

}  // namespace

void read_protobuf_messages() { messages(); }

std::optional<json> decode_protobuf(const std::string& body) {
  if (body.compare(0, kMagic.size(), kMagic) != 0)
    throw std::runtime_error("malformed protobuf: no k8s envelope");
  const json envelope = decode(std::string_view(body).substr(kMagic.size()), "Unknown", 0);
  json type = envelope.value("typeMeta", json::object());
  const std::string kind = type.value("kind", "");
  if (messages().count(kind) == 0) return std::nullopt;
  json out = decode(envelope.value("raw", ""), kind, 0);
  out["apiVersion"] = type.value("apiVersion", "");
  out["kind"] = kind;
  return out;
}

std::string encode_protobuf(const json& object, const std::string& message) {
  const Fields& fields = messages().at(message);
  std::string out;
  for (const auto& [name, value] : object.items()) {
    const auto found = fields.find(name.rfind("x-", 0) == 0 ? "x-*" : name);
    if (found == fields.end()) continue;
    const Field& field = found->second;
    const unsigned number = field.numbers.back();
    switch (field.form) {
      case Field::Form::kOne:
        out += within(field, encode_value(number, field.type, value));
        break;
      case Field::Form::kRepeated:
        for (const json& item : value) out += within(field, encode_value(number, field.type, item));
        break;
      case Field::Form::kMap:
        for (const auto& [key_of_item, item] : value.items())
          out += within(field, encode_entry(number, field.type, key_of_item, item));
        break;
      case Field::Form::kEntry:
        out += within(field, encode_entry(number, field.type, name, value));
        break;
    }
  }
  return out;
}

}  // namespace devcluster
