#include <set>
#include <string>

#include <gtest/gtest.h>

#include "render/hash.hpp"
#include "support.hpp"

namespace swo::render::test {
namespace {

// RFC 1123 label, what Services and host names must be.
bool is_dns_label(const std::string& name) {
  return !name.empty() && name.size() <= 63 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos &&
         name.front() != '-' && name.back() != '-';
}

TEST(Names, AreMadeOfTheWorkloads) {
  const api::Workload one = workload();
  EXPECT_EQ(instance_name(one, 0), "nginx-0");
  EXPECT_EQ(service_name(one), "nginx");
  EXPECT_EQ(headless_service_name(one), "nginx-instances");
  EXPECT_EQ(service_account_name(one), "nginx-systemd");
  api::Claim claim;
  claim.name = "data";
  EXPECT_EQ(claim_name(claim, one, 2), "data-nginx-2");
  EXPECT_EQ(machine_config_name("worker"), "99-worker-systemd-workload");
}

TEST(Names, AreValidHoweverLongOrDottedTheWorkloadsIs) {
  std::set<std::string> seen;
  for (const char last : {'a', 'b'}) {
    for (const std::size_t length : {1U, 53U, 54U, 61U, 62U, 63U, 64U, 253U}) {
      api::Workload one = workload();
      one.name = std::string(length - 1, 'x') + last;
      if (length > 20) one.name[9] = '.';
      for (const std::string& name :
           {instance_name(one, 0), instance_name(one, 999), service_name(one),
            headless_service_name(one), role_name(one)}) {
        EXPECT_TRUE(is_dns_label(name)) << name;
        EXPECT_TRUE(seen.insert(name).second) << name << " is the name of two";
      }
    }
  }
}

TEST(Names, OfTheSccIsOneForEachSetOfCapabilitiesAndForTheAnnotation) {
  platform::Strategy strategy;
  const auto scc = [&](const std::string& platform) {
    return scc_name(workload("platform: " + platform), strategy);
  };
  EXPECT_EQ(scc("{}"), "systemd-workload");
  const std::string two = scc("{capabilities: {add: [SYS_ADMIN, SYS_RESOURCE]}}");
  EXPECT_TRUE(two.starts_with("systemd-workload-"));
  EXPECT_EQ(two, scc("{capabilities: {add: [SYS_RESOURCE, SYS_ADMIN]}}"));
  EXPECT_NE(two, scc("{capabilities: {add: [SYS_ADMIN]}}"));
  EXPECT_EQ(scc("{securityContextConstraints: mine, capabilities: {add: [SYS_ADMIN]}}"), "mine");
  strategy.user_namespace = platform::UserNamespaceVia::kAnnotation;
  EXPECT_EQ(scc("{}"), "systemd-workload-annotation");
  EXPECT_EQ(scc("{capabilities: {add: [SYS_ADMIN, SYS_RESOURCE]}}"),
            "systemd-workload-annotation" + two.substr(std::string("systemd-workload").size()));
}

TEST(Hashes, AreThoseOfTheStandards) {
  // RFC 4122's DNS name space; the vector is the one of Python's uuid module.
  EXPECT_EQ(uuid_v5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "python.org"),
            "886313e1-3b8a-5372-9b90-0c9aee199e5d");
  EXPECT_EQ(short_hash("abc"), "ba7816bf8f");  // FIPS 180-2, appendix B.1
}

TEST(Hashes, ANameSpaceThatIsNoUuidStillTellsNamesApart) {
  EXPECT_NE(uuid_v5("web", "a"), uuid_v5("web", "b"));
  EXPECT_NE(uuid_v5("web", "a"), uuid_v5("", "a"));
}

}  // namespace
}  // namespace swo::render::test
