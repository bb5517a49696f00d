#include "kube/exec_plugin.hpp"

#include <cstdio>
#include <ctime>
#include <optional>

#include "api/json_read.hpp"
#include "api/utf8.hpp"
#include "kube/credentials.hpp"
#include "kube/exec_process.hpp"
#include "kube/transport_common.hpp"

namespace swo::kube {
namespace {

// So long before its end a credential is renewed, as the clocks of two machines differ.
constexpr std::chrono::seconds kLeeway{10};

// RFC 3339 as Go prints it: "2026-11-25T02:00:00Z", with a fraction or a numeric zone.
std::optional<std::chrono::system_clock::time_point> time_in(const std::string& text) {
  std::tm tm{};
  int used = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                  &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6) {
    return std::nullopt;
  }
  auto rest = static_cast<std::size_t>(used);
  if (rest < text.size() && text[rest] == '.') {
    rest = text.find_first_not_of("0123456789", rest + 1);
    if (rest == std::string::npos) return std::nullopt;
  }
  int offset_minutes = 0;
  if (text.compare(rest, std::string::npos, "Z") != 0) {
    char sign = 0;
    int hours = 0;
    int minutes = 0;
    if (std::sscanf(text.c_str() + rest, "%c%2d:%2d", &sign, &hours, &minutes) != 3 ||
        (sign != '+' && sign != '-')) {
      return std::nullopt;
    }
    offset_minutes = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
  }
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  return std::chrono::system_clock::from_time_t(::timegm(&tm)) -
         std::chrono::minutes(offset_minutes);
}

}  // namespace

ExecCredentials::ExecCredentials(ExecSpec spec, WallNow now, std::chrono::milliseconds limit)
    : spec_(std::move(spec)), now_(std::move(now)), limit_(limit) {}

Result<std::string> ExecCredentials::authorization() {
  auto credential = current();
  if (!credential) return credential.error();
  return std::move(credential->authorization);
}

Status ExecCredentials::add_certificate(TlsMaterial& material) {
  auto credential = current();
  if (!credential) return credential.error();
  if (!credential->certificate.empty()) {
    material.client_certificate = std::move(credential->certificate);
    material.client_key = std::move(credential->key);
  }
  return Ok{};
}

void ExecCredentials::refresh(std::string_view refused) {
  const std::lock_guard lock(mutex_);
  if (known_ && refused == credential_.authorization) known_ = false;
}

Result<ExecCredentials::Credential> ExecCredentials::current() {
  const std::lock_guard lock(mutex_);
  if (known_ && now_() < credential_.expires - kLeeway) return credential_;
  auto fresh = run();
  if (!fresh) return fresh.error();
  credential_ = *std::move(fresh);
  known_ = true;
  return credential_;
}

Result<ExecCredentials::Credential> ExecCredentials::run() const {
  const auto fail = [this](const std::string& why) {
    return make_error(ErrorKind::kConfig, spec_.field + ": " + why);
  };
  Json info = {{"apiVersion", spec_.api_version},
               {"kind", "ExecCredential"},
               {"spec", {{"interactive", false}}}};
  if (!spec_.cluster.is_null()) info["spec"]["cluster"] = spec_.cluster;
  std::vector<std::string> environment{"KUBERNETES_EXEC_INFO=" +
                                       info.dump(-1, ' ', false, Json::error_handler_t::replace)};
  for (const auto& [name, value] : spec_.env) {
    environment.push_back(std::string(name).append("=").append(value));
  }
  std::vector<std::string> argv{spec_.command};
  argv.insert(argv.end(), spec_.args.begin(), spec_.args.end());
  auto output = run_program(argv, environment, limit_);
  if (!output) {
    return fail(output.error().message +
                (spec_.install_hint.empty() ? "" : ": " + spec_.install_hint));
  }
  if (output->exit_code != 0) {
    std::string said = api::shortened(output->err, kMaxExcerpt);
    for (char& c : said) {
      if (static_cast<unsigned char>(c) < ' ') c = ' ';
    }
    return fail(spec_.command + " ended with status " + std::to_string(output->exit_code) +
                (said.empty() ? "" : ": " + said));
  }
  return read(output->out);
}

Result<ExecCredentials::Credential> ExecCredentials::read(const std::string& output) const {
  // Its output is a secret: no part of it goes into a message.
  const auto fail = [this](const std::string& why) {
    return make_error(ErrorKind::kConfig, spec_.field + ": " + spec_.command + " " + why);
  };
  const Json answer = Json::parse(output, nullptr, false);
  if (!answer.is_object() || text(at(answer, "kind")) != "ExecCredential") {
    return fail("printed no ExecCredential as JSON");
  }
  if (text(at(answer, "apiVersion")) != spec_.api_version) {
    return fail("printed another apiVersion than " + spec_.api_version);
  }
  const auto status = answer.find("status");
  if (status == answer.end() || !status->is_object()) return fail("printed no status");
  Credential out;
  const std::string token = text(at(*status, "token"));
  out.certificate = text(at(*status, "clientCertificateData"));
  out.key = text(at(*status, "clientKeyData"));
  if (out.certificate.empty() != out.key.empty()) {
    return fail("printed one of clientCertificateData and clientKeyData without the other");
  }
  if (token.empty() && out.certificate.empty()) {
    return fail("printed neither a token nor a client certificate");
  }
  if (!token.empty()) {
    if (auto good = check_token(token, spec_.field); !good) return good.error();
    out.authorization = "Bearer " + token;
  }
  if (const std::string expiry = text(at(*status, "expirationTimestamp")); !expiry.empty()) {
    const auto time = time_in(expiry);
    if (!time) return fail("printed an expirationTimestamp that is no RFC 3339 time");
    out.expires = *time;
  }
  return out;
}

}  // namespace swo::kube
