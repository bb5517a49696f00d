#include "cli/paint.hpp"

#include <algorithm>
#include <cstdlib>

#include <unistd.h>

#include "diagnose/text.hpp"

namespace swo::cli {
namespace {

// ECMA-48 SGR.
std::string_view code_of(Colour colour) {
  switch (colour) {
    case Colour::kGood:
      return "\033[32m";
    case Colour::kWait:
      return "\033[33m";
    case Colour::kBad:
      return "\033[31m";
    case Colour::kFaint:
      return "\033[2m";
    case Colour::kBold:
      return "\033[1m";
    case Colour::kNone:
      break;
  }
  return "";
}

// Characters, not bytes.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

bool wants_colour(int descriptor) {
  return isatty(descriptor) == 1 && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
}

std::string printable(std::string_view text) {
  std::string all;
  for (const std::string& line : diagnose::clean_lines(text)) {
    all += (all.empty() ? "" : " ") + line;
  }
  return all;
}

std::string Paint::operator()(const Cell& cell) const {
  if (!colours_ || cell.colour == Colour::kNone) {
    return cell.text;
  }
  return std::string(code_of(cell.colour)) + cell.text + "\033[0m";
}

std::string Paint::table(const std::vector<std::vector<Cell>>& rows,
                         std::string_view indent) const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      widths[i] = std::max(widths[i], width(row[i].text));
    }
  }
  std::string all;
  for (const auto& row : rows) {
    all += indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      all += (*this)(row[i]);
      if (i + 1 < row.size()) {
        all.append(widths[i] - width(row[i].text) + 2, ' ');
      }
    }
    all += '\n';
  }
  return all;
}

}  // namespace swo::cli
