#include "kube/projection.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "api/json_read.hpp"
#include "kube/resource_version.hpp"

namespace swo::kube {
namespace {

// The characters that matter in text that is skipped.
constexpr std::array<bool, 256> kStructural = [] {
  std::array<bool, 256> table{};
  for (char c : {'"', '{', '}', '[', ']'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

// Text that stands for itself: without escapes, control characters, and bytes beyond ASCII, whose
// UTF-8 would have to be valid.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= ' ' && byte < 0x80 && c != '\\';
  });
}

// Thrown nowhere: a fault is remembered, and everything after it does nothing.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool ok() const { return fault_ == nullptr; }
  const char* fault() const { return fault_; }
  std::size_t position() const { return at_; }
  bool fail(const char* fault) {
    if (ok()) fault_ = fault;
    return false;
  }

  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }

  // Calls visit(key) at each member's value, which it has to consume. `key` is the raw text between
  // the quotes, or the decoded one where it has escapes.
  template <class Visit>
  bool object(Visit visit) {
    if (!enter('{')) return false;
    if (leave('}')) return ok();
    while (ok()) {
      if (peek() != '"') return fail("a name in quotes is missing");
      std::string_view raw = string();
      if (!ok()) return false;
      std::string decoded;
      std::string_view key = raw.substr(1, raw.size() - 2);
      if (!is_plain(key)) {
        Json name = Json::parse(raw, nullptr, false);
        if (!name.is_string()) return fail("a name is not a string");
        decoded = name.get<std::string>();
        key = decoded;
      }
      if (peek() != ':') return fail("a colon is missing");
      ++at_;
      visit(key);
      if (leave('}')) return ok();
      if (!comma()) return false;
    }
    return false;
  }

  template <class Visit>
  bool array(Visit visit) {
    if (!enter('[')) return false;
    if (leave(']')) return ok();
    while (ok()) {
      visit();
      if (leave(']')) return ok();
      if (!comma()) return false;
    }
    return false;
  }

  // Nobody is to recurse into what comes next.
  bool too_deep() const { return depth_ >= kMaxDepth; }

  // Passes over one value of any kind by its brackets and quotes; returns its text.
  std::string_view skip() {
    char first = peek();
    std::size_t begin = at_;
    if (first == '"') return string();
    if (first == '{' || first == '[') {
      brackets();
    } else {
      while (at_ < text_.size() && is_scalar(text_[at_])) ++at_;
      if (at_ == begin) fail(at_ == text_.size() ? "it is cut off" : "a value is missing");
    }
    return ok() ? text_.substr(begin, at_ - begin) : std::string_view{};
  }

 private:
  static bool is_scalar(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' ||
           c == 'E';
  }
  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
      ++at_;
    }
  }
  bool enter(char bracket) {
    if (peek() != bracket) return fail("a bracket is missing");
    ++depth_;
    ++at_;
    return ok();
  }
  bool leave(char bracket) {
    if (!ok() || peek() != bracket) return false;
    --depth_;
    ++at_;
    return true;
  }
  bool comma() {
    if (!ok()) return false;
    if (peek() != ',') return fail(at_ == text_.size() ? "it is cut off" : "a comma is missing");
    ++at_;
    return true;
  }
  // With its quotes. at_ is at the first one.
  std::string_view string() {
    std::size_t begin = at_;
    do {
      at_ = text_.find('"', at_ + 1);
      if (at_ == std::string_view::npos) {
        at_ = text_.size();
        fail("it is cut off");
        return {};
      }
    } while (escaped(begin));
    ++at_;
    return text_.substr(begin, at_ - begin);
  }
  // True when an odd number of backslashes precedes at_, back to the opening quote.
  bool escaped(std::size_t opening) const {
    std::size_t before = at_;
    while (before - 1 > opening && text_[before - 1] == '\\') --before;
    return (at_ - before) % 2 == 1;
  }
  // Objects and arrays that nobody wants: only the kinds of brackets have to match.
  void brackets() {
    std::string open;
    do {
      while (at_ < text_.size() && !kStructural[static_cast<unsigned char>(text_[at_])]) ++at_;
      if (at_ == text_.size()) {
        fail("it is cut off");
        return;
      }
      switch (text_[at_]) {
        case '"':
          string();
          if (!ok()) return;
          continue;
        case '{':
        case '[':
          open.push_back(text_[at_] == '{' ? '}' : ']');
          break;
        default:
          if (open.back() != text_[at_]) {
            fail("a bracket does not match");
            return;
          }
          open.pop_back();
      }
      ++at_;
    } while (!open.empty());
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  const char* fault_ = nullptr;
};

// A string, number or literal. What is short and plain, which is nearly all of it, needs no parser;
// the rest (escapes, UTF-8 that must be valid, fractions) has it.
Json parse_scalar(Scanner& scanner) {
  const std::string_view text = scanner.skip();
  if (!scanner.ok()) return nullptr;
  if (text.front() == '"' && is_plain(text)) return std::string(text.substr(1, text.size() - 2));
  if (text == "true") return true;
  if (text == "false") return false;
  if (text == "null") return nullptr;
  constexpr std::size_t kSafeDigits = 18;  // of any 64-bit number
  if (text.size() <= kSafeDigits && (text.front() != '0' || text.size() == 1)) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size()) return value;
  }
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) scanner.fail("it is not JSON");
  return value;
}

// Text that is kept, as Json::parse() would read it, at a third of its cost; null in place of what
// is nested too deep.
Json parse(Scanner& scanner) {  // NOLINT(misc-no-recursion)
  if (scanner.too_deep()) {
    scanner.skip();
    return nullptr;
  }
  switch (scanner.peek()) {
    case '{': {
      Json object = Json::object();
      auto& members = object.get_ref<Json::object_t&>();
      scanner.object([&](std::string_view key) {
        // Of names that come twice the last one holds; most come in order.
        members.insert_or_assign(members.end(), std::string(key), parse(scanner));
      });
      return object;
    }
    case '[': {
      Json array = Json::array();
      scanner.array([&] { array.push_back(parse(scanner)); });
      return array;
    }
    default:
      return parse_scalar(scanner);
  }
}

// Null where there is nothing that the mask wants.
Json project(Scanner& scanner, const FieldMask::Node& mask) {  // NOLINT(misc-no-recursion)
  if (mask.whole) return parse(scanner);
  if (scanner.too_deep()) {
    scanner.skip();
    return nullptr;
  }
  switch (scanner.peek()) {
    case '{': {
      Json object = Json::object();
      scanner.object([&](std::string_view key) {
        const FieldMask::Node* wanted = mask.child(key);
        if (wanted == nullptr) {
          scanner.skip();
          return;
        }
        Json value = project(scanner, *wanted);
        if (!value.is_null()) object[std::string(key)] = std::move(value);
      });
      return object;
    }
    case '[': {
      Json array = Json::array();
      scanner.array([&] { array.push_back(project(scanner, mask)); });
      return array;
    }
    default:
      scanner.skip();
      return nullptr;
  }
}

Error bad(std::string message) { return make_error(ErrorKind::kBadResponse, std::move(message)); }

Error bad(std::string_view what, const Scanner& scanner) {
  return bad("the " + std::string(what) + " cannot be read at byte " +
             std::to_string(scanner.position()) + ": " + scanner.fault());
}

EventType event_type(std::string_view name) {
  if (name == "ADDED") return EventType::kAdded;
  if (name == "MODIFIED") return EventType::kModified;
  if (name == "DELETED") return EventType::kDeleted;
  if (name == "BOOKMARK") return EventType::kBookmark;
  if (name == "ERROR") return EventType::kError;
  return EventType::kUnknown;
}

// A metav1.Status that came in the place of an object.
Error error_of_status(const Json& status) {
  Error error;
  error.http_status = static_cast<int>(number(at(status, "code")));
  error.reason = text(at(status, "reason"));
  error.message = text(at(status, "message"));
  error.kind = error_kind(error.http_status, error.reason);
  std::int64_t seconds = number(at(status, "details", "retryAfterSeconds"));
  constexpr std::int64_t kDay = 86'400;
  if (seconds > 0) error.retry_after = std::chrono::seconds(std::min(seconds, kDay));
  return error;
}

}  // namespace

const FieldMask::Node* FieldMask::Node::child(std::string_view key) const {
  for (const Node& node : children) {
    if (node.name == key) return &node;
  }
  return nullptr;
}

FieldMask::FieldMask(std::initializer_list<std::string_view> paths) {
  for (std::string_view path :
       {"metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion"}) {
    add(path);
  }
  for (std::string_view path : paths) add(path);
}

FieldMask::FieldMask(const std::vector<std::string>& paths) : FieldMask({}) {
  for (const std::string& path : paths) add(path);
}

FieldMask FieldMask::everything() {
  FieldMask mask;
  mask.root_.whole = true;
  return mask;
}

void FieldMask::add(std::string_view path) {
  Node* node = &root_;
  while (!path.empty() && !node->whole) {
    std::string_view name = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    auto known = std::find_if(node->children.begin(), node->children.end(),
                              [&](const Node& child) { return child.name == name; });
    if (known == node->children.end()) {
      node->children.push_back(Node{std::string(name), false, {}});
      known = node->children.end() - 1;
    }
    node = &*known;
  }
  node->whole = true;
  node->children.clear();
}

Result<Json> project(std::string_view text, const FieldMask& mask) {
  Scanner scanner(text);
  if (scanner.peek() != '{') scanner.fail("it is not an object");
  Json value = project(scanner, mask.root());
  if (scanner.ok() && !scanner.at_end()) scanner.fail("something follows it");
  if (!scanner.ok()) return bad("object", scanner);
  return value;
}

Result<ListPage> project_list(std::string_view body, const FieldMask& mask,
                              const std::function<void(Json&&)>& each) {
  static const FieldMask kListMetadata{"resourceVersion", "continue", "remainingItemCount"};
  Scanner scanner(body);
  Json metadata;
  scanner.object([&](std::string_view key) {
    if (key == "metadata") {
      metadata = project(scanner, kListMetadata.root());
    } else if (key == "items" && scanner.peek() == '[') {
      scanner.array([&] {
        Json item = project(scanner, mask.root());
        if (!scanner.ok()) return;
        if (!item.is_object()) {
          scanner.fail("an item is not an object");
          return;
        }
        each(std::move(item));
      });
    } else {
      scanner.skip();  // also "items": null, which is how Go says that there are none
    }
  });
  if (scanner.ok() && !scanner.at_end()) scanner.fail("something follows it");
  if (!scanner.ok()) return bad("list", scanner);
  ListPage page;
  auto version = parse_resource_version(text(at(metadata, "resourceVersion")));
  if (!version) return bad("the list has no resourceVersion");
  page.resource_version = *version;
  page.continue_token = text(at(metadata, "continue"));
  page.remaining = number(at(metadata, "remainingItemCount"));
  return page;
}

Result<WatchEvent> project_event(std::string_view line, const FieldMask& mask) {
  static const FieldMask kStatus{"code", "reason", "message", "details.retryAfterSeconds"};
  WatchEvent event;
  Scanner scanner(line);
  const auto read_object = [&](Scanner& from) {
    if (event.type == EventType::kUnknown) {
      from.skip();
    } else {
      event.object = project(from, event.type == EventType::kError ? kStatus.root() : mask.root());
    }
  };
  std::string_view object_before_type;
  scanner.object([&](std::string_view key) {
    if (key == "type") {
      Json type = parse(scanner);
      if (type.is_string()) event.type_name = type.get<std::string>();
      event.type = event_type(event.type_name);
    } else if (key == "object" && event.type_name.empty()) {
      object_before_type = scanner.skip();
    } else if (key == "object") {
      read_object(scanner);
    } else {
      scanner.skip();
    }
  });
  if (scanner.ok() && !scanner.at_end()) scanner.fail("something follows it");
  if (!scanner.ok()) return bad("watch event", scanner);
  if (!object_before_type.empty()) {
    Scanner inside(object_before_type);
    read_object(inside);
    if (!inside.ok()) return bad("object of the watch event", inside);
  }
  if (event.type == EventType::kUnknown) return event;
  if (!event.object.is_object()) return bad("the watch event has no object");
  if (event.type == EventType::kError) {
    event.error = error_of_status(event.object);
    return event;
  }
  auto version = parse_resource_version(text(at(event.object, "metadata", "resourceVersion")));
  if (!version) return bad("the watch event has an object without resourceVersion");
  event.resource_version = *version;
  return event;
}

}  // namespace swo::kube
