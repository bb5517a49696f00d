#include "render/quantity.hpp"

#include <gtest/gtest.h>

namespace swo::render {
namespace {

// The right column is what an API server gives back (apimachinery quantity_test.go has most of
// these).
TEST(Quantity, IsInTheFormOfTheServer) {
  const std::pair<const char*, const char*> cases[] = {
      {"0", "0"},           {"1", "1"},           {"1000", "1k"},       {"1024", "1024"},
      {"1000m", "1"},       {"1500m", "1500m"},   {"0.5", "500m"},      {".5", "500m"},
      {"1.", "1"},          {"1.5", "1500m"},     {"1Ki", "1Ki"},       {"1024Ki", "1Mi"},
      {"1024Mi", "1Gi"},    {"1.5Gi", "1536Mi"},  {"0.5Gi", "512Mi"},   {"0.5Ki", "512"},
      {"1023Mi", "1023Mi"}, {"0Gi", "0"},         {"100G", "100G"},     {"1000G", "1T"},
      {"1e3", "1e3"},       {"1E3", "1e3"},       {"1000e0", "1e3"},    {"12e-1", "1200e-3"},
      {"+2", "2"},          {"-0", "0"},          {"-1500m", "-1500m"}, {"1E", "1E"},
      {"1Ei", "1Ei"},       {"0.001", "1m"},      {"1n", "1n"},         {"2000u", "2m"},
      {"010", "10"},        {"0.1Ki", "102400m"}, {"15.625Ki", "16k"},
  };
  for (const auto& [given, canonical] : cases) {
    EXPECT_EQ(canonical_quantity(given), canonical) << given;
    EXPECT_EQ(canonical_quantity(canonical), canonical) << "once is enough: " << canonical;
  }
}

TEST(Quantity, WhatIsNoneComesBackAsItIs) {
  for (const char* text :
       {"", "-", ".", "Gi", "1GiB", "1 Gi", "1e", "1e99", "1.2.3", "0x10", "nan",
        "9999999999999999999999", "99999Ei", "0.0000000001", "9000000000.000000001Ki", "1é"}) {
    EXPECT_EQ(canonical_quantity(text), text);
  }
}

TEST(Quantity, NumbersBecomeTextAndOtherFieldsStay) {
  const Json resources = {{"limits", {{"cpu", 1}, {"memory", "1024Mi"}}},
                          {"requests", {{"cpu", 0.25}}},
                          {"claims", {{{"name", "gpu"}}}}};
  EXPECT_EQ(canonical_resources(resources), Json({{"limits", {{"cpu", "1"}, {"memory", "1Gi"}}},
                                                  {"requests", {{"cpu", "250m"}}},
                                                  {"claims", {{{"name", "gpu"}}}}}));
}

TEST(Quantity, IsComparedByItsValue) {
  EXPECT_TRUE(quantity_less("1023Mi", "1Gi"));
  EXPECT_TRUE(quantity_less("500m", "1"));
  EXPECT_TRUE(quantity_less("-1", "0"));
  EXPECT_FALSE(quantity_less("1Gi", "1024Mi"));
  EXPECT_FALSE(quantity_less("much", "1Gi"));
  EXPECT_FALSE(quantity_less("1Gi", ""));
}

}  // namespace
}  // namespace swo::render
