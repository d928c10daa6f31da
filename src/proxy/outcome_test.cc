#include "proxy/outcome.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace pgweir::proxy {
namespace {

bool is_label(std::string_view name) {
  return !name.empty() && name.front() >= 'a' && name.front() <= 'z' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

TEST(OutcomeTest, EveryWhyHasANameOfItsOwn) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < Why::kCount; ++i) {
    const Why why = Why::at(i);
    EXPECT_EQ(why.index(), i);
    EXPECT_TRUE(is_label(why.name())) << i << " " << why.name();
    EXPECT_TRUE(names.emplace(why.name()).second) << why.name();
  }
}

TEST(OutcomeTest, EveryOutcomeHasANameOfItsOwn) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kOutcomes; ++i) {
    const std::string_view name = outcome_name(static_cast<Outcome>(i));
    EXPECT_TRUE(is_label(name)) << name;
    EXPECT_TRUE(names.emplace(name).second) << name;
  }
}

TEST(OutcomeTest, EachKindKeepsItsName) {
  EXPECT_EQ(Why().name(), query::reason_name(query::Reason::kNone));
  EXPECT_EQ(Why(query::Reason::kUnsupportedSyntax).name(), "unsupported_syntax");
  EXPECT_EQ(Why(SessionReason::kInTransaction).name(), "in_transaction");
  EXPECT_EQ(Why(SessionReason::kFunctionCall).name(), "function_call");
  for (std::size_t i = 0; i < cache::kPassWhys; ++i)
    EXPECT_EQ(Why(static_cast<cache::PassWhy>(i)).name(), cache::name(static_cast<cache::PassWhy>(i)));
  for (std::size_t i = 0; i < cache::kMissWhys; ++i)
    EXPECT_EQ(Why(static_cast<cache::MissWhy>(i)).name(), cache::name(static_cast<cache::MissWhy>(i)));
  EXPECT_EQ(Why(cache::MissWhy::kEarly).index(), Why::kCount - 1);
}

}  // namespace
}  // namespace pgweir::proxy
