// The written forms that text fields take: names, paths, sizes. Each mirrors a `pattern` of crds/
// (a test holds both against the same probes); they are spelled out by hand because std::regex
// recurses once per character.
//
// Pure; safe from any thread. Sources: k8s.io/apimachinery pkg/util/validation for Kubernetes'
// names, systemd.unit(5) for unit names, systemd.exec(5) for credential names.
#pragma once

#include <string_view>

namespace swo::api {

struct Format {
  bool (*matches)(std::string_view text);
  std::string_view remedy;  // what to write instead, for FieldError
};

extern const Format kDnsLabel;       // "web-1"
extern const Format kDnsSubdomain;   // "ipa.example.com"
extern const Format kPortName;       // "https-alt": a DNS label that starts with a letter, no "--"
extern const Format kServiceName;    // a DNS label that starts with a letter (RFC 1035)
extern const Format kUnitName;       // "nginx.service"
extern const Format kTargetName;     // "multi-user.target"
extern const Format kDataKey;        // a key of a ConfigMap or Secret, a credential's name
extern const Format kCapability;     // "NET_ADMIN"
extern const Format kSize;           // "10Gi"
extern const Format kCidr;           // "192.0.2.0/24", "2001:db8::/32"
extern const Format kAbsolutePath;   // "/var/lib/ipa"
extern const Format kRelativePath;   // "data/ipa"
extern const Format kUrlPath;        // "/ipa"
extern const Format kNoWhiteSpace;   // an image reference
extern const Format kCertificates;   // PEM (RFC 7468)
extern const Format kLabelValue;     // at most 63 characters, empty included
extern const Format kQualifiedName;  // "example.com/name": the key of a label or annotation

// The number of characters (code points) of UTF-8 text, which is what maxLength counts; a byte that
// is not part of a valid sequence counts as one.
std::size_t length(std::string_view text);

}  // namespace swo::api
