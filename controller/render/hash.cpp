#include "render/hash.hpp"

#include <array>
#include <cstddef>

#include <openssl/sha.h>

namespace swo::render {
namespace {

constexpr std::size_t kShortHashDigits = 10;
constexpr std::size_t kUuidBytes = 16;

using Digest1 = std::array<unsigned char, SHA_DIGEST_LENGTH>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string hex(const unsigned char* bytes, std::size_t count) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += kDigits[bytes[i] >> 4U];
    text += kDigits[bytes[i] & 0xFU];
  }
  return text;
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

// The sixteen bytes that a UUID's text stands for; empty when it is none.
std::string uuid_bytes(std::string_view text) {
  std::string bytes;
  int high = -1;
  for (const char c : text) {
    if (c == '-') continue;
    const int value = hex_value(c);
    if (value < 0) return {};
    if (high < 0) {
      high = value;
    } else {
      bytes += static_cast<char>(high * 16 + value);
      high = -1;
    }
  }
  return bytes.size() == kUuidBytes && high < 0 ? bytes : std::string();
}

}  // namespace

std::string short_hash(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(bytes_of(text), text.size(), digest.data());
  return hex(digest.data(), kShortHashDigits / 2);
}

std::string uuid_v5(std::string_view name_space, std::string_view name) {
  std::string input = uuid_bytes(name_space);
  if (input.empty()) {
    input = name_space;
  }
  input += name;
  Digest1 digest{};
  SHA1(bytes_of(input), input.size(), digest.data());
  digest[6] = static_cast<unsigned char>((digest[6] & 0x0FU) | 0x50U);  // version 5
  digest[8] = static_cast<unsigned char>((digest[8] & 0x3FU) | 0x80U);  // the variant of RFC 4122
  const std::string text = hex(digest.data(), kUuidBytes);
  return text.substr(0, 8) + '-' + text.substr(8, 4) + '-' + text.substr(12, 4) + '-' +
         text.substr(16, 4) + '-' + text.substr(20);
}

}  // namespace swo::render
