// What the client asked to see of an object: the object, its metadata alone, or a row of a Table.
//
// Source: kubernetes.io/docs/reference/using-api/api-concepts#receiving-resources-as-tables.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "devcluster/catalog.hpp"

namespace devcluster {

struct View {
  enum class Shape { kObject, kTable, kPartial } shape = Shape::kObject;
  std::string meta_version = "v1";          // of meta.k8s.io
  std::string include_object = "Metadata";  // in a row: None, Metadata, Object
};
// The first media type of an Accept header that can be served.
View view_of(const std::string& accept);

// `version` has to outlive it.
class TableWriter {
 public:
  TableWriter(const ServedVersion& version, View view, std::chrono::system_clock::time_point now);
  Json row(Json object) const;
  Json table(Json rows, const Json& list_metadata) const;

 private:
  const std::vector<PrinterColumn>& columns_;
  View view_;
  std::chrono::system_clock::time_point now_;
};

Json partial_object(Json object, const std::string& meta_version);

}  // namespace devcluster
