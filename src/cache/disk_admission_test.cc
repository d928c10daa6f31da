#include "cache/disk_admission.h"

#include <gtest/gtest.h>

#include "cache/test_cache.h"

namespace pgweir::cache {
namespace {

TEST(Sightings, KnowWhatWasSeen) {
  Sightings sightings(1024);
  unsigned false_ones = 0;
  for (std::uint64_t number = 0; number < 300; ++number) false_ones += sightings.see(key_of(number)) ? 1 : 0;
  EXPECT_EQ(false_ones, 0U);
  unsigned known = 0;
  for (std::uint64_t number = 0; number < 300; ++number) known += sightings.see(key_of(number)) ? 1 : 0;
  EXPECT_GE(known, 295U) << "a few have met too many in their set";
  EXPECT_EQ(sightings.bytes(), 4096U);
}

TEST(Sightings, ForgetTheOldest) {
  Sightings sightings(8);
  sightings.see(key_of(0));
  for (std::uint64_t number = 1; number < 8; ++number) sightings.see(key_of(number));
  EXPECT_TRUE(sightings.see(key_of(0)));
  sightings.see(key_of(8));
  EXPECT_FALSE(sightings.see(key_of(1)));
  EXPECT_TRUE(sightings.see(key_of(0))) << "seen again, it is not the oldest any more";
}

}  // namespace
}  // namespace pgweir::cache
