#include "io/device.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "io/mock_device.h"

namespace pgweir::io {
namespace {

using base::ErrorCode;

constexpr std::uint64_t kSize = 64 << 10;

struct alignas(Device::kAlign) Block {
  std::array<char, Device::kAlign> bytes{};
  std::string_view view() const { return {bytes.data(), bytes.size()}; }
};

Block block_of(char c) {
  Block block;
  block.bytes.fill(c);
  return block;
}

std::string read_from(const Device& device, std::uint64_t at, std::size_t n) {
  std::string out(n, '?');
  const auto got = device.read(at, out);
  EXPECT_TRUE(got.has_value());
  out.resize(got.value_or(0));
  return out;
}

// range: whether it goes past the page cache.
struct FileDeviceTest : testing::TestWithParam<bool> {
  FileDeviceTest() {
    // Not a file system in memory, which knows no direct access.
    std::string name = "/var/tmp/pgweir_device_XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory = name;
    path = directory + "/store";
  }
  void SetUp() override {
    const auto opened = device().open();
    if (GetParam() && !opened && opened.error().message.ends_with("Invalid argument"))
      GTEST_SKIP() << "no direct access in /var/tmp here";
    std::filesystem::remove(path);
  }
  ~FileDeviceTest() override { std::filesystem::remove_all(directory); }
  FileDevice device() const { return FileDevice({.path = path, .size_bytes = kSize, .direct = GetParam()}); }

  std::string directory, path;
};
INSTANTIATE_TEST_SUITE_P(Direct, FileDeviceTest, testing::Bool());

TEST_P(FileDeviceTest, ReadsWhatWasWritten) {
  FileDevice file = device();
  ASSERT_TRUE(file.open().has_value() && file.reserve().has_value());
  EXPECT_EQ(read_from(file, 100, 10), std::string(10, '\0')) << "what nobody has written";
  const Block a = block_of('a'), b = block_of('b');
  ASSERT_TRUE(file.write(0, a.view()).has_value());
  ASSERT_TRUE(file.write(Device::kAlign, b.view()).has_value());
  ASSERT_TRUE(file.sync().has_value());
  EXPECT_EQ(read_from(file, Device::kAlign - 3, 5), "aaabb");
  EXPECT_EQ(read_from(file, kSize - 4, 10), std::string(4, '\0')) << "the file ends";
  EXPECT_EQ(read_from(file, kSize + 4, 10), "");
}

TEST_P(FileDeviceTest, KeepsWhatWasThere) {
  const Block a = block_of('a');
  {
    FileDevice file = device();
    ASSERT_TRUE(file.open().has_value() && file.reserve().has_value());
    ASSERT_TRUE(file.write(0, a.view()).has_value());
  }
  FileDevice file = device();
  ASSERT_TRUE(file.open().has_value() && file.reserve().has_value());
  EXPECT_EQ(read_from(file, 0, 3), "aaa");
}

TEST_P(FileDeviceTest, TakesItsSpaceAtOnceAndIsItsOwnersAlone) {
  FileDevice file = device();
  ASSERT_TRUE(file.open().has_value() && file.reserve().has_value());
  struct stat facts{};
  ASSERT_EQ(stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_size, static_cast<off_t>(kSize));
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

TEST_P(FileDeviceTest, OpeningChangesNothing) {
  FileDevice file = device();
  ASSERT_TRUE(file.open().has_value());
  EXPECT_EQ(std::filesystem::file_size(path), 0U);
}

TEST_P(FileDeviceTest, IsNotForTwo) {
  FileDevice first = device(), second = device();
  ASSERT_TRUE(first.open().has_value());
  const auto opened = second.open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kUnavailable);
}

TEST_P(FileDeviceTest, RefusesWhatIsNoFile) {
  std::filesystem::create_directory(path);
  EXPECT_FALSE(device().open().has_value());
  std::filesystem::remove(path);
  std::filesystem::create_symlink("/etc/hostname", path);
  EXPECT_FALSE(device().open().has_value()) << "whoever may make links here chooses what is written to";
}

TEST_P(FileDeviceTest, NoticesWhatIsDoneToItsFile) {
  FileDevice file = device();
  ASSERT_TRUE(file.open().has_value() && file.reserve().has_value());
  EXPECT_TRUE(file.check().has_value());
  ASSERT_EQ(truncate(path.c_str(), kSize / 2), 0);
  ASSERT_FALSE(file.check().has_value());
  EXPECT_EQ(file.check().error().code, ErrorCode::kClosed);
  EXPECT_EQ(read_from(file, kSize / 2 - 1, 10).size(), 1U);
  EXPECT_TRUE(file.open().has_value() && file.reserve().has_value());
  EXPECT_TRUE(file.check().has_value());

  std::filesystem::rename(path, path + ".old");
  EXPECT_FALSE(file.check().has_value());
  std::filesystem::copy(path + ".old", path);
  EXPECT_FALSE(file.check().has_value()) << "a copy is another file";
  EXPECT_TRUE(file.open().has_value() && file.reserve().has_value());
  EXPECT_TRUE(file.check().has_value());
}

TEST_P(FileDeviceTest, SaysThatTheDiskIsFull) {
  FileDevice huge({.path = path, .size_bytes = std::uint64_t{1} << 54, .direct = GetParam()});
  ASSERT_TRUE(huge.open().has_value());
  const auto reserved = huge.reserve();
  ASSERT_FALSE(reserved.has_value());
  EXPECT_EQ(reserved.error().code, ErrorCode::kLimit);
}

struct MockDeviceTest : testing::Test {
  base::ManualClock clock;
  MockDevice device{kSize, 1, &clock};
};

TEST_F(MockDeviceTest, FaultsComeAsOftenAsSaid) {
  device.set_faults({.read_error = 0.5});
  int errors = 0;
  std::string out(16, '\0');
  for (int i = 0; i < 1000; ++i) errors += device.read(0, out).has_value() ? 0 : 1;
  EXPECT_GT(errors, 400);
  EXPECT_LT(errors, 600);
}

TEST_F(MockDeviceTest, WritesThatLie) {
  const Block a = block_of('a');
  device.set_faults({.lost_write = 1});
  ASSERT_TRUE(device.write(0, a.view()).has_value());
  EXPECT_EQ(read_from(device, 0, 1), std::string(1, '\0'));
  device.set_faults({.torn_write = 1});
  ASSERT_TRUE(device.write(0, a.view()).has_value());
  EXPECT_EQ(read_from(device, Device::kAlign - 1, 1), std::string(1, '\0'));
}

TEST_F(MockDeviceTest, ReadsThatLie) {
  device.set_faults({.bit_flip = 1});
  EXPECT_NE(read_from(device, 0, 8), std::string(8, '\0'));
  device.set_faults({.short_read = 1});
  EXPECT_LT(read_from(device, 0, 8).size(), 8U);
}

TEST_F(MockDeviceTest, PowerEndsAtAByte) {
  const Block a = block_of('a');
  device.cut_power_after(10);
  ASSERT_TRUE(device.write(0, a.view()).has_value());
  device.restore_power();
  EXPECT_EQ(read_from(device, 9, 2), std::string("a\0", 2));
}

TEST_F(MockDeviceTest, LosesSomeOfWhatIsNotSynced) {
  const Block a = block_of('a'), b = block_of('b');
  ASSERT_TRUE(device.write(0, a.view()).has_value());
  ASSERT_TRUE(device.sync().has_value());
  ASSERT_TRUE(device.write(0, b.view()).has_value());
  device.lose_unsynced(1);
  const std::string found = read_from(device, 0, Device::kAlign);
  EXPECT_NE(found.find('a'), std::string::npos);
  EXPECT_NE(found.find('b'), std::string::npos);
}

TEST_F(MockDeviceTest, StallsOnItsClockOrForReal) {
  device.set_faults({.stall = 1, .stall_time = 3 * base::kSecond});
  const base::Nanos before = clock.now();
  read_from(device, 0, 1);
  EXPECT_EQ(clock.now() - before, 3 * base::kSecond);
  device.set_faults({});
  device.hang();
  std::thread reader([&] { read_from(device, 0, 1); });
  EXPECT_TRUE(device.wait_until_hanging());
  device.release();
  reader.join();
}

}  // namespace
}  // namespace pgweir::io
