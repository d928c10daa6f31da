#include "query/nesting.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "query/syntax.h"

namespace pgweir::query {
namespace {

std::string repeat(std::string_view s, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += s;
  return out;
}

// Texts that nest n deep, each in another way.
std::vector<std::string> nested(int n) {
  return {"select 1" + repeat("+1", n),
          "select 1" + repeat("::int", n),
          "select " + repeat("not ", n) + "true",
          "select 1" + repeat(" union select 1", n),
          "select 1, 2" + repeat(" union select 1, 2", n),
          "select 1 from a" + repeat(" cross join a", n),
          repeat("select(", n) + "select 1" + repeat(")", n),
          "select " + repeat("(", n) + "1" + repeat(")", n),
          "select " + repeat("f(", n) + "1" + repeat(")", n),
          "select " + repeat("f(1,", n) + "1" + repeat(")", n),
          "select " + repeat("case when 1 then ", n) + "1" + repeat(" end", n),
          "select array" + repeat("[", n) + "1" + repeat("]", n),
          repeat("select 1 from (", n) + "select 1" + repeat(")x", n),
          repeat("with x as (", n) + "select 1" + repeat(")select 1", n),
          "select a" + repeat(" at time zone 'x'", n),
          "select a" + repeat(" collate \"C\"", n),
          "select " + repeat("- ", n) + "a",
          "select " + repeat("x or (y and (", n) + "z" + repeat("))", n)};
}

TEST(Nesting, WideIsNotDeep) {
  EXPECT_LT(nesting_bound("insert into t values (1, -1, 'a')" + repeat(", (2, -2, 'b')", 3000)), 20);
  EXPECT_LT(nesting_bound("select * from t where a in (1" + repeat(", 2", 5000) + ")"), 20);
  EXPECT_LT(nesting_bound("select 1" + repeat("; select 1", 50)), 200);
}

TEST(Nesting, TooDeepIsRefusedBeforeTheParser) {
  for (const std::string& sql : nested(kNestingMax + 1)) {
    EXPECT_GT(nesting_bound(sql), kNestingMax) << sql.substr(0, 40);
    EXPECT_FALSE(parse(sql)) << sql.substr(0, 40);
  }
}

// Runs a function on a thread whose stack tells how far it was used.
std::size_t stack_used(const std::function<void()>& work) {
  constexpr std::size_t kStack = 8 << 20;
  constexpr unsigned char kMark = 0xa5;
  void* const stack = mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::memset(stack, kMark, kStack);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack, kStack);
  pthread_t thread;
  const auto run = [](void* f) -> void* {
    (*static_cast<const std::function<void()>*>(f))();
    return nullptr;
  };
  pthread_create(&thread, &attributes, run, const_cast<std::function<void()>*>(&work));
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  const auto* const bytes = static_cast<const unsigned char*>(stack);
  const auto* const touched = std::find_if(bytes, bytes + kStack, [](unsigned char c) { return c != kMark; });
  const auto used = static_cast<std::size_t>(bytes + kStack - touched);
  munmap(stack, kStack);
  return used;
}

TEST(Nesting, WhatPassesFitsTheStack) {
  for (int n = 100; n <= kNestingMax; n += 100) {
    for (const std::string& sql : nested(n)) {
      if (nesting_bound(sql) > kNestingMax) continue;
      const std::size_t used = stack_used([&sql] { EXPECT_TRUE(parse(sql)) << sql.substr(0, 40); });
      EXPECT_LT(used, std::size_t{6} << 20) << sql.substr(0, 40) << n;
    }
  }
}

}  // namespace
}  // namespace pgweir::query
