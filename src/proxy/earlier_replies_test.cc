#include "proxy/earlier_replies.h"

#include <gtest/gtest.h>

namespace pgweir::proxy {
namespace {

struct EarlierRepliesTest : testing::Test {
  // An earlier process has read a catalog.
  EarlierRepliesTest() {
    EarlierReplies(slots, &words, false).read("catalog");
    before = everything();
  }
  std::uint64_t everything() const { return generations.observe(slots.everything()); }

  cache::Generations generations{10};
  const sync::DatabaseSlots slots{generations, {1, 2}, "shop"};
  cache::KeptWords words;
  std::uint64_t before = 0;
};

TEST_F(EarlierRepliesTest, StayUnderTheSameCatalog) {
  EarlierReplies earlier(slots, &words, false);
  EXPECT_TRUE(earlier.is_decided());
  earlier.read("catalog");
  EXPECT_EQ(everything(), before);
}

TEST_F(EarlierRepliesTest, GoWithAnotherCatalog) {
  EarlierReplies earlier(slots, &words, false);
  earlier.read("other");
  const std::uint64_t after = everything();
  EXPECT_NE(after, before);
  earlier.read("third");
  EXPECT_EQ(everything(), after) << "who has read two has seen to it";
  EarlierReplies(slots, &words, false).read("third");
  EXPECT_EQ(everything(), after);
}

TEST_F(EarlierRepliesTest, GoIfNoneIsKnown) {
  cache::KeptWords none;
  EarlierReplies(slots, &none, false).read("catalog");
  EXPECT_NE(everything(), before);
}

TEST_F(EarlierRepliesTest, StayIfTheStreamTellsOfAll) {
  for (const bool catalog_first : {true, false}) {
    EarlierReplies earlier(slots, &words, true);
    if (catalog_first) earlier.read("other");
    EXPECT_FALSE(earlier.is_decided());
    earlier.decide(true);
    EXPECT_TRUE(earlier.is_decided());
    if (!catalog_first) earlier.read("yet another");
    EXPECT_EQ(everything(), before);
  }
}

TEST_F(EarlierRepliesTest, AreComparedIfTheStreamBeginsAnew) {
  for (const bool catalog_first : {true, false}) {
    const std::uint64_t at_first = everything();
    const std::string_view fingerprint = catalog_first ? "other" : "yet another";
    EarlierReplies earlier(slots, &words, true);
    if (catalog_first) earlier.read(fingerprint);
    EXPECT_EQ(everything(), at_first);
    earlier.decide(false);
    if (!catalog_first) earlier.read(fingerprint);
    EXPECT_NE(everything(), at_first);
    const std::uint64_t after = everything();
    earlier.decide(true);
    earlier.decide(false);
    EXPECT_EQ(everything(), after) << "once is enough";
  }
}

// Killed before the stream has begun: what was kept before was under another catalog still.
TEST_F(EarlierRepliesTest, NothingIsForgottenUndecided) {
  EarlierReplies(slots, &words, true).read("other");
  EarlierReplies(slots, &words, false).read("other");
  EXPECT_NE(everything(), before);
}

TEST_F(EarlierRepliesTest, NoneWithoutAnythingKept) {
  EarlierReplies earlier(slots, nullptr, true);
  EXPECT_TRUE(earlier.is_decided());
  earlier.read("catalog");
  EXPECT_EQ(everything(), before);
}

}  // namespace
}  // namespace pgweir::proxy
