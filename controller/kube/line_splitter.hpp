// Cuts a stream of bytes into lines, however the bytes were cut into chunks.
//
// One thread. Each byte is looked at once; memory is the longest unfinished line, at most kMaxLine.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace swo::kube {

class LineSplitter {
 public:
  // etcd takes requests of 1.5 MiB; as JSON with managedFields an object can be a few times that.
  static constexpr std::size_t kMaxLine = std::size_t{32} << 20;

  // False when the unfinished line is longer than kMaxLine: the stream is to be given up.
  bool append(std::string_view bytes);
  // The next whole line without its end; empty lines are left out. Valid until the next append().
  std::optional<std::string_view> next();
  // Bytes of an unfinished line: not 0 at the end of a stream means that it was cut off.
  std::size_t pending() const { return buffer_.size() - begin_; }
  void clear();

 private:
  std::string buffer_;
  std::size_t begin_ = 0;    // of the first line not handed out
  std::size_t scanned_ = 0;  // no line end in [begin_, scanned_)
};

}  // namespace swo::kube
