#include "devcluster/table.hpp"

#include <utility>

namespace devcluster {
namespace {

bool serves_itself(std::string_view media) {
  return media.find("application/json") != std::string_view::npos ||
         media.find("*/*") != std::string_view::npos ||
         media.find("yaml") != std::string_view::npos;
}

}  // namespace

View view_of(const std::string& accept) {
  View out;
  for (std::size_t at = 0; at < accept.size();) {
    const std::size_t end = std::min(accept.find(',', at), accept.size());
    const std::string_view media = std::string_view(accept).substr(at, end - at);
    at = end + 1;
    if (!serves_itself(media)) continue;
    const bool beta = media.find("v=v1beta1") != std::string_view::npos;
    out.meta_version = beta ? "v1beta1" : "v1";
    if (media.find("as=Table") != std::string_view::npos) {
      out.shape = View::Shape::kTable;
    } else if (media.find("as=PartialObjectMetadata") != std::string_view::npos) {
      out.shape = View::Shape::kPartial;
    }
    return out;
  }
  return out;
}

TableWriter::TableWriter(const ServedVersion& version, View view,
                         std::chrono::system_clock::time_point now)
    : columns_(version.columns), view_(std::move(view)), now_(now) {}

Json TableWriter::row(Json object) const {
  Json cells = Json::array();
  for (const PrinterColumn& column : columns_) cells.push_back(column.cell(object, now_));
  Json out = {{"cells", std::move(cells)}};
  if (view_.include_object == "Object") {
    out["object"] = std::move(object);
  } else if (view_.include_object == "Metadata") {
    out["object"] = partial_object(std::move(object), view_.meta_version);
  }
  return out;
}

Json TableWriter::table(Json rows, const Json& list_metadata) const {
  Json columns = Json::array();
  for (const PrinterColumn& c : columns_) {
    columns.push_back({{"name", c.name},
                       {"type", c.type},
                       {"format", c.format},
                       {"description", c.description},
                       {"priority", c.priority}});
  }
  return {{"kind", "Table"},
          {"apiVersion", "meta.k8s.io/" + view_.meta_version},
          {"metadata", list_metadata},
          {"columnDefinitions", std::move(columns)},
          {"rows", std::move(rows)}};
}

Json partial_object(Json object, const std::string& meta_version) {
  return {{"kind", "PartialObjectMetadata"},
          {"apiVersion", "meta.k8s.io/" + meta_version},
          {"metadata", std::move(object["metadata"])}};
}

}  // namespace devcluster
