// Where the disk tier keeps its bytes: a range of positions that is read and written by blocking calls, on
// threads that may block. FileDevice is a file; MockDevice (mock_device.h) has faults on demand.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/socket.h"

namespace pgweir::io {

// read() on any thread; open(), reserve(), write(), sync() and check() on one thread at a time, which may be
// another than the readers'. Errors: kLimit: no space; kClosed: the file is not the one that was opened;
// kInvalid: this path can never be used; kUnavailable: anything else that the operating system refuses.
class Device {
 public:
  virtual ~Device() = default;

  // Makes it readable; again, after kClosed, with whatever is there now. Changes nothing that is there.
  // REQUIRES: nobody reads meanwhile.
  virtual base::Result<void> open() = 0;
  // Takes the space for all of it, which is to be written from now on.
  virtual base::Result<void> reserve() = 0;
  // The positions are [0, size_bytes()).
  virtual std::uint64_t size_bytes() const = 0;
  // How much of `out` was read: less than all of it if the file ends before. What nobody has written is zero.
  virtual base::Result<std::size_t> read(std::uint64_t at, std::span<char> out) const = 0;
  // All or an error, after which any part may have been written.
  // REQUIRES: for a device that asks for it, position, size and address are multiples of kAlign.
  virtual base::Result<void> write(std::uint64_t at, std::string_view bytes) = 0;
  // What was written survives a crash of the machine. After an error nothing is known of it.
  virtual base::Result<void> sync() = 0;
  // Whether it still is what was opened, of the size that it had then.
  virtual base::Result<void> check() const = 0;

  static constexpr std::size_t kAlign = 4096;
};

struct FileDeviceConfig {
  std::string path;
  std::uint64_t size_bytes = 0;
  bool direct = false;  // past the page cache; writes must be aligned
};

// A regular file, made with mode 0600 if there is none; its blocks are taken at once where the file system
// can. Locked against other processes.
class FileDevice final : public Device {
 public:
  explicit FileDevice(FileDeviceConfig config) : config_(std::move(config)) {}

  base::Result<void> open() override;
  base::Result<void> reserve() override;
  std::uint64_t size_bytes() const override { return config_.size_bytes; }
  base::Result<std::size_t> read(std::uint64_t at, std::span<char> out) const override;
  base::Result<void> write(std::uint64_t at, std::string_view bytes) override;
  base::Result<void> sync() override;
  base::Result<void> check() const override;

 private:
  base::Result<void> claim(const Fd& file) const;
  base::Result<std::size_t> read_plain(std::uint64_t at, std::span<char> out) const;
  base::Result<std::size_t> read_direct(std::uint64_t at, std::span<char> out) const;
  std::unexpected<base::Error> failed(const char* what, int error) const;

  const FileDeviceConfig config_;
  Fd fd_;
};

}  // namespace pgweir::io
