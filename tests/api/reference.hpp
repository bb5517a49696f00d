// docs/reference.md, made from the CRD: a section for each object, a row for each field.
#pragma once

#include <string>

namespace swo::api_test {

std::string reference();  // Markdown

}  // namespace swo::api_test
