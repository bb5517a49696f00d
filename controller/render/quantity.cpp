#include "render/quantity.hpp"

#include <array>
#include <cctype>
#include <cstdint>
#include <optional>

namespace swo::render {
namespace {

// Values are counted in 10⁻⁹, the finest that a quantity holds. 128 bits, as GCC and Clang have
// them.
__extension__ using Wide = __int128;
constexpr Wide kNano = 1'000'000'000;
constexpr Wide kMaxUnits = INT64_MAX;

struct Suffix {
  std::string_view text;
  int exponent;  // of 10, or of 1024
};
constexpr std::array<Suffix, 10> kDecimal = {{{"n", -9},
                                              {"u", -6},
                                              {"m", -3},
                                              {"", 0},
                                              {"k", 3},
                                              {"M", 6},
                                              {"G", 9},
                                              {"T", 12},
                                              {"P", 15},
                                              {"E", 18}}};
constexpr std::array<Suffix, 6> kBinary = {
    {{"Ki", 1}, {"Mi", 2}, {"Gi", 3}, {"Ti", 4}, {"Pi", 5}, {"Ei", 6}}};

enum class Format { kDecimalSi, kBinarySi, kDecimalExponent };

struct Scale {
  Format format = Format::kDecimalSi;
  Wide numerator = 1;
  Wide denominator = 1;
};

Wide power(Wide base, int exponent) {
  Wide result = 1;
  for (; exponent > 0; --exponent) {
    result *= base;
  }
  return result;
}

Scale decimal_scale(Format format, int exponent) {
  return exponent < 0 ? Scale{format, 1, power(10, -exponent)}
                      : Scale{format, power(10, exponent), 1};
}

std::optional<Scale> parse_suffix(std::string_view text) {
  for (const Suffix& suffix : kDecimal) {
    if (text == suffix.text) return decimal_scale(Format::kDecimalSi, suffix.exponent);
  }
  for (const Suffix& suffix : kBinary) {
    if (text == suffix.text) return Scale{Format::kBinarySi, power(1024, suffix.exponent), 1};
  }
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return std::nullopt;
  text.remove_prefix(1);
  const bool negative = text[0] == '-';
  if (negative || text[0] == '+') text.remove_prefix(1);
  constexpr std::size_t kMaxDigits = 2;
  if (text.empty() || text.size() > kMaxDigits) return std::nullopt;
  int exponent = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    exponent = exponent * 10 + (c - '0');
  }
  constexpr int kMaxExponent = 18;
  if (exponent > kMaxExponent) return std::nullopt;
  return decimal_scale(Format::kDecimalExponent, negative ? -exponent : exponent);
}

std::string digits(Wide value) { return std::to_string(static_cast<std::int64_t>(value)); }

// As few digits as lose nothing, with the largest suffix: 1500m, 2k, 3G. Empty when 64 bits do not
// hold them.
std::string print_decimal(Wide nano, Format format) {
  int exponent = -9;
  while (nano != 0 && nano % 1000 == 0 && exponent < 18) {
    nano /= 1000;
    exponent += 3;
  }
  if (nano > kMaxUnits) return {};
  if (nano == 0 || exponent == 0) return digits(nano);
  if (format == Format::kDecimalExponent) return digits(nano) + "e" + std::to_string(exponent);
  for (const Suffix& suffix : kDecimal) {
    if (suffix.exponent == exponent) return digits(nano) + std::string(suffix.text);
  }
  return digits(nano);
}

std::string print_binary(Wide units) {
  std::string_view suffix;
  for (const Suffix& larger : kBinary) {
    if (units % 1024 != 0) break;
    units /= 1024;
    suffix = larger.text;
  }
  return digits(units) + std::string(suffix);
}

struct Quantity {
  Wide nano = 0;  // without the sign
  bool negative = false;
  Format format = Format::kDecimalSi;
};

std::optional<Quantity> parse(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  Wide mantissa = 0;
  int decimals = -1;  // digits after the point; -1: no point yet
  bool any = false;
  std::size_t at = 0;
  constexpr int kMaxDecimals = 9;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && decimals < 0) {
      decimals = 0;
    } else if (std::isdigit(static_cast<unsigned char>(text[at])) != 0) {
      any = true;
      mantissa = mantissa * 10 + (text[at] - '0');
      decimals += decimals >= 0 ? 1 : 0;
      if (mantissa > kMaxUnits || decimals > kMaxDecimals) return std::nullopt;
    } else {
      break;
    }
  }
  const auto scale = parse_suffix(text.substr(at));
  if (!any || !scale) return std::nullopt;
  // mantissa < 2⁶³ and numerator ≤ 2⁶⁰: their product fits; times 10⁹ it must be seen to.
  const Wide divisor = scale->denominator * power(10, decimals < 0 ? 0 : decimals);
  const Wide product = mantissa * scale->numerator;
  if (product / divisor > kMaxUnits || product > kMaxUnits * kNano) return std::nullopt;
  if (product * kNano % divisor != 0) return std::nullopt;
  return Quantity{product * kNano / divisor, negative, scale->format};
}

}  // namespace

std::string canonical_quantity(std::string_view text) {
  const auto parsed = parse(text);
  if (!parsed) return std::string(text);
  const Wide nano = parsed->nano;
  const std::string sign = parsed->negative && nano != 0 ? "-" : "";
  // Where no binary suffix fits the server prints none, and takes that for decimal when it reads it
  // again.
  if (parsed->format == Format::kBinarySi && nano >= 1024 * kNano && nano % (1024 * kNano) == 0) {
    return sign + print_binary(nano / kNano);
  }
  const Format format = parsed->format == Format::kBinarySi ? Format::kDecimalSi : parsed->format;
  const std::string printed = print_decimal(nano, format);
  return printed.empty() ? std::string(text) : sign + printed;
}

bool quantity_less(std::string_view left, std::string_view right) {
  const auto a = parse(left);
  const auto b = parse(right);
  if (!a || !b) return false;
  return (a->negative ? -a->nano : a->nano) < (b->negative ? -b->nano : b->nano);
}

Json canonical_resources(const Json& resources) {
  Json result = resources;
  for (const char* kind : {"limits", "requests"}) {
    if (!result.contains(kind) || !result[kind].is_object()) continue;
    for (Json& quantity : result[kind]) {
      if (quantity.is_string()) {
        quantity = canonical_quantity(quantity.get_ref<const std::string&>());
      } else if (quantity.is_number()) {
        quantity = canonical_quantity(quantity.dump());
      }
    }
  }
  return result;
}

}  // namespace swo::render
