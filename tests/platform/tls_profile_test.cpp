#include "platform/tls_profile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace swo::platform {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Json api_server(Json profile) { return {{"spec", {{"tlsSecurityProfile", std::move(profile)}}}}; }

Json custom(const char* least, std::vector<std::string> ciphers) {
  return api_server({{"type", "Custom"},
                     {"custom", {{"minTLSVersion", least}, {"ciphers", std::move(ciphers)}}}});
}

const std::string all_suites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

TEST(TlsProfile, WithoutOneItIsIntermediate) {
  const auto intermediate = tls_settings(api_server({{"type", "Intermediate"}}));
  EXPECT_EQ(intermediate.min_version, "1.2");
  EXPECT_EQ(intermediate.suites, all_suites);
  EXPECT_EQ(
      intermediate.ciphers,
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
      "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
      "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384");
  for (const Json& other : {Json(), Json::object(), Json{{"spec", nullptr}}, Json{{"spec", 1}},
                            api_server(nullptr), api_server({{"type", "Later"}})}) {
    EXPECT_EQ(tls_settings(other), intermediate) << other;
  }
}

TEST(TlsProfile, ModernIsTls13Alone) {
  const auto modern = tls_settings(api_server({{"type", "Modern"}, {"modern", Json::object()}}));
  EXPECT_EQ(modern, (runtime::TlsSettings{"1.3", "", all_suites}));
}

TEST(TlsProfile, OldHasMoreCiphersAndNoOlderTlsThan12) {
  const auto old = tls_settings(api_server({{"type", "Old"}}));
  EXPECT_EQ(old.min_version, "1.2");
  EXPECT_THAT(old.ciphers, AllOf(StartsWith("ECDHE-ECDSA-AES128-GCM-SHA256:"),
                                 HasSubstr(":ECDHE-RSA-AES128-SHA:"), HasSubstr(":AES256-SHA")));
}

TEST(TlsProfile, CustomIsWhatItSays) {
  EXPECT_EQ(tls_settings(custom("VersionTLS11",
                                {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"})),
            (runtime::TlsSettings{
                "1.2", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305", ""}));
  EXPECT_EQ(tls_settings(custom("VersionTLS13", {"TLS_AES_128_GCM_SHA256"})),
            (runtime::TlsSettings{"1.3", "", "TLS_AES_128_GCM_SHA256"}));
  EXPECT_EQ(tls_settings(custom("VersionTLS12", {"TLS_AES_128_GCM_SHA256"})).min_version, "1.3")
      << "there is nothing to speak 1.2 with";
}

// A list of OpenSSL's is a small language; a profile says names.
TEST(TlsProfile, WhatIsNoCipherIsLeftOut) {
  EXPECT_EQ(tls_settings(custom("VersionTLS12", {"@SECLEVEL=0", "ALL", "-ALL", "A:B",
                                                 "NO-SUCH-CIPHER", "ECDHE-RSA-AES128-GCM-SHA256"}))
                .ciphers,
            "ECDHE-RSA-AES128-GCM-SHA256");
  EXPECT_EQ(tls_settings(custom("VersionTLS12", {"NO-SUCH-CIPHER"})), tls_settings(nullptr))
      << "nothing is left";
  EXPECT_EQ(tls_settings(api_server({{"type", "Custom"}, {"custom", 1}})), tls_settings(nullptr));
}

TEST(TlsFlags, EachStandsInForItsPartOfTheProfile) {
  const auto profile = tls_settings(api_server({{"type", "Intermediate"}}));
  EXPECT_EQ(with_flags(profile, {}), profile);
  EXPECT_EQ(with_flags(profile, {.min_version = "VersionTLS13"}).min_version, "1.3");
  EXPECT_EQ(with_flags(profile, {.min_version = "VersionTLS13"}).ciphers, profile.ciphers);
  const auto chosen =
      with_flags(profile, {.ciphers = {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                                       "ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384"}});
  EXPECT_EQ(chosen, (runtime::TlsSettings{
                        "1.2", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384",
                        "TLS_AES_256_GCM_SHA384"}));
}

TEST(TlsFlags, ANameThatMeansNothingIsNamed) {
  EXPECT_EQ(fault_of({.ciphers = {"TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
                                  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}}),
            "");
  for (const char* name : {"NONSENSE", "TLS_RSA_WITH_NONSENSE", "ALL", "NO-SUCH-CIPHER", ""}) {
    EXPECT_THAT(fault_of({.ciphers = {name}}),
                AllOf(HasSubstr("--tls-cipher-suites: \"" + std::string(name) + "\""),
                      HasSubstr("write names such as")));
  }
}

}  // namespace
}  // namespace swo::platform
