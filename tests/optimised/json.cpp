// The JSON library once more, optimised: this object comes first in a link, so its instances are
// the ones that the whole program uses. A Debug build's tests spend most of their time in it.
#include <nlohmann/json.hpp>

namespace {

using nlohmann::json;
using TextInput = nlohmann::detail::iterator_input_adapter<std::string::const_iterator>;
using PointerInput = nlohmann::detail::iterator_input_adapter<const char*>;
using MutableTextInput = nlohmann::detail::iterator_input_adapter<std::string::iterator>;

}  // namespace

template class nlohmann::basic_json<>;
template class nlohmann::detail::serializer<json>;
template class nlohmann::detail::json_sax_dom_parser<json>;
template class nlohmann::detail::json_sax_dom_callback_parser<json>;
template class nlohmann::detail::lexer<json, TextInput>;
template class nlohmann::detail::lexer<json, PointerInput>;
template class nlohmann::detail::lexer<json, MutableTextInput>;
template class nlohmann::detail::parser<json, TextInput>;
template class nlohmann::detail::parser<json, PointerInput>;
template class nlohmann::detail::parser<json, MutableTextInput>;
template class std::map<std::string, json, std::less<>>;
template class std::_Rb_tree<std::string, std::pair<const std::string, json>,
                             std::_Select1st<std::pair<const std::string, json>>, std::less<>>;
template class std::vector<json>;
template class std::basic_string<char>;
