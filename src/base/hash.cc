#include "base/hash.h"

#include <sys/random.h>

#include <bit>
#include <cstring>

#include "base/check.h"

namespace pgweir::base {
namespace {

inline std::uint64_t load_le(const char* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

}  // namespace

SipHash128::SipHash128(const HashSecret& secret)
    : v0_(secret.k0 ^ 0x736f6d6570736575ULL),
      v1_(secret.k1 ^ 0x646f72616e646f6dULL ^ 0xee),
      v2_(secret.k0 ^ 0x6c7967656e657261ULL),
      v3_(secret.k1 ^ 0x7465646279746573ULL) {}

void SipHash128::update(std::string_view bytes) {
  const char* p = bytes.data();
  std::size_t n = bytes.size();
  total_ += n;
  while (pending_size_ != 0 && n != 0) {
    pending_ |= std::uint64_t{static_cast<unsigned char>(*p)} << (8 * pending_size_);
    ++p;
    --n;
    if (++pending_size_ == 8) {
      compress(pending_);
      pending_ = 0;
      pending_size_ = 0;
    }
  }
  for (; n >= 8; p += 8, n -= 8) compress(load_le(p));
  for (; n != 0; ++p, --n) {
    pending_ |= std::uint64_t{static_cast<unsigned char>(*p)} << (8 * pending_size_);
    ++pending_size_;
  }
}

void SipHash128::update_padded(std::string_view bytes) {
  update(bytes);
  const std::size_t over = bytes.size() % 8;
  if (over == 0) return;
  constexpr char kZeros[8] = {};
  update({kZeros, 8 - over});
}

Hash128 SipHash128::finish() {
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

Hash128 hash128(const HashSecret& secret, std::string_view bytes) {
  SipHash128 hash(secret);
  hash.update(bytes);
  return hash.finish();
}

HashSecret random_secret() {
  HashSecret secret;
  CHECK(getrandom(&secret, sizeof secret, 0) == sizeof secret);
  return secret;
}

}  // namespace pgweir::base
