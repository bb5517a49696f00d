// Columns of a Table: what each shows of an object.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace devcluster {

using Json = nlohmann::json;

using Cell = std::function<Json(const Json& object, std::chrono::system_clock::time_point now)>;

struct PrinterColumn {
  std::string name, type, format, description;
  int priority = 0;
  Cell cell;
};

// Name, and Age where a type has no columns of its own.
PrinterColumn name_column();
PrinterColumn age_column();
// One of a CRD's additionalPrinterColumns.
PrinterColumn custom_column(const Json& column);
// One of data/types*.yaml; std::logic_error when it is none.
PrinterColumn built_in_column(const Json& column);

}  // namespace devcluster
