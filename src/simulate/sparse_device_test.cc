#include "simulate/sparse_device.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace pgweir::simulate {
namespace {

TEST(SparseDevice, ReadsWhatWasWritten) {
  constexpr std::size_t kBytes = 64 << 10;
  SparseDevice device(kBytes);
  std::string model(kBytes, '\0');
  std::mt19937_64 random(1);
  std::string out(kBytes, '?');
  for (int round = 0; round < 500; ++round) {
    const std::size_t at = random() % kBytes, size = random() % (kBytes - at + 1);
    // Often zeros, which are not stored, and over what was.
    const std::string bytes(size, random() % 2 == 0 ? '\0' : static_cast<char>('a' + round % 26));
    ASSERT_TRUE(device.write(at, bytes));
    model.replace(at, size, bytes);
    ASSERT_EQ(device.read(0, out).value(), kBytes);
    ASSERT_EQ(out, model);
    const std::size_t from = random() % kBytes;
    std::string part(random() % 10'000, '?');
    const std::size_t n = device.read(from, part).value();
    ASSERT_EQ(n, std::min(part.size(), kBytes - from));
    ASSERT_EQ(part.substr(0, n), model.substr(from, n));
  }
}

TEST(SparseDevice, HasAnEnd) {
  SparseDevice device(4096);
  EXPECT_FALSE(device.write(4095, "ab"));
  std::string out(10, '?');
  EXPECT_EQ(device.read(4096, out).value(), 0U);
}

}  // namespace
}  // namespace pgweir::simulate
