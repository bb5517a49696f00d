// Documents for the tests of the resource: the CRD, samples and fixtures, read from YAML to JSON.
//
// Throws std::runtime_error with the file's name when one cannot be read: the test then fails.
#pragma once

#include <string>
#include <vector>

#include "api/json.hpp"

namespace swo::api_test {

// Every document of a YAML file; `path` is relative to the source directory.
std::vector<Json> read_yaml(const std::string& path);

// The schema of the CRD's only version.
const Json& crd();
const Json& schema();  // of the whole object
const Json& spec_schema();
const Json& status_schema();

// A SystemdWorkload named "nginx" around a spec.
Json workload_of(Json spec);

// A spec in which every field of the resource is set to what is not its default.
Json full_spec();

}  // namespace swo::api_test
