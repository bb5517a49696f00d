#include "platform/tls_profile.hpp"

#include <algorithm>
#include <memory>
#include <string_view>

#include <openssl/ssl.h>

#include "api/json_read.hpp"

namespace swo::platform {
namespace {

constexpr std::string_view kSuitesOfTls13[] = {
    "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"};

using Names = std::vector<std::string>;

const Names& modern() {
  static const Names kNames = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                               "TLS_CHACHA20_POLY1305_SHA256"};
  return kNames;
}

const Names& intermediate() {
  static const Names kNames = [] {
    Names names = modern();
    names.insert(names.end(), {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
                               "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
                               "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
                               "DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384"});
    return names;
  }();
  return kNames;
}

const Names& old() {
  static const Names kNames = [] {
    Names names = intermediate();
    names.insert(
        names.end(),
        {"DHE-RSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256",
         "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384",
         "ECDHE-RSA-AES256-SHA384", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
         "DHE-RSA-AES128-SHA256", "DHE-RSA-AES256-SHA256", "AES128-GCM-SHA256", "AES256-GCM-SHA384",
         "AES128-SHA256", "AES256-SHA256", "AES128-SHA", "AES256-SHA", "DES-CBC3-SHA"});
    return names;
  }();
  return kNames;
}

// OpenSSL's lists also have operators and keywords, such as "@SECLEVEL=0" and "ALL".
bool is_name(std::string_view text) {
  return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
             std::string_view::npos &&
         text.find('-') != std::string_view::npos && !text.starts_with('-');
}

// Where names are tried.
using Trial = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
Trial new_trial() { return {SSL_CTX_new(TLS_server_method()), SSL_CTX_free}; }

// As OpenSSL calls a cipher of TLS 1.2 that it has; "" when it is none.
std::string cipher_name(const Trial& trial, const std::string& name) {
  std::string own = name;
  if (name.find("_WITH_") != std::string::npos) {
    own = OPENSSL_cipher_name(name.c_str());  // "(NONE)" when it knows none of that name
  }
  return is_name(own) && SSL_CTX_set_cipher_list(trial.get(), own.c_str()) == 1 ? own : "";
}

bool is_suite(std::string_view name) {
  return std::ranges::find(kSuitesOfTls13, name) != std::end(kSuitesOfTls13);
}

void add(std::string& list, const std::string& name) {
  if (!name.empty()) {
    list += (list.empty() ? "" : ":") + name;
  }
}

void set_ciphers(runtime::TlsSettings& settings, const Names& names) {
  settings.ciphers.clear();
  settings.suites.clear();
  const Trial trial = new_trial();
  for (const std::string& name : names) {
    if (is_suite(name)) {
      add(settings.suites, name);
    } else {
      add(settings.ciphers, cipher_name(trial, name));
    }
  }
  // A list of suites of TLS 1.3 alone leaves nothing to speak 1.2 with. Without one of them, they
  // are OpenSSL's own, as with servers in Go, which have no choice of them.
  if (settings.ciphers.empty() && !settings.suites.empty()) {
    settings.min_version = "1.3";
  }
}

std::string least_version(std::string_view name) { return name == "VersionTLS13" ? "1.3" : "1.2"; }

}  // namespace

const std::vector<std::string>& api_server_fields() {
  static const std::vector<std::string> kFields = {"spec.tlsSecurityProfile"};
  return kFields;
}

runtime::TlsSettings tls_settings(const Json& api_server) {
  const Json& profile = at(api_server, "spec", "tlsSecurityProfile");
  const std::string type = text(at(profile, "type"));
  runtime::TlsSettings settings;
  if (type == "Custom") {
    const Json& custom = at(profile, "custom");
    settings.min_version = least_version(text(at(custom, "minTLSVersion")));
    Names names;
    for (const Json& name : at(custom, "ciphers")) {
      names.push_back(text(name));
    }
    set_ciphers(settings, names);
    if (!settings.ciphers.empty() || !settings.suites.empty()) {
      return settings;
    }
  }
  set_ciphers(settings, type == "Old" ? old() : type == "Modern" ? modern() : intermediate());
  return settings;
}

runtime::TlsSettings with_flags(runtime::TlsSettings settings, const TlsFlags& flags) {
  if (!flags.min_version.empty()) {
    settings.min_version = least_version(flags.min_version);
  }
  if (!flags.ciphers.empty()) {
    set_ciphers(settings, flags.ciphers);
  }
  return settings;
}

std::string fault_of(const TlsFlags& flags) {
  const Trial trial = new_trial();
  for (const std::string& name : flags.ciphers) {
    if (!is_suite(name) && cipher_name(trial, name).empty()) {
      return "--tls-cipher-suites: \"" + name +
             "\" is no cipher suite: write names such as TLS_AES_128_GCM_SHA256, "
             "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or ECDHE-RSA-AES128-GCM-SHA256";
    }
  }
  return "";
}

}  // namespace swo::platform
