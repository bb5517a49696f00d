// Reads: get, list and watch.
// Source: kubernetes.io/docs/reference/using-api/api-concepts; apiserver pkg/storage/continue.go.
#include <algorithm>

#include "devcluster/base64.hpp"
#include "devcluster/server_impl.hpp"
#include "devcluster/table.hpp"

namespace devcluster {
namespace {

View view_for(const Call& call) {
  View view = view_of(call.header("accept"));
  if (const std::string include = call.target.value("includeObject"); !include.empty()) {
    view.include_object = include;
  }
  return view;
}

// One object, stored as `text`, as the client asked to see it.
std::string rendered(const std::string& text, const std::string& api_version, const View& view,
                     const ServedVersion& version, std::chrono::system_clock::time_point now) {
  if (view.shape == View::Shape::kObject) return with_api_version(text, api_version);
  Json object = Json::parse(text);
  if (view.shape == View::Shape::kPartial)
    return partial_object(std::move(object), view.meta_version).dump();
  const TableWriter writer(version, view, now);
  const Json metadata = {{"resourceVersion", object["metadata"].value("resourceVersion", "")}};
  return writer.table(Json::array({writer.row(std::move(object))}), metadata).dump();
}

std::string continue_token(std::uint64_t resource_version, const std::string& start) {
  return base64_url(
      Json{{"v", "meta.k8s.io/v1"}, {"rv", resource_version}, {"start", start}}.dump());
}

struct Continuation {
  std::uint64_t resource_version = 0;
  std::string start;
};

Continuation parse_continue(const std::string& token) {
  const Json parsed = Json::parse(unbase64(token), nullptr, false);
  if (!parsed.is_object() || !parsed.contains("rv") || !parsed["rv"].is_number_unsigned() ||
      !parsed.contains("start") || !parsed["start"].is_string()) {
    throw bad_request("continue key is not valid: \"" + token + "\"");
  }
  return {parsed["rv"], parsed["start"]};
}

// rv 0: take up where the list broke off, in the present state (an "inconsistent" continuation).
Refusal continue_expired(const std::string& start) {
  Refusal plain = expired(
      "The provided continue parameter is too old to display a consistent list result. You can "
      "start a new list without the continue parameter, or use the continue token in this response "
      "to retrieve the remainder of the results. Continuing with the provided token results in an "
      "inconsistent list - objects that were created, modified, or deleted between the time the "
      "first chunk was returned and now may show up in the list.");
  plain.continue_with(continue_token(0, start));
  return plain;
}

std::uint64_t parse_version(const std::string& text) {
  if (text.empty()) return 0;
  if (text.size() > 19 || text.find_first_not_of("0123456789") != std::string::npos) {
    throw bad_request("resourceVersion: Invalid value: \"" + text +
                      "\": strconv.ParseUint: invalid syntax");
  }
  return std::stoull(text);
}

Refusal too_large(std::uint64_t wanted, std::uint64_t current) {
  return {504,
          "Timeout",
          "Timeout: Too large resource version: " + std::to_string(wanted) +
              ", current: " + std::to_string(current),
          {{"causes",
            {{{"reason", "ResourceVersionTooLarge"}, {"message", "Too large resource version"}}}},
           {"retryAfterSeconds", 1}}};
}

void check_fields(const Selector& fields, const std::vector<std::string>& selectable) {
  for (const Requirement& r : fields.requirements()) {
    if (std::find(selectable.begin(), selectable.end(), r.key) == selectable.end()) {
      throw bad_request("field label not supported: " + r.key);
    }
  }
}

}  // namespace

Response ApiServer::Impl::object_response(const Call& call, int status,
                                          const Record& record) const {
  return json_response(status, rendered(record.text, call.api_version(), view_for(call),
                                        *call.version, options.clock()) +
                                   "\n");
}

Response ApiServer::Impl::object_response(const Call& call, int status, const Json& object) const {
  Record record;
  record.text = object.dump();
  return object_response(call, status, record);
}

Answer ApiServer::Impl::read_one(Call& call) {
  const RecordPtr record = store.get(*call.type->objects, call.path.ns, call.path.name, call.at());
  if (record == nullptr) throw not_found(call.subject());
  return {object_response(call, 200, *record), nullptr};
}

Answer ApiServer::Impl::list(Call& call) {
  const Selector labels = Selector::labels(call.target.value("labelSelector"));
  const Selector fields = Selector::fields(call.target.value("fieldSelector"));
  check_fields(fields, store.selectable(*call.type->objects));
  const std::string match = call.target.value("resourceVersionMatch");
  const std::string version_text = call.target.value("resourceVersion");
  const std::uint64_t version = parse_version(version_text);
  const bool send_initial = call.target.flag("sendInitialEvents");
  if (!match.empty() && match != "Exact" && match != "NotOlderThan") {
    throw bad_request("resourceVersionMatch: Unsupported value: \"" + match +
                      "\": supported values: \"Exact\", \"NotOlderThan\"");
  }

  if (call.verb == "watch") {
    if (send_initial && match != "NotOlderThan") {
      throw Refusal(422, "Invalid",
                    "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
    WatchOptions open;
    open.ns = call.path.ns;
    open.labels = labels;
    open.fields = fields;
    open.bookmarks = call.target.flag("allowWatchBookmarks");
    open.timeout = std::chrono::seconds(call.target.number("timeoutSeconds").value_or(0));
    open.after = version;
    open.initial_end_bookmark = send_initial && open.bookmarks;
    const bool from_now = version == 0 || send_initial;
    if (from_now) {
      Store::Query query{call.path.ns, &labels, &fields, "", 0, call.at()};
      if (auto page = store.list(*call.type->objects, query)) {
        open.after = page->resource_version;
        const bool wants_none = !call.target.values("sendInitialEvents").empty() && !send_initial;
        if (!wants_none) open.initial = {page->records.begin(), page->records.end()};
      }
    }
    return watch(call, std::move(open));
  }

  if (!match.empty() && version_text.empty()) {
    throw bad_request(
        "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless "
        "resourceVersion is provided");
  }
  Store::Query query{call.path.ns,
                     labels.empty() ? nullptr : &labels,
                     fields.empty() ? nullptr : &fields,
                     "",
                     static_cast<std::size_t>(call.target.number("limit").value_or(0)),
                     call.at()};
  const std::string token = call.target.value("continue");
  if (!token.empty()) {
    if (!version_text.empty() && version != 0) {
      throw bad_request("specifying resource version is not allowed when using continue");
    }
    const Continuation from = parse_continue(token);
    query.after = from.start;
    query.at = from.resource_version;
  } else if (match == "Exact") {
    query.at = version;
  }
  const std::uint64_t current = call.at() == 0 ? store.resource_version() : call.at();
  if (version > current) throw too_large(version, current);

  auto page = store.list(*call.type->objects, query);
  if (!page) {
    if (!token.empty()) throw continue_expired(query.after);
    throw expired("The resourceVersion for the provided list is too old.");
  }
  Json metadata = {{"resourceVersion", std::to_string(page->resource_version)}};
  if (page->more) {
    metadata["continue"] = continue_token(page->resource_version, page->last_key);
    if (page->remaining > 0) metadata["remainingItemCount"] = page->remaining;
  }

  const View view = view_for(call);
  if (view.shape == View::Shape::kTable) {
    const TableWriter writer(*call.version, view, options.clock());
    Json rows = Json::array();
    for (const RecordPtr& record : page->records)
      rows.push_back(writer.row(Json::parse(record->text)));
    return {json_line(200, writer.table(std::move(rows), metadata)), nullptr};
  }
  const bool partial = view.shape == View::Shape::kPartial;
  const std::string api_version = call.api_version();
  std::size_t size = 256;
  for (const RecordPtr& record : page->records) size += record->text.size() + 1;
  std::string body;
  body.reserve(size);
  body += R"({"kind":")" + (partial ? "PartialObjectMetadataList" : call.type->list_kind) +
          R"(","apiVersion":")" + (partial ? "meta.k8s.io/" + view.meta_version : api_version) +
          R"(","metadata":)" + metadata.dump() + R"(,"items":[)";
  bool first = true;
  for (const RecordPtr& record : page->records) {
    if (!first) body += ',';
    first = false;
    body += partial ? partial_object(Json::parse(record->text), view.meta_version).dump()
                    : with_api_version(record->text, api_version);
  }
  body += "]}\n";
  return {json_response(200, std::move(body)), nullptr};
}

Answer ApiServer::Impl::watch(Call& call, WatchOptions open) {
  open.horizon = call.horizon;
  open.kind = call.type->kind;
  open.api_version = call.api_version();
  // Held by value: the watch outlives the request, and its type may be replaced meanwhile.
  open.render = [this, type = call.type, version = call.path.version, view = view_for(call),
                 api_version = open.api_version](const Record& record) {
    return rendered(record.text, api_version, view, type->versions.at(version), options.clock());
  };
  Answer answer;
  answer.response = json_response(200, "");
  answer.stream = open_watch(store, *call.type->objects, options.clock, bell, std::move(open));
  return answer;
}

}  // namespace devcluster
