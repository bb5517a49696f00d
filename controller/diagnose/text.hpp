// What a console and a kubelet write, made fit to be read by a person: no escape sequences, valid
// UTF-8, no secrets. Pure; any bytes are taken.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace swo::diagnose {

// Lines without ECMA-48 escape sequences, and without characters that steer (C0, C1, those of
// bidirectional text); a tab becomes a space, what is not UTF-8 '?'. A carriage return ends a line
// too: systemd redraws its progress line with it. Empty lines, and spaces at a line's end, are left
// out.
std::vector<std::string> clean_lines(std::string_view text);

// Puts "…" in place of what may be a secret: values of keys whose names say so (password, token,
// …), Authorization headers, credentials in URLs, and words that look like keys: long and mixed, or
// hex. Rather too much than too little.
std::string redacted(std::string_view line);

// A line as it may be shown: clean, redacted, and of bounded length.
std::string shown(std::string_view line);

bool contains(std::string_view text, std::string_view part);

}  // namespace swo::diagnose
