// Stable hashes of text: the same on every machine, in every build, for ever, because names and
// machine ids are made of them. Pure.
#pragma once

#include <string>
#include <string_view>

namespace swo::render {

// The first ten hexadecimal digits of the text's SHA-256: enough that two revisions or two long
// names of one namespace do not meet by chance.
std::string short_hash(std::string_view text);

// The name-based UUID of RFC 4122, section 4.3 (version 5, SHA-1). `name_space` is a UUID in its
// text form; where it is none (an object that no server has given a uid yet) its text is hashed in
// its place.
std::string uuid_v5(std::string_view name_space, std::string_view name);

}  // namespace swo::render
