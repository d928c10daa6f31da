// Keyed 128-bit hashing: SipHash-2-4 with 128-bit output
// (Aumasson & Bernstein, "SipHash: a fast short-input PRF"; reference output in hash_test.cc).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>

#include "base/check.h"

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
  void update(std::string_view bytes) {
    const std::size_t tail = bytes.size() % 8, words = bytes.size() - tail;
    if (words != 0) update_words(bytes.data(), words);
    if (tail != 0) update_tail(load_tail(bytes.data() + words, tail), static_cast<unsigned>(tail));
  }
  // Eight bytes, little endian.
  [[gnu::always_inline]] void update_u64(std::uint64_t value) {
    total_ += 8;
    if (pending_size_ == 0) return compress(value);
    compress(pending_ | value << (8 * pending_size_));
    pending_ = value >> (64 - 8 * pending_size_);
  }
  // The bytes, and zeros up to a multiple of eight: for a field whose length is hashed before it. Leaves
  // the next field aligned, which is faster. REQUIRES: a multiple of eight bytes has come before.
  void update_padded(std::string_view bytes) {
    CHECK(pending_size_ == 0);
    const std::size_t tail = bytes.size() % 8, words = bytes.size() - tail;
    total_ += words;
    for (std::size_t i = 0; i < words; i += 8) compress(load<std::uint64_t>(bytes.data() + i));
    if (tail != 0) update_u64(load_tail(bytes.data() + words, tail));
  }
  void update_field(std::string_view bytes) {
    update_u64(bytes.size());
    update(bytes);
  }
  void update_hash(const Hash128& value) {
    update_u64(value.lo);
    update_u64(value.hi);
  }
  // The hash of all bytes so far; call once.
  Hash128 finish() {
    compress(pending_ | (total_ & 0xff) << 56);
    v2_ ^= 0xee;
    for (int i = 0; i < 4; ++i) round(v0_, v1_, v2_, v3_);
    Hash128 out;
    out.lo = v0_ ^ v1_ ^ v2_ ^ v3_;
    v1_ ^= 0xdd;
    for (int i = 0; i < 4; ++i) round(v0_, v1_, v2_, v3_);
    out.hi = v0_ ^ v1_ ^ v2_ ^ v3_;
    return out;
  }

 private:
  static void round(std::uint64_t& v0, std::uint64_t& v1, std::uint64_t& v2, std::uint64_t& v3) {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  // Little endian.
  template <class Word>
  static Word load(const char* bytes) {
    Word word;
    std::memcpy(&word, bytes, sizeof word);
    if constexpr (std::endian::native == std::endian::big) word = std::byteswap(word);
    return word;
  }
  // The same of n bytes, 1 <= n <= 7, without a loop: the halves overlap.
  static std::uint64_t load_tail(const char* bytes, std::size_t n) {
    const auto byte = [bytes](std::size_t i) {
      return std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    };
    if (n < 4) return byte(0) | byte(n / 2) | byte(n - 1);
    return load<std::uint32_t>(bytes) | std::uint64_t{load<std::uint32_t>(bytes + n - 4)} << (8 * (n - 4));
  }
  // A multiple of eight bytes. Copies of the state stay in registers.
  void update_words(const char* bytes, std::size_t size) {
    SipHash128 state = *this;
    state.total_ += size;
    const char* const end = bytes + size;
    if (state.pending_size_ == 0) {
      for (; bytes != end; bytes += 8) state.compress(load<std::uint64_t>(bytes));
    } else {
      const unsigned shift = 8 * state.pending_size_;
      for (; bytes != end; bytes += 8) {
        const auto word = load<std::uint64_t>(bytes);
        state.compress(state.pending_ | word << shift);
        state.pending_ = word >> (64 - shift);
      }
    }
    *this = state;
  }
  // n bytes, 1 <= n <= 7, little endian.
  void update_tail(std::uint64_t value, unsigned n) {
    total_ += n;
    pending_ |= value << (8 * pending_size_);
    pending_size_ += n;
    if (pending_size_ < 8) return;
    compress(pending_);
    pending_size_ -= 8;
    pending_ = pending_size_ == 0 ? 0 : value >> (8 * (n - pending_size_));
  }
  void compress(std::uint64_t word) {
    v3_ ^= word;
    round(v0_, v1_, v2_, v3_);
    round(v0_, v1_, v2_, v3_);
    v0_ ^= word;
  }

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
