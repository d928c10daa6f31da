#include "io/device.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

namespace pgweir::io {
namespace {

struct FreeAligned {
  void operator()(char* memory) const { std::free(memory); }
};

}  // namespace

std::unexpected<base::Error> FileDevice::failed(const char* what, int error) const {
  auto code = base::ErrorCode::kUnavailable;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) code = base::ErrorCode::kLimit;
  return base::fail(code, config_.path + ": " + what + ": " + std::strerror(error));
}

base::Result<void> FileDevice::open() {
  fd_.reset();
  const int direct = config_.direct ? O_DIRECT : 0;
  Fd file(::open(config_.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | direct, 0600));
  if (!file) return failed("cannot be opened", errno);
  if (auto claimed = claim(file); !claimed) return claimed;
  fd_ = std::move(file);
  return {};
}

base::Result<void> FileDevice::claim(const Fd& file) const {
  struct stat facts{};
  if (fstat(file.get(), &facts) != 0) return failed("cannot be examined", errno);
  if (!S_ISREG(facts.st_mode))
    return base::fail(base::ErrorCode::kInvalid, config_.path + ": is not a regular file");
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return base::fail(base::ErrorCode::kUnavailable, config_.path + ": another process uses it");
    return failed("cannot be locked", errno);
  }
  return {};
}

base::Result<void> FileDevice::reserve() {
  struct stat facts{};
  if (fstat(fd_.get(), &facts) != 0) return failed("cannot be examined", errno);
  const auto size = static_cast<off_t>(config_.size_bytes);
  if (facts.st_blocks * 512 < size && fallocate(fd_.get(), 0, 0, size) != 0 && errno != EOPNOTSUPP)
    return failed("cannot be made as large as it should be", errno);
  if (fstat(fd_.get(), &facts) == 0 && facts.st_size < size && ftruncate(fd_.get(), size) != 0)
    return failed("cannot be made as large as it should be", errno);
  return {};
}

base::Result<std::size_t> FileDevice::read(std::uint64_t at, std::span<char> out) const {
  return config_.direct ? read_direct(at, out) : read_plain(at, out);
}

base::Result<std::size_t> FileDevice::read_plain(std::uint64_t at, std::span<char> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("cannot be read", errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

// Whole blocks around what is asked for.
base::Result<std::size_t> FileDevice::read_direct(std::uint64_t at, std::span<char> out) const {
  const std::uint64_t begin = at / kAlign * kAlign;
  const std::size_t lead = at - begin;
  const std::size_t size = (lead + out.size() + kAlign - 1) / kAlign * kAlign;
  const std::unique_ptr<char, FreeAligned> blocks(static_cast<char*>(std::aligned_alloc(kAlign, size)));
  if (blocks == nullptr) return failed("cannot be read", ENOMEM);
  const auto got = read_plain(begin, {blocks.get(), size});
  if (!got) return got;
  const std::size_t usable = *got > lead ? std::min(*got - lead, out.size()) : 0;
  std::memcpy(out.data(), blocks.get() + lead, usable);
  return usable;
}

base::Result<void> FileDevice::write(std::uint64_t at, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failed("cannot be written", n < 0 ? errno : ENOSPC);
    at += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

base::Result<void> FileDevice::sync() {
  if (fdatasync(fd_.get()) != 0) return failed("cannot be brought to the disk", errno);
  return {};
}

base::Result<void> FileDevice::check() const {
  struct stat opened{};
  struct stat named{};
  if (!fd_ || fstat(fd_.get(), &opened) != 0 || stat(config_.path.c_str(), &named) != 0 ||
      opened.st_dev != named.st_dev || opened.st_ino != named.st_ino)
    return base::fail(base::ErrorCode::kClosed, config_.path + ": was removed or replaced");
  if (opened.st_size < static_cast<off_t>(config_.size_bytes))
    return base::fail(base::ErrorCode::kClosed, config_.path + ": was truncated");
  return {};
}

}  // namespace pgweir::io
