#include "devcluster/table.hpp"

#include "devcluster/jsonpath.hpp"
#include "devcluster/table_cells.hpp"
#include "devcluster/times.hpp"

namespace devcluster {
namespace {

constexpr const char* kNameDescription =
    "Name must be unique within a namespace. Is required when creating resources.";

bool serves_itself(std::string_view media) {
  return media.find("application/json") != std::string_view::npos ||
         media.find("*/*") != std::string_view::npos ||
         media.find("yaml") != std::string_view::npos;
}

Json custom_cell(const Json& object, const PrinterColumn& column,
                 std::chrono::system_clock::time_point now) {
  const auto found = json_path(object, column.json_path);
  if (found.empty()) return column.type == "date" ? Json("<unknown>") : Json();
  const Json& first = *found.front();
  if (column.type == "date") {
    const auto time = first.is_string() ? parse_rfc3339(first.get<std::string>()) : std::nullopt;
    if (!time) return "<unknown>";
    return human_duration(std::chrono::duration_cast<std::chrono::seconds>(now - *time));
  }
  if (column.type != "string") return first;
  if (found.size() == 1)
    return first.is_string() ? first : first.is_null() ? Json() : Json(first.dump());
  std::string joined;
  for (const Json* value : found) {
    joined += (joined.empty() ? "" : ",") +
              (value->is_string() ? value->get<std::string>() : value->dump());
  }
  return joined;
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

TableWriter::TableWriter(const ResourceType& type, const ServedVersion& version, View view,
                         std::chrono::system_clock::time_point now)
    : built_in_cells_(has_built_in_columns(type)), type_(type), view_(std::move(view)), now_(now) {
  if (built_in_cells_) {
    columns_ = built_in_columns(type);
    return;
  }
  columns_.push_back({"Name", "string", "name", ".metadata.name", kNameDescription, 0});
  if (version.columns.empty()) {
    columns_.push_back({"Age", "date", "", ".metadata.creationTimestamp", "", 0});
  } else {
    columns_.insert(columns_.end(), version.columns.begin(), version.columns.end());
  }
}

Json TableWriter::row(Json object) const {
  Json cells = Json::array();
  if (built_in_cells_) {
    cells = built_in_cells(type_, object, now_);
  } else {
    for (const PrinterColumn& column : columns_) cells.push_back(custom_cell(object, column, now_));
  }
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
