// Keyed 128-bit hashing: SipHash-2-4 with 128-bit output
// (Aumasson & Bernstein, "SipHash: a fast short-input PRF"; reference output in hash_test.cc).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace pgweir::base {

struct Hash128 {
  std::uint64_t lo = 0;
  std::uint64_t hi = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};

struct HashSecret {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
};

// Streaming. update(a) update(b) equals update(ab): frame variable-length fields with
// update_field, which adds the length. Not thread-safe.
class SipHash128 {
 public:
  explicit SipHash128(const HashSecret& secret);
  void update(std::string_view bytes);
  void update_u64(std::uint64_t value);
  void update_field(std::string_view bytes) {
    update_u64(bytes.size());
    update(bytes);
  }
  void update_hash(const Hash128& value) {
    update_u64(value.lo);
    update_u64(value.hi);
  }
  // The hash of all bytes so far; call once.
  Hash128 finish();

 private:
  void compress(std::uint64_t word);

  std::uint64_t v0_, v1_, v2_, v3_;
  std::uint64_t pending_ = 0;  // bytes not yet compressed, little endian
  unsigned pending_size_ = 0;
  std::uint64_t total_ = 0;
};

Hash128 hash128(const HashSecret& secret, std::string_view bytes);

// A secret from the operating system's random source.
HashSecret random_secret();

}  // namespace pgweir::base

template <>
struct std::hash<pgweir::base::Hash128> {
  std::size_t operator()(const pgweir::base::Hash128& h) const noexcept { return h.lo; }
};
