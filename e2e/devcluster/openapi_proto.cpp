#include "devcluster/openapi_proto.hpp"

#include <bit>
#include <cstdint>

namespace devcluster {
namespace {

using nlohmann::json;

// Writes protobuf's wire format.
class Message {
 public:
  void text(unsigned field, const std::string& value) {
    key(field, 2);
    varint(value.size());
    out_ += value;
  }
  void message(unsigned field, const Message& value) { text(field, value.out_); }
  void integer(unsigned field, std::int64_t value) {
    key(field, 0);
    varint(static_cast<std::uint64_t>(value));
  }
  void real(unsigned field, double value) {
    key(field, 1);
    auto bits = std::bit_cast<std::uint64_t>(value);
    for (int i = 0; i < 8; ++i, bits >>= 8U) out_ += static_cast<char>(bits & 0xFFU);
  }
  std::string take() { return std::move(out_); }

 private:
  void key(unsigned field, unsigned wire_type) { varint(field << 3U | wire_type); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80U; value >>= 7U) out_ += static_cast<char>((value & 0x7FU) | 0x80U);
    out_ += static_cast<char>(value);
  }
  std::string out_;
};

// gnostic's Any holds YAML text, of which JSON is a part.
Message any(const json& value) {
  Message out;
  out.text(2, value.dump());
  return out;
}

template <typename Value>
Message named(const std::string& name, const Value& value) {
  Message out;
  out.text(1, name);
  out.message(2, value);
  return out;
}

Message schema(const json& in) {
  Message out;
  const auto each = [&](const char* key, auto&& write) {
    if (const auto found = in.find(key); found != in.end()) write(*found);
  };
  const auto texts = {
      std::pair{"$ref", 1U}, {"format", 2U}, {"title", 3U}, {"description", 4U}, {"pattern", 13U}};
  for (const auto& [key, field] : texts) {
    each(key, [&, number = field](const json& v) { out.text(number, v.get<std::string>()); });
  }
  for (const auto& [key, field] : {std::pair{"maximum", 7U}, {"minimum", 9U}}) {
    each(key, [&, number = field](const json& v) { out.real(number, v.get<double>()); });
  }
  for (const auto& [key, field] : {std::pair{"maxLength", 11U},
                                   {"minLength", 12U},
                                   {"maxItems", 14U},
                                   {"minItems", 15U},
                                   {"maxProperties", 17U},
                                   {"minProperties", 18U}}) {
    each(key, [&, number = field](const json& v) { out.integer(number, v.get<std::int64_t>()); });
  }
  each("default", [&](const json& v) { out.message(5, any(v)); });
  each("required", [&](const json& v) {
    for (const json& name : v) out.text(19, name.get<std::string>());
  });
  each("enum", [&](const json& v) {
    for (const json& value : v) out.message(20, any(value));
  });
  each("additionalProperties", [&](const json& v) {
    Message item;
    if (v.is_object()) {
      item.message(1, schema(v));
    } else {
      item.integer(2, v == true ? 1 : 0);
    }
    out.message(21, item);
  });
  each("type", [&](const json& v) {
    Message item;
    item.text(1, v.get<std::string>());
    out.message(22, item);
  });
  each("items", [&](const json& v) {
    Message item;
    item.message(1, schema(v));
    out.message(23, item);
  });
  each("properties", [&](const json& v) {
    Message list;
    for (const auto& [name, property] : v.items()) list.message(1, named(name, schema(property)));
    out.message(25, list);
  });
  for (const auto& [name, value] : in.items()) {
    if (name.rfind("x-", 0) == 0) out.message(31, named(name, any(value)));
  }
  return out;
}

// Of an operation: its query parameters and its extensions.
Message operation(const json& in) {
  Message out;
  for (const json& parameter : in["parameters"]) {
    Message query, non_body, either, item;
    query.text(2, "query");
    query.text(4, parameter["name"].get<std::string>());
    query.text(6, "string");
    non_body.message(3, query);
    either.message(2, non_body);
    item.message(1, either);
    out.message(8, item);
  }
  for (const auto& [name, value] : in.items()) {
    if (name.rfind("x-", 0) == 0) out.message(13, named(name, any(value)));
  }
  return out;
}

}  // namespace

std::string openapi_v2_proto(const json& document) {
  Message info, definitions, paths, out;
  info.text(1, document["info"]["title"].get<std::string>());
  info.text(2, document["info"]["version"].get<std::string>());
  for (const auto& [name, definition] : document["definitions"].items()) {
    definitions.message(1, named(name, schema(definition)));
  }
  for (const auto& [path, item] : document["paths"].items()) {
    Message operations;
    operations.message(8, operation(item["patch"]));
    paths.message(2, named(path, operations));
  }
  out.text(1, document["swagger"].get<std::string>());
  out.message(2, info);
  out.message(8, paths);
  out.message(9, definitions);
  return out.take();
}

}  // namespace devcluster
