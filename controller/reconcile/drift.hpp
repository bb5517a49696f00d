// Tells whether a live object still says what the operator last asked for, without keeping either
// document.
//
// The API server records in metadata.managedFields which fields each manager owns (KEP-555,
// structured-merge-diff's fieldpath serialisation). digest_of_owned() hashes exactly the operator's
// fields of a live object; digest_of_desired() hashes a document about to be applied. Equal
// digests: nobody has changed, taken over or removed a field of ours. Fields of others (a sidecar's
// port, a foreign label) never count. Lists of objects are compared without regard to order.
//
// Only objects written by server-side apply compare equal: after a POST the server counts its
// defaults among the manager's fields.
//
// Pure; bad input (no managedFields, malformed fieldsV1) gives a digest that equals no document's.
#pragma once

#include <cstdint>
#include <string_view>

#include "api/json.hpp"

namespace swo::reconcile {

using Digest = std::uint64_t;

// Of an object in which no field is the manager's: it was not made by it.
inline constexpr Digest kNothingOwned = 0;

Digest digest_of_text(std::string_view text);  // never kNothingOwned
Digest digest_of_desired(const Json& document);
Digest digest_of_owned(const Json& live, std::string_view manager);

}  // namespace swo::reconcile
