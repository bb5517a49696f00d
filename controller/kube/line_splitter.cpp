#include "kube/line_splitter.hpp"

namespace swo::kube {

bool LineSplitter::append(std::string_view bytes) {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
  }
  buffer_.append(bytes);
  if (buffer_.size() <= kMaxLine) return true;
  // Only the last line can be unfinished: whole ones before it are still to be taken out.
  std::size_t end = buffer_.rfind('\n');
  return end != std::string::npos && buffer_.size() - end <= kMaxLine;
}

std::optional<std::string_view> LineSplitter::next() {
  while (true) {
    std::size_t end = buffer_.find('\n', scanned_);
    if (end == std::string::npos) {
      scanned_ = buffer_.size();
      return std::nullopt;
    }
    std::string_view line(buffer_.data() + begin_, end - begin_);
    begin_ = scanned_ = end + 1;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.empty()) return line;
  }
}

void LineSplitter::clear() {
  buffer_.clear();
  begin_ = scanned_ = 0;
}

}  // namespace swo::kube
