#include "base/hash.h"

#include <gtest/gtest.h>

#include <string>

namespace pgweir::base {
namespace {

constexpr HashSecret kReferenceKey{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};

std::string first_bytes(std::size_t n) {
  std::string s;
  for (std::size_t i = 0; i < n; ++i) s.push_back(static_cast<char>(i));
  return s;
}

std::string hex(const Hash128& h) {
  std::string out;
  for (std::uint64_t word : {h.lo, h.hi})
    for (int i = 0; i < 8; ++i) {
      char b[3];
      std::snprintf(b, sizeof b, "%02x", static_cast<unsigned>(word >> (8 * i) & 0xff));
      out += b;
    }
  return out;
}

// vectors_sip128 of the reference implementation, for inputs of 0, 1 and 2 bytes.
TEST(SipHash128, MatchesTheReference) {
  EXPECT_EQ(hex(hash128(kReferenceKey, first_bytes(0))), "a3817f04ba25a8e66df67214c7550293");
  EXPECT_EQ(hex(hash128(kReferenceKey, first_bytes(1))), "da87c1d86b99af44347659119b22fc45");
  EXPECT_EQ(hex(hash128(kReferenceKey, first_bytes(2))), "8177228da4a45dc7fca38bdef60affe4");
}

TEST(SipHash128, AnySplitGivesTheSameHash) {
  const std::string bytes = first_bytes(64);
  const Hash128 whole = hash128(kReferenceKey, bytes);
  for (std::size_t i = 0; i <= bytes.size(); ++i)
    for (std::size_t j = i; j <= bytes.size(); ++j) {
      SipHash128 hash(kReferenceKey);
      hash.update(std::string_view(bytes).substr(0, i));
      hash.update(std::string_view(bytes).substr(i, j - i));
      hash.update(std::string_view(bytes).substr(j));
      ASSERT_EQ(hash.finish(), whole) << i << ' ' << j;
    }
}

TEST(SipHash128, WordsArePaddedBytes) {
  for (std::size_t before = 0; before < 8; ++before) {
    SipHash128 words(kReferenceKey), bytes(kReferenceKey);
    words.update(first_bytes(before));
    bytes.update(first_bytes(before));
    words.update_u64(0x0807060504030201ULL);
    bytes.update("\1\2\3\4\5\6\7\x8");
    EXPECT_EQ(words.finish(), bytes.finish()) << before;
  }
}

TEST(SipHash128, PaddedBytesAreThoseAndZeros) {
  for (std::size_t size = 0; size <= 24; ++size) {
    SipHash128 padded(kReferenceKey), bytes(kReferenceKey);
    padded.update_padded(first_bytes(size));
    bytes.update(first_bytes(size));
    bytes.update(std::string((8 - size % 8) % 8, '\0'));
    EXPECT_EQ(padded.finish(), bytes.finish()) << size;
  }
}

TEST(SipHash128, FieldsAreFramed) {
  SipHash128 a(kReferenceKey), b(kReferenceKey);
  a.update_field("ab");
  a.update_field("c");
  b.update_field("a");
  b.update_field("bc");
  EXPECT_NE(a.finish(), b.finish());
}

TEST(SipHash128, TheSecretMatters) {
  EXPECT_NE(hash128(random_secret(), "x"), hash128(random_secret(), "x"));
}

}  // namespace
}  // namespace pgweir::base
