#include "proxy/cancel.h"

#include <gtest/gtest.h>

#include <string>

namespace pgweir::proxy {
namespace {

wire::CancelRequest key(std::uint32_t process_id, std::string_view secret) {
  return {.process_id = process_id, .key = std::string(secret)};
}

class CancelTest : public testing::Test {
 protected:
  // A distinct owner, told apart by the size of its address.
  CancelRegistry::Owner owner(socklen_t mark) {
    io::SocketAddress address;
    address.size = mark;
    return {&loop, {}, address};
  }
  // 0: nobody.
  socklen_t found(const wire::CancelRequest& request) const {
    const auto owner = registry.find(request);
    return owner ? owner->upstream.size : 0;
  }

  base::ManualClock clock;
  io::Loop loop{clock};
  CancelRegistry registry;
};

TEST_F(CancelTest, FindsItsOwnerOnly) {
  registry.add(key(1, "aaaa"), owner(1));
  registry.add(key(2, "aaaa"), owner(2));
  EXPECT_EQ(found(key(1, "aaaa")), 1U);
  EXPECT_EQ(found(key(2, "aaaa")), 2U);
  EXPECT_EQ(found(key(3, "aaaa")), 0U);
}

TEST_F(CancelTest, TheWholeSecretMustBeRight) {
  registry.add(key(1, "aaaa"), owner(1));
  EXPECT_EQ(found(key(1, "aaab")), 0U);
  EXPECT_EQ(found(key(1, "aaa")), 0U);
  EXPECT_EQ(found(key(1, "aaaaa")), 0U);
  EXPECT_EQ(found(key(1, "")), 0U);
}

TEST_F(CancelTest, NumbersAndSecretsAreNotRunTogether) {
  registry.add(key(1, "1:aa"), owner(1));
  EXPECT_EQ(found(key(11, ":aa")), 0U);
  registry.add(key(5, std::string_view("\0\0\0\0", 4)), owner(5));
  EXPECT_EQ(found(key(5, std::string_view("\0\0\0\0", 4))), 5U);
  EXPECT_EQ(found(key(5, std::string_view("\0\0\0\1", 4))), 0U);
}

TEST_F(CancelTest, WhoIsRemovedIsNotFound) {
  registry.add(key(1, "aaaa"), owner(1));
  registry.remove(key(1, "bbbb"));
  EXPECT_EQ(found(key(1, "aaaa")), 1U);
  registry.remove(key(1, "aaaa"));
  registry.remove(key(1, "aaaa"));
  EXPECT_EQ(found(key(1, "aaaa")), 0U);
}

// PostgreSQL gives a process id to another backend once it is free.
TEST_F(CancelTest, TheLatestOwnerOfAKeyCounts) {
  registry.add(key(1, "aaaa"), owner(1));
  registry.add(key(1, "aaaa"), owner(2));
  EXPECT_EQ(found(key(1, "aaaa")), 2U);
}

}  // namespace
}  // namespace pgweir::proxy
