#include "cache/policy.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "cache/greedy_dual.h"
#include "cache/lru.h"
#include "cache/s3fifo.h"

namespace pgweir::cache {
namespace {

constexpr auto never = [](const PolicyNode&) { return false; };

struct alignas(Nodes::kAlign) Node : PolicyNode {};

// Nodes that lie on the stack of a test.
Nodes nearby() {
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  return Nodes(
      reinterpret_cast<std::byte*>((here - (std::uintptr_t{1} << 30)) / Nodes::kAlign * Nodes::kAlign));
}

template <std::size_t kSize>
void insert_all(Policy& policy, std::array<Node, kSize>& nodes, Policy::Credit credit = 0) {
  for (auto& node : nodes) {
    node.charge_bytes = 10;
    node.cost = 100;
    policy.insert(node, credit);
  }
}

TEST(S3FifoTest, SmallIsFirstInFirstOut) {
  S3Fifo fifo(nearby());
  std::array<Node, 4> nodes;
  insert_all(fifo, nodes);
  for (auto& node : nodes) {
    const auto victim = fifo.evict(never);
    EXPECT_EQ(victim.node, &node);
    EXPECT_EQ(victim.credit, 1) << "back into main, if it comes again soon";
    EXPECT_TRUE(victim.ages_ghosts);
    EXPECT_EQ(node.queue, Queue::kNone);
  }
  EXPECT_EQ(fifo.evict(never).node, nullptr);
  EXPECT_EQ(fifo.bytes(), 0U);
}

TEST(S3FifoTest, MoreThanOneHitMovesFromSmallToMain) {
  S3Fifo fifo(nearby());
  std::array<Node, 3> nodes;
  insert_all(fifo, nodes);
  fifo.touch(nodes[0]);
  fifo.touch(nodes[0]);
  fifo.touch(nodes[1]);
  EXPECT_EQ(fifo.evict(never).node, &nodes[1]) << "one hit is not enough";
  EXPECT_EQ(nodes[0].queue, Queue::kMain);
  EXPECT_EQ(nodes[0].frequency, 0);
  EXPECT_EQ(fifo.main_bytes(), 10U);
  EXPECT_EQ(fifo.small_bytes(), 10U);
}

TEST(S3FifoTest, MainGivesOneRoundForEachHit) {
  S3Fifo fifo(nearby());
  std::array<Node, 3> nodes;
  insert_all(fifo, nodes, 1);
  for (int i = 0; i < 10; ++i) fifo.touch(nodes[0]);
  EXPECT_EQ(nodes[0].frequency, S3Fifo::kFrequencyMax);
  EXPECT_EQ(fifo.evict(never).node, &nodes[1]);
  EXPECT_EQ(nodes[0].frequency, S3Fifo::kFrequencyMax - 1);
  EXPECT_EQ(fifo.evict(never).node, &nodes[2]);
  EXPECT_EQ(fifo.evict(never).node, &nodes[0]);
}

TEST(S3FifoTest, ASmallQueueBelowATenthIsSpared) {
  S3Fifo fifo(nearby());
  std::array<Node, 30> main;
  std::array<Node, 2> small;
  insert_all(fifo, main, 1);
  insert_all(fifo, small);
  const auto victim = fifo.evict(never);
  EXPECT_EQ(victim.node, &main[0]);
  EXPECT_EQ(victim.credit, 0);
  EXPECT_FALSE(victim.ages_ghosts);
}

TEST(S3FifoTest, TheDeadGoFirstAndGetNoSecondChance) {
  S3Fifo fifo(nearby());
  std::array<Node, 3> small, main;
  insert_all(fifo, small);
  insert_all(fifo, main, 1);
  for (int i = 0; i < 3; ++i) fifo.touch(main[0]);
  const auto is_dead = [&](const PolicyNode& node) { return &node == &main[0]; };
  EXPECT_EQ(fifo.evict(is_dead).node, &main[0]);
}

TEST(S3FifoTest, WorkOfOneEvictionIsBounded) {
  S3Fifo fifo(nearby());
  std::array<Node, S3Fifo::kReinsertMax * 2> nodes;
  insert_all(fifo, nodes, 1);
  for (auto& node : nodes) fifo.touch(node);
  EXPECT_EQ(fifo.evict(never).node, &nodes[S3Fifo::kReinsertMax]);
}

TEST(S3FifoTest, RemoveKeepsTheListsWhole) {
  S3Fifo fifo(nearby());
  std::array<Node, 5> nodes;
  insert_all(fifo, nodes);
  for (const int i : {0, 2, 4}) fifo.remove(nodes[static_cast<std::size_t>(i)]);
  EXPECT_EQ(fifo.bytes(), 20U);
  EXPECT_EQ(fifo.evict(never).node, &nodes[1]);
  EXPECT_EQ(fifo.evict(never).node, &nodes[3]);
  EXPECT_EQ(fifo.evict(never).node, nullptr);
}

TEST(S3FifoTest, WhatHadEarnedMainGetsItBack) {
  S3Fifo fifo(nearby());
  std::array<Node, 3> nodes;
  insert_all(fifo, nodes);
  fifo.touch(nodes[1]);
  fifo.touch(nodes[1]);
  EXPECT_EQ(fifo.remove(nodes[0]), 0);
  EXPECT_EQ(fifo.remove(nodes[1]), 1);
  fifo.insert(nodes[0], 1);
  EXPECT_EQ(nodes[0].queue, Queue::kMain);
  EXPECT_EQ(fifo.remove(nodes[0]), 1);
}

TEST(LruTest, WhatWasAskedForLastStays) {
  Lru lru(nearby());
  std::array<Node, 4> nodes;
  insert_all(lru, nodes);
  lru.touch(nodes[0]);
  lru.touch(nodes[2]);
  EXPECT_EQ(lru.remove(nodes[3]), 0);
  EXPECT_EQ(lru.bytes(), 30U);
  for (const int i : {1, 0, 2}) EXPECT_EQ(lru.evict(never).node, &nodes[static_cast<std::size_t>(i)]) << i;
  EXPECT_EQ(lru.evict(never).node, nullptr);
  EXPECT_EQ(lru.bytes(), 0U);
}

TEST(GreedyDualTest, WhatSavesLeastForItsBytesLeaves) {
  GreedyDual policy;
  policy.reserve(300);
  std::array<Node, 3> nodes;
  for (auto& node : nodes) node.charge_bytes = 100;
  nodes[1].charge_bytes = 10;
  nodes[0].cost = 1000;  // 10 for a byte
  nodes[1].cost = 200;   // 20
  nodes[2].cost = 500;   // 5
  for (auto& node : nodes) policy.insert(node, 0);
  for (const int i : {2, 0, 1}) EXPECT_EQ(policy.evict(never).node, &nodes[static_cast<std::size_t>(i)]) << i;
}

TEST(GreedyDualTest, HitsCountAndAreRemembered) {
  GreedyDual policy;
  policy.reserve(300);
  std::array<Node, 3> nodes;
  insert_all(policy, nodes);
  for (int i = 0; i < 5; ++i) policy.touch(nodes[0]);
  policy.touch(nodes[1]);
  const auto first = policy.evict(never);
  EXPECT_EQ(first.node, &nodes[2]);
  const auto second = policy.evict(never);
  EXPECT_EQ(second.node, &nodes[1]);
  EXPECT_GT(second.credit, first.credit);
  for (int i = 0; i < 60'000; ++i) policy.touch(nodes[0]);
  EXPECT_EQ(policy.remove(nodes[0]), Policy::kCreditMax);
  nodes[0].cost = 50;
  policy.insert(nodes[0], Policy::kCreditMax);
  policy.insert(nodes[1], second.credit);
  policy.insert(nodes[2], first.credit);
  for (const int i : {2, 1, 0}) EXPECT_EQ(policy.evict(never).node, &nodes[static_cast<std::size_t>(i)]) << i;
}

TEST(GreedyDualTest, WhoComesForTheFirstTimeCountsLessThanAHit) {
  GreedyDual policy;
  policy.reserve(300);
  std::array<Node, 2> nodes;
  nodes[0].charge_bytes = nodes[1].charge_bytes = 10;
  nodes[0].cost = 100;
  nodes[1].cost = 300;
  policy.insert(nodes[0], 0);
  policy.touch(nodes[0]);
  policy.insert(nodes[1], 0);
  EXPECT_EQ(policy.evict(never).node, &nodes[1]);
}

// Up to an eighth off, and never out of order.
TEST(GreedyDualTest, CreditsKeepFrequenciesInOrder) {
  GreedyDual policy;
  policy.reserve(300);
  Node node;
  Policy::Credit last = 0;
  for (int hits = 0; hits < 300; ++hits) {
    policy.insert(node, 0);
    for (int i = 0; i < hits; ++i) policy.touch(node);
    const Policy::Credit credit = policy.remove(node);
    EXPECT_GE(credit, last) << hits;
    policy.insert(node, credit);
    EXPECT_GE(node.frequency, std::min(hits * 16, 960) * 7 / 8) << hits;
    EXPECT_LE(node.frequency, hits * 16 + 2) << hits;
    policy.remove(node);
    last = credit;
  }
}

TEST(GreedyDualTest, WhatWasValuableOnceIsOvertaken) {
  GreedyDual policy;
  policy.reserve(300);
  std::array<Node, 1> old;
  insert_all(policy, old);
  for (int i = 0; i < 20; ++i) policy.touch(old[0]);
  std::array<Node, 300> nodes;
  std::size_t round = 0;
  for (auto& node : nodes) {
    node.charge_bytes = 10;
    node.cost = 100;
    policy.insert(node, 0);
    policy.touch(node);
    if (round++ > 2 && policy.evict(never).node == old.data()) return;
  }
  FAIL() << "it would stay for ever";
}

// Against the plainest search for the least value.
TEST(GreedyDualTest, TheLeastLeavesWhateverCameAndWent) {
  std::mt19937_64 random(1);
  GreedyDual policy;
  policy.reserve(300);
  std::array<Node, 200> nodes;
  std::vector<PolicyNode*> in, out;
  for (auto& node : nodes) out.push_back(&node);
  std::uint64_t bytes = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (!out.empty() && random() % 2 == 0) {
      std::swap(out[random() % out.size()], out.back());
      PolicyNode& node = *out.back();
      node.cost = static_cast<float>(1 + random() % 1'000'000);
      node.charge_bytes = 1;
      bytes += node.charge_bytes;
      policy.insert(node, 0);
      in.push_back(&node);
      out.pop_back();
    } else if (!in.empty() && random() % 2 == 0) {
      std::swap(in[random() % in.size()], in.back());
      policy.remove(*in.back());
      bytes -= in.back()->charge_bytes;
      out.push_back(in.back());
      in.pop_back();
    }
    ASSERT_EQ(policy.bytes(), bytes);
  }
  ASSERT_GT(in.size(), 10U);
  float last = 0;
  for (std::size_t left = in.size(); left != 0; --left) {
    const PolicyNode* const victim = policy.evict(never).node;
    ASSERT_NE(victim, nullptr);
    EXPECT_GE(victim->cost, last);
    last = victim->cost;
  }
  EXPECT_EQ(policy.evict(never).node, nullptr);
}

// A node that moves keeps its place, in each policy and wherever it is.
TEST(PolicyTest, AMovedNodeLeavesInItsTurn) {
  for (const PolicyKind kind : {PolicyKind::kS3Fifo, PolicyKind::kLru, PolicyKind::kCost}) {
    for (std::size_t moved = 0; moved < 5; ++moved) {
      const auto policy = make_policy(kind, nearby());
      policy->reserve(5);
      std::array<Node, 5> nodes;
      Node other;
      for (std::size_t i = 0; i < nodes.size(); ++i) {
        nodes[i].charge_bytes = 10;
        nodes[i].cost = static_cast<float>(100 + i);
        policy->insert(nodes[i], 0);
      }
      other = nodes[moved];
      policy->move(nodes[moved], other);
      nodes[moved] = Node();
      for (std::size_t i = 0; i < nodes.size(); ++i)
        EXPECT_EQ(policy->evict(never).node, i == moved ? &other : &nodes[i]) << name(kind) << moved;
      EXPECT_EQ(policy->evict(never).node, nullptr);
    }
  }
}

TEST(PolicyTest, NamesAreReadBack) {
  for (const auto kind : {PolicyKind::kS3Fifo, PolicyKind::kLru, PolicyKind::kCost})
    EXPECT_EQ(policy_of_name(name(kind)), kind);
  EXPECT_EQ(policy_of_name("arc"), std::nullopt);
}

}  // namespace
}  // namespace pgweir::cache
