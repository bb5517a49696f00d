// The columns of built-in types. Thin on purpose: the types that a person looks at while trying an
// operator. Source: kubernetes pkg/printers/internalversion/printers.go; OpenShift's from
// openshift/api and oc.
#pragma once

#include <chrono>
#include <vector>

#include "devcluster/catalog.hpp"

namespace devcluster {

bool has_built_in_columns(const ResourceType& type);
std::vector<PrinterColumn> built_in_columns(const ResourceType& type);
Json built_in_cells(const ResourceType& type, const Json& object,
                    std::chrono::system_clock::time_point now);

}  // namespace devcluster
