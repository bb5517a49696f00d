// Colours and columns for a terminal. Pure; output is the same text with and without colour.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace swo::cli {

enum class Colour { kNone, kGood, kWait, kBad, kFaint, kBold };

// A terminal that was not asked to stay plain: no-color.org, and TERM=dumb.
bool wants_colour(int descriptor);

// Without escape sequences and control characters: what a cluster says must not drive the terminal
// of who reads it.
std::string printable(std::string_view text);

struct Cell {
  std::string text;
  Colour colour = Colour::kNone;
};

class Paint {
 public:
  explicit Paint(bool colours) : colours_(colours) {}
  std::string operator()(const Cell& cell) const;
  // Rows under each other, two spaces apart; the last cell of a row may be of any length.
  std::string table(const std::vector<std::vector<Cell>>& rows, std::string_view indent) const;

 private:
  bool colours_;
};

}  // namespace swo::cli
