#include "simulate/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace pgweir::simulate {
namespace {

constexpr std::size_t kChunkBytes = 256 << 10;

base::Result<std::size_t> refused(std::string why) {
  return base::fail(base::ErrorCode::kInvalid, std::move(why));
}

}  // namespace

class TextFile::Source {
 public:
  virtual ~Source() = default;
  // 0 at the end.
  virtual base::Result<std::size_t> read(std::span<char> into) = 0;
  virtual std::uint64_t position() const = 0;
};

// zlib reads what is not compressed as it is.
class TextFile::GzipSource final : public Source {
 public:
  explicit GzipSource(gzFile file) : file_(file) { gzbuffer(file_, kChunkBytes); }
  ~GzipSource() override { gzclose(file_); }

  base::Result<std::size_t> read(std::span<char> into) override {
    const int n = gzread(file_, into.data(), static_cast<unsigned>(into.size()));
    int error = Z_OK;
    const char* const why = gzerror(file_, &error);
    if (n < 0 || (n == 0 && error != Z_OK)) return refused(error == Z_ERRNO ? std::strerror(errno) : why);
    return static_cast<std::size_t>(n);
  }
  std::uint64_t position() const override { return static_cast<std::uint64_t>(gzoffset(file_)); }

 private:
  gzFile file_;
};

class TextFile::ZstdSource final : public Source {
 public:
  explicit ZstdSource(int fd) : fd_(fd), stream_(ZSTD_createDStream()), compressed_(kChunkBytes) {}
  ~ZstdSource() override {
    ZSTD_freeDStream(stream_);
    close(fd_);
  }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

  base::Result<std::size_t> read(std::span<char> into) override {
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    while (out.pos == 0) {
      if (in_.pos == in_.size) {
        const ssize_t n = ::read(fd_, compressed_.data(), compressed_.size());
        if (n < 0) return refused(std::strerror(errno));
        if (n == 0) return amid_frame_ ? refused("the compressed data ends too early") : std::size_t{0};
        in_ = {compressed_.data(), static_cast<std::size_t>(n), 0};
        position_ += in_.size;
      }
      const std::size_t left = ZSTD_decompressStream(stream_, &out, &in_);
      if (ZSTD_isError(left)) return refused(ZSTD_getErrorName(left));
      amid_frame_ = left != 0;
    }
    return out.pos;
  }
  std::uint64_t position() const override { return position_; }

 private:
  int fd_;
  ZSTD_DStream* stream_;
  std::vector<char> compressed_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  std::uint64_t position_ = 0;
  bool amid_frame_ = false;
};

TextFile::TextFile(std::string path, std::uint64_t size, std::unique_ptr<Source> source)
    : path_(std::move(path)), size_(size), source_(std::move(source)) {}
TextFile::TextFile(TextFile&&) noexcept = default;
TextFile& TextFile::operator=(TextFile&&) noexcept = default;
TextFile::~TextFile() = default;

base::Result<TextFile> TextFile::open(const std::string& path) {
  const auto fail = [&] { return base::fail(base::ErrorCode::kInvalid, path + ": " + std::strerror(errno)); };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail();
  struct stat status{};
  std::array<char, 4> magic{};
  if (fstat(fd, &status) != 0 || pread(fd, magic.data(), magic.size(), 0) < 0) {
    const auto error = fail();
    close(fd);
    return error;
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (std::string_view(magic.data(), magic.size()) == "\x28\xb5\x2f\xfd")
    return TextFile(path, size, std::make_unique<ZstdSource>(fd));
  const gzFile file = gzdopen(fd, "rb");
  if (file == nullptr) {
    close(fd);
    return base::fail(base::ErrorCode::kInternal, path + ": no memory");
  }
  return TextFile(path, size, std::make_unique<GzipSource>(file));
}

base::Result<bool> TextFile::next(std::string_view& line) {
  std::size_t searched = begin_;
  for (;;) {
    if (const std::size_t end = buffer_.find('\n', searched); end != std::string::npos) {
      line = std::string_view(buffer_).substr(begin_, end - begin_);
      begin_ = end + 1;
      break;
    }
    if (ended_) {
      if (begin_ == buffer_.size()) return false;
      line = std::string_view(buffer_).substr(begin_);
      begin_ = buffer_.size();
      break;
    }
    buffer_.erase(0, std::exchange(begin_, 0));
    searched = buffer_.size();
    if (searched > kLineBytesMax)
      return base::fail(base::ErrorCode::kInvalid, path_ + ": a line is too long");
    buffer_.resize(searched + kChunkBytes);
    const auto n = source_->read(std::span(buffer_).subspan(searched));
    if (!n) return base::fail(n.error().code, path_ + ": " + n.error().message);
    buffer_.resize(searched + *n);
    ended_ = *n == 0;
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

double TextFile::progress() const {
  return size_ == 0 ? 1.0 : static_cast<double>(source_->position()) / static_cast<double>(size_);
}

}  // namespace pgweir::simulate
