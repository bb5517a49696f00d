// resourceVersions as numbers. Since Kubernetes 1.35 (KEP-5504) clients may compare those of one
// resource type; etcd's revisions, which every older server sends, have always been such numbers.
//
// Pure. 0 stands for "none": no stored object has it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace swo::kube {

// "123" → 123. Empty for all that KEP-5504 does not allow: signs, leading zeros, 0, more than 64
// bits.
std::optional<std::uint64_t> parse_resource_version(std::string_view text);

}  // namespace swo::kube
