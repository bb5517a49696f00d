#include "api/walk.hpp"

namespace swo::api {

Parsed<Spec> parse_spec(const Json& spec) {
  const Path path{nullptr, "spec"};
  if (!spec.is_object()) return FieldError{path.text(), excerpt(spec), "write an object"};
  Spec out;
  std::optional<FieldError> fault;
  Reader<Spec> reader(spec, out, path, &fault);
  Fields<Spec>::each(reader);
  if (fault) return *std::move(fault);
  return out;
}

std::vector<std::string> unknown_fields(const Json& spec) {
  std::vector<std::string> found;
  UnknownFinder<Spec>::find(spec, Path{nullptr, "spec"}, found);
  std::sort(found.begin(), found.end());
  return found;
}

Json to_json(const Spec& spec) {
  Writer<Spec> writer(spec);
  Fields<Spec>::each(writer);
  return writer.take();
}

}  // namespace swo::api
