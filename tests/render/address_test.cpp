#include <string>

#include <gtest/gtest.h>

#include "support.hpp"

namespace swo::render::test {
namespace {

std::string at(const std::string& ports, const std::string& address = "203.0.113.7") {
  return url_at(workload("ports: " + ports), address);
}

TEST(Address, GivesAUrlWhereAPortSaysThatItSpeaksHttp) {
  EXPECT_EQ(at("[{name: http, port: 80}]"), "http://203.0.113.7");
  EXPECT_EQ(at("[{name: web, port: 443}]"), "https://203.0.113.7");
  EXPECT_EQ(at("[{name: https-alt, port: 8443}]"), "https://203.0.113.7:8443");
  EXPECT_EQ(at("[{name: console, port: 9090, appProtocol: https}]"), "https://203.0.113.7:9090");
  EXPECT_EQ(at("[{name: grpc, port: 80, appProtocol: kubernetes.io/h2c}]"), "http://203.0.113.7");
}

TEST(Address, PassesOverPortsOfOtherProtocols) {
  EXPECT_EQ(at("[{name: ldap, port: 389}, {name: http, port: 80}]"), "http://203.0.113.7");
  EXPECT_EQ(at("[{name: http, port: 80, appProtocol: ldap}]"), "");
  EXPECT_EQ(at("[{name: http, port: 80, protocol: UDP}]"), "");
  EXPECT_EQ(at("[{name: ldap, port: 389}]"), "");
  EXPECT_EQ(at("[]"), "");
}

TEST(Address, MayBeAHostNameOrAnIpv6Address) {
  EXPECT_EQ(at("[{name: http, port: 8080}]", "lb.example.com"), "http://lb.example.com:8080");
  EXPECT_EQ(at("[{name: http, port: 8080}]", "2001:db8::7"), "http://[2001:db8::7]:8080");
}

}  // namespace
}  // namespace swo::render::test
