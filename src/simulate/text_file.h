// The lines of a file, which may be compressed by gzip or zstd; its first bytes tell.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pgweir::simulate {

// One thread at a time.
class TextFile {
 public:
  static constexpr std::size_t kLineBytesMax = 1 << 20;

  // Error: kInvalid, naming the path, if it cannot be read.
  static base::Result<TextFile> open(const std::string& path);
  TextFile(TextFile&&) noexcept;
  TextFile& operator=(TextFile&&) noexcept;
  ~TextFile();

  // The next line without its end, valid until the next call; false at the end of the file.
  // Error: kInvalid for damaged compression, a line of more than kLineBytesMax, or what the system refuses.
  base::Result<bool> next(std::string_view& line);
  // How much of the file, as it is on disk, has been read: 0 to 1.
  double progress() const;

 private:
  class Source;
  class GzipSource;
  class ZstdSource;
  TextFile(std::string path, std::uint64_t size, std::unique_ptr<Source> source);

  std::string path_;
  std::uint64_t size_ = 0;
  std::unique_ptr<Source> source_;
  std::string buffer_;
  std::size_t begin_ = 0;
  bool ended_ = false;
};

}  // namespace pgweir::simulate
