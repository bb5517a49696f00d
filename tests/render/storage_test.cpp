// What must hold for a claim whatever the options; the whole of it is in golden/.
#include <string>

#include <gtest/gtest.h>

#include "support.hpp"

namespace swo::render::test {
namespace {

TEST(Claim, HasNoLabelByWhichArgoCdWouldTakeItForItsOwnAndPruneIt) {
  for (const char* kept : {"Retain", "Delete"}) {
    const api::Workload one = workload(
        "storage: {claims: [{name: data, mountPath: /data, size: 1Gi}],"
        " retention: {whenDeleted: " +
        std::string(kept) + "}}");
    const Json labels = claim(one, one.spec.storage.claims.at(0), 2)["metadata"]["labels"];
    EXPECT_EQ(labels, Json({{"app.kubernetes.io/managed-by", "systemd-workload-operator"},
                            {"app.kubernetes.io/name", "nginx"},
                            {"workloads.systemd-operator.dev/ordinal", "2"},
                            {"workloads.systemd-operator.dev/workload", "nginx"}}));
  }
}

}  // namespace
}  // namespace swo::render::test
