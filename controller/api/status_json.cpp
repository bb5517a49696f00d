#include "api/walk.hpp"

namespace swo::api {

Status parse_status(const Json& status) {
  Status out;
  if (!status.is_object()) return out;
  const Path path{nullptr, "status"};
  Reader<Status> reader(status, out, path, nullptr);
  Fields<Status>::each(reader);
  return out;
}

Json to_json(const Status& status) {
  Writer<Status> writer(status);
  Fields<Status>::each(writer);
  return writer.take();
}

}  // namespace swo::api
