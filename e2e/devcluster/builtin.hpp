// Defaults and rules of built-in types: as much of kubernetes pkg/apis/*/v1/defaults.go,
// pkg/apis/*/validation and pkg/registry/*/strategy.go as an operator's objects meet.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "devcluster/catalog.hpp"

namespace devcluster {

// `allocate_ip` gives a Service its cluster address.
void default_built_in(const ResourceType& type, Json& object,
                      const std::function<std::string()>& allocate_ip);

// `old` is null on create.
std::vector<Cause> validate_built_in(const ResourceType& type, const Json& object, const Json* old);

// metadata.name and the rest of ObjectMeta, for every type.
std::vector<Cause> validate_metadata(const ResourceType& type, const Json& metadata);

// A CustomResourceDefinition's own rules and what is filled in.
void default_crd(Json& crd);
std::vector<Cause> validate_crd(const Json& crd);

// The resize subresource of Pods: what it takes, and what it refuses.
// Sources: kubernetes pkg/registry/core/pod/strategy.go (podResizeStrategy),
// pkg/apis/core/validation ValidatePodResize, as of 1.33.
// `live` with the resources and resize policies of `sent`, and with nothing else of it; `sent`
// where their containers are not the same, which is refused below.
Json resized(const Json& live, const Json& sent);
std::vector<Cause> validate_resize(const Json& pod, const Json& old);

// BestEffort, Burstable or Guaranteed, of a Pod's spec.
std::string qos_class(const Json& spec);

bool is_dns_subdomain(const std::string& text);
bool is_dns_label(const std::string& text);

}  // namespace devcluster
