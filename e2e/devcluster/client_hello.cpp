#include "devcluster/client_hello.hpp"

#include <cstddef>

namespace devcluster {
namespace {

// Reads big-endian numbers and what they are the lengths of; once it has run out, empty.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  std::string_view take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken.size() == size ? taken : std::string_view();
  }
  std::size_t number(std::size_t width) {
    std::size_t value = 0;
    for (const char c : take(width)) value = value << 8U | static_cast<unsigned char>(c);
    return value;
  }
  std::string_view counted(std::size_t width) { return take(number(width)); }

 private:
  std::string_view rest_;
};

constexpr std::size_t kHandshake = 22, kClientHello = 1, kServerName = 0, kHostName = 0;
constexpr std::size_t kRandom = 32;

}  // namespace

std::string server_name(std::string_view record) {
  Bytes bytes(record);
  const bool handshake = bytes.number(1) == kHandshake;
  bytes.take(2);  // version
  Bytes message(bytes.counted(2));
  if (!handshake || message.empty() || message.number(1) != kClientHello) return {};
  Bytes hello(message.counted(3));
  hello.take(2 + kRandom);
  hello.counted(1);  // session
  hello.counted(2);  // cipher suites
  hello.counted(1);  // compression
  Bytes extensions(hello.counted(2));
  while (!extensions.empty()) {
    const std::size_t type = extensions.number(2);
    Bytes data(extensions.counted(2));
    if (type != kServerName) continue;
    Bytes names(data.counted(2));
    while (!names.empty()) {
      const std::size_t kind = names.number(1);
      const std::string_view name = names.counted(2);
      if (kind == kHostName) return std::string(name);
    }
  }
  return {};
}

}  // namespace devcluster
