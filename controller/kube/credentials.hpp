// Sources of the Authorization header, and the small file reading that they and the configs share.
//
// All sources are thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "kube/result.hpp"
#include "kube/transport_config.hpp"

namespace swo::kube {

using SteadyNow = std::function<std::chrono::steady_clock::time_point()>;

// A kubelet renews a token when a fifth of its life is left, ten minutes of the shortest; client-go
// reads the file again each minute.
inline constexpr std::chrono::seconds kTokenMaxAge{60};

// The whole of a file of at most a megabyte. Errors: kConfig "FIELD: PATH: reason".
Result<std::string> read_config_file(const std::string& path, const std::string& field);

// kConfig unless `token` may stand in a header. `field` names where it is from.
Status check_token(std::string_view token, const std::string& field);

// The same header for ever.
std::shared_ptr<TokenSource> fixed_authorization(std::string value);

// "Bearer " and the content of a file, read again when older than kTokenMaxAge and after a 401. A
// file that has become unreadable leaves the last token in use.
class FileToken final : public TokenSource {
 public:
  FileToken(
      std::string path, std::string field,
      SteadyNow now = [] { return std::chrono::steady_clock::now(); });
  Result<std::string> authorization() override;
  void refresh(std::string_view refused) override;

 private:
  const std::string path_;
  const std::string field_;
  const SteadyNow now_;
  std::mutex mutex_;
  std::string value_;                              // guarded by mutex_; "" = never read
  std::chrono::steady_clock::time_point read_at_;  // guarded by mutex_
  bool stale_ = true;                              // guarded by mutex_
};

}  // namespace swo::kube
