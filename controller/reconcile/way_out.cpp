// Words of the API server: k8s.io/apimachinery pkg/api/errors (NewInvalid), kubernetes
// pkg/apis/core/validation, plugin/pkg/admission/storage/persistentvolume/resize, apiserver
// pkg/admission/plugin/webhook/errors and plugin/policy/validating, and
// sigs.k8s.io/structured-merge-diff typed.
#include "reconcile/way_out.hpp"

#include <algorithm>
#include <string_view>

namespace swo::reconcile {
namespace {

struct Way {
  std::string_view plural;
  std::string_view from;  // the beginning of the child's field
  std::string_view to;    // the workload's
  std::string_view remedy;
};

constexpr std::string_view kCorrect = "correct it, or leave it out";
constexpr std::string_view kFamilies =
    "ask for families that the cluster has; the first cannot be changed later, so put that back";

// The first that fits counts.
constexpr Way kWays[] = {
    {"services", "spec.ports", "spec.ports", kCorrect},
    {"services", "spec.loadBalancerClass", "spec.service.loadBalancerClass",
     "put it back: it cannot be changed while the type is LoadBalancer"},
    {"services", "spec.loadBalancerSourceRanges", "spec.service.loadBalancerSourceRanges",
     kCorrect},
    {"services", "spec.LoadBalancerSourceRanges", "spec.service.loadBalancerSourceRanges",
     kCorrect},
    {"services", "spec.externalTrafficPolicy", "spec.service.externalTrafficPolicy", kCorrect},
    {"services", "spec.internalTrafficPolicy", "spec.service.internalTrafficPolicy", kCorrect},
    {"services", "spec.sessionAffinity", "spec.service.sessionAffinity", kCorrect},
    {"services", "spec.ipFamilyPolicy", "spec.service.ipFamilyPolicy", kFamilies},
    {"services", "spec.ipFamilies", "spec.service.ipFamilies", kFamilies},
    {"services", "spec.clusterIP", "spec.service.ipFamilies", kFamilies},
    {"services", "spec.type", "spec.service.type", "use another"},
    {"services", "metadata.annotations", "spec.service.annotations", kCorrect},
    {"persistentvolumeclaims", "spec.resources", "spec.storage.claims[].size",
     "put it back to what the claim has, or use a StorageClass with allowVolumeExpansion"},
    {"persistentvolumeclaims", "spec", "spec.storage.claims",
     "put it back as it was: of a claim that is there only the size may change"},
    {"routes", "spec.host", "spec.route.host", "choose another host, or leave it out"},
    {"routes", "spec.path", "spec.route.path", kCorrect},
    {"routes", "spec.port", "spec.route.targetPort", kCorrect},
    {"routes", "spec.tls.externalCertificate", "spec.route.tls.certificateSecret",
     "let the router's ServiceAccount read that Secret, or leave it out"},
    {"routes", "spec.tls", "spec.route.tls", kCorrect},
    {"routes", "metadata.annotations", "spec.route.annotations", kCorrect},
    {"ingresses", "spec.ingressClassName", "spec.route.ingressClassName", kCorrect},
    {"ingresses", "spec.tls", "spec.route.tls", kCorrect},
    {"ingresses", "spec.rules[0].http", "spec.route.path", kCorrect},
    {"ingresses", "spec.rules", "spec.route.host", kCorrect},
    {"ingresses", "metadata.annotations", "spec.route.annotations", kCorrect},
    {"httproutes", "spec.parentRefs", "spec.route.parentRef", kCorrect},
    {"httproutes", "spec.hostnames", "spec.route.host", kCorrect},
    {"httproutes", "spec.rules", "spec.route.path", kCorrect},
    {"httproutes", "metadata.annotations", "spec.route.annotations", kCorrect},
};

bool says(const kube::Error& error, std::string_view words) {
  return error.message.find(words) != std::string::npos;
}

bool is_a_field(std::string_view text) {
  return (text.starts_with("spec") || text.starts_with("metadata.")) &&
         text.find_first_of(" \t\n\"") == std::string_view::npos;
}

// What stands between the words and the next colon.
std::string_view after(std::string_view message, std::string_view words) {
  const auto at = message.find(words);
  if (at == std::string_view::npos) {
    return {};
  }
  message.remove_prefix(at + words.size());
  message.remove_prefix(std::min(message.find_first_not_of("[ ."), message.size()));
  return message.substr(0, message.find(": "));
}

// The child's field that is at fault; empty where none is named.
std::string field_of(const kube::Error& error) {
  if (!error.causes.empty() && is_a_field(error.causes.front().field)) {
    return error.causes.front().field;
  }
  for (const std::string_view words : {"is invalid: ", "): "}) {
    if (const auto field = after(error.message, words); is_a_field(field)) {
      return std::string(field);
    }
  }
  return {};
}

const Way* way_of(const ChildKey& child, std::string_view field) {
  const auto found = std::ranges::find_if(kWays, [&](const Way& way) {
    return way.plural == child.plural && field.starts_with(way.from);
  });
  return found == std::end(kWays) ? nullptr : found;
}

// Ports are the workload's one by one; of other fields the beginning says enough.
std::string workloads_field(const Way& way, const std::string& field) {
  return way.from == way.to ? field : std::string(way.to);
}

std::string remedy_of(const Way& way, std::string_view field) {
  return field.ends_with(".nodePort")
             ? "choose another, or leave it out for one of the cluster's choosing"
             : std::string(way.remedy);
}

}  // namespace

std::string way_out(const ChildKey& child, const kube::Error& error) {
  if (says(error, "denied the request") || says(error, "denied request")) {
    return "have the workload's spec meet what denies it, or ask the owner of that webhook or "
           "policy to let this object pass";
  }
  const bool too_old = says(error, "field not declared in schema");
  const bool not_expandable = says(error, "can be resized");
  if (error.kind != kube::ErrorKind::kInvalid && !too_old && !not_expandable) {
    return "it is tried again";
  }
  const std::string field = not_expandable ? "spec.resources" : field_of(error);
  const Way* way = way_of(child, field);
  if (too_old) {
    return "this API server does not know the field: leave " +
           (way != nullptr ? workloads_field(*way, field) : field) + " out, or upgrade the cluster";
  }
  if (way != nullptr) {
    return "change " + workloads_field(*way, field) + " of the workload: " + remedy_of(*way, field);
  }
  return "it will not be taken as it is: see which field of the workload, or which policy of the "
         "cluster, " +
         (field.empty() ? "that comes from" : field + " comes from");
}

}  // namespace swo::reconcile
