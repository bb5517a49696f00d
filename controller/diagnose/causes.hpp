// The chain of causes that diagnose() walks, and what they share. Internal to this floor.
//
// A cause looks at one kind of failure and answers with a Diagnosis, or with nothing when it is not
// that. Most of a kind are rows of a table: a text that some component is known to write, and what
// it means. Sources of the texts are named at each table.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/console.hpp"
#include "diagnose/diagnose.hpp"

namespace swo::diagnose {

struct Case {
  const Evidence& evidence;
  const platform::Strategy& strategy;
  std::vector<std::string> log;  // clean lines
  Console console;
  std::optional<ProbeReport> probe;

  bool waits(std::string_view reason) const { return evidence.waiting_reason == reason; }
  // The container has ended and does not run now.
  bool exited() const;
  bool runs() const;
  // The newest event of that reason; "" when there is none.
  std::string event(std::string_view reason) const;
  // What the kubelet says of the container or its sandbox, most telling first.
  std::vector<std::string> kubelet_texts() const;
};

using Cause = std::optional<Diagnosis> (*)(const Case&);

// A known text and its meaning.
struct Row {
  std::string_view text;  // a part of a line
  std::string_view reason;
  std::string_view cause;
  std::string_view remedy;
  bool transient = false;
};

// The first row whose text is in a line; rows before lines. The line is the evidence.
std::optional<Diagnosis> first_match(std::span<const Row> rows,
                                     const std::vector<std::string>& lines);
// The same line by line: where the first lines are the newest.
std::optional<Diagnosis> newest_match(std::span<const Row> rows,
                                      const std::vector<std::string>& lines);
Diagnosis make(std::string_view reason, std::string_view cause, std::string_view seen,
               std::string_view remedy, bool transient = false);

// causes_api.cpp: refused by the API server, put out or never put on a node.
std::optional<Diagnosis> user_namespace_dropped(const Case& c);
std::optional<Diagnosis> creation_refused(const Case& c);
std::optional<Diagnosis> put_out(const Case& c);
std::optional<Diagnosis> node_lost(const Case& c);
std::optional<Diagnosis> unschedulable(const Case& c);

// causes_kubelet.cpp: on a node, before the container runs.
std::optional<Diagnosis> image_trouble(const Case& c);
std::optional<Diagnosis> container_refused(const Case& c);
std::optional<Diagnosis> hidden_by_terminal(const Case& c);
std::optional<Diagnosis> volume_trouble(const Case& c);
std::optional<Diagnosis> seed_failed(const Case& c);
std::optional<Diagnosis> creation_failed(const Case& c);

// causes_boot.cpp: the container ran and ended.
std::optional<Diagnosis> out_of_memory(const Case& c);
std::optional<Diagnosis> boot_failed(const Case& c);
std::optional<Diagnosis> no_terminal(const Case& c);
std::optional<Diagnosis> init_ended(const Case& c);

// causes_running.cpp: it runs and is not ready, or is on its way.
std::optional<Diagnosis> user_namespace_missing(const Case& c);
std::optional<Diagnosis> boot_hangs(const Case& c);
std::optional<Diagnosis> units_failed(const Case& c);
std::optional<Diagnosis> probe_trouble(const Case& c);
std::optional<Diagnosis> on_its_way(const Case& c);

}  // namespace swo::diagnose
