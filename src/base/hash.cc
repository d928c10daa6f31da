#include "base/hash.h"

#include <sys/random.h>

#include "base/check.h"

namespace pgweir::base {

SipHash128::SipHash128(const HashSecret& secret)
    : v0_(secret.k0 ^ 0x736f6d6570736575ULL),
      v1_(secret.k1 ^ 0x646f72616e646f6dULL ^ 0xee),
      v2_(secret.k0 ^ 0x6c7967656e657261ULL),
      v3_(secret.k1 ^ 0x7465646279746573ULL) {}

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
