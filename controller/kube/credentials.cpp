#include "kube/credentials.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "kube/transport_common.hpp"

namespace swo::kube {
namespace {

constexpr std::size_t kMaxFile = 1024UL * 1024;

class FixedAuthorization final : public TokenSource {
 public:
  explicit FixedAuthorization(std::string value) : value_(std::move(value)) {}
  Result<std::string> authorization() override { return value_; }
  void refresh(std::string_view) override {}

 private:
  const std::string value_;
};

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

Result<std::string> read_config_file(const std::string& path, const std::string& field) {
  const auto fail = [&](const std::string& reason) {
    return make_error(ErrorKind::kConfig, field + ": " + path + ": " + reason);
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                             &std::fclose);
  if (!file) return fail(std::generic_category().message(errno));
  std::string text(kMaxFile + 1, '\0');
  errno = 0;
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return fail(std::generic_category().message(errno));
  if (text.size() > kMaxFile) return fail("larger than a megabyte: is it the right file?");
  text.shrink_to_fit();
  return text;
}

Status check_token(std::string_view token, const std::string& field) {
  const bool printable =
      std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!token.empty() && printable) return Ok{};
  return make_error(ErrorKind::kConfig,
                    field + (token.empty() ? ": the token is empty"
                                           : ": the token holds blanks or control characters"));
}

std::shared_ptr<TokenSource> fixed_authorization(std::string value) {
  return std::make_shared<FixedAuthorization>(std::move(value));
}

FileToken::FileToken(std::string path, std::string field, SteadyNow now)
    : path_(std::move(path)), field_(std::move(field)), now_(std::move(now)) {}

Result<std::string> FileToken::authorization() {
  const std::lock_guard lock(mutex_);
  const auto now = now_();
  if (!stale_ && now - read_at_ < kTokenMaxAge) return value_;
  auto text = read_config_file(path_, field_);
  Status good = text ? check_token(trim(*text), field_ + ": " + path_) : Status(text.error());
  if (!good) {
    if (value_.empty()) return good.error();
    return value_;
  }
  value_ = "Bearer " + std::string(trim(*text));
  read_at_ = now;
  stale_ = false;
  return value_;
}

void FileToken::refresh(std::string_view refused) {
  const std::lock_guard lock(mutex_);
  if (refused == value_) stale_ = true;
}

}  // namespace swo::kube
