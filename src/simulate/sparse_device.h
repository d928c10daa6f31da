// A disk for simulations: pages of zeros, which is what replies without content are, take no memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>

#include "io/device.h"

namespace pgweir::simulate {

// One thread.
class SparseDevice final : public io::Device {
 public:
  explicit SparseDevice(std::uint64_t size_bytes) : size_bytes_(size_bytes) {}

  base::Result<void> open() override { return {}; }
  base::Result<void> reserve() override { return {}; }
  std::uint64_t size_bytes() const override { return size_bytes_; }
  base::Result<std::size_t> read(std::uint64_t at, std::span<char> out) const override;
  base::Result<void> write(std::uint64_t at, std::string_view bytes) override;
  base::Result<void> sync() override { return {}; }
  base::Result<void> check() const override { return {}; }

  std::uint64_t written_bytes() const { return written_bytes_; }

 private:
  static constexpr std::uint64_t kPageBytes = 4096;
  using Page = std::array<char, kPageBytes>;

  std::uint64_t size_bytes_;
  std::uint64_t written_bytes_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_;  // by number; the others are zero
};

}  // namespace pgweir::simulate
