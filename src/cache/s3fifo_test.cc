#include "cache/s3fifo.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace pgweir::cache {
namespace {

bool never(const S3FifoNode&) { return false; }

template <std::size_t kSize>
void insert_all(S3Fifo& fifo, std::array<S3FifoNode, kSize>& nodes, Queue queue) {
  for (auto& node : nodes) {
    node.charge_bytes = 10;
    fifo.insert(node, queue);
  }
}

TEST(S3FifoTest, SmallIsFirstInFirstOut) {
  S3Fifo fifo;
  std::array<S3FifoNode, 4> nodes;
  insert_all(fifo, nodes, Queue::kSmall);
  for (auto& node : nodes) {
    const auto victim = fifo.evict(never);
    EXPECT_EQ(victim.node, &node);
    EXPECT_EQ(victim.from, Queue::kSmall);
    EXPECT_EQ(node.queue, Queue::kNone);
  }
  EXPECT_EQ(fifo.evict(never).node, nullptr);
  EXPECT_EQ(fifo.bytes(), 0U);
}

TEST(S3FifoTest, MoreThanOneHitMovesFromSmallToMain) {
  S3Fifo fifo;
  std::array<S3FifoNode, 3> nodes;
  insert_all(fifo, nodes, Queue::kSmall);
  S3Fifo::touch(nodes[0]);
  S3Fifo::touch(nodes[0]);
  S3Fifo::touch(nodes[1]);
  EXPECT_EQ(fifo.evict(never).node, &nodes[1]) << "one hit is not enough";
  EXPECT_EQ(nodes[0].queue, Queue::kMain);
  EXPECT_EQ(nodes[0].frequency, 0);
  EXPECT_EQ(fifo.main_bytes(), 10U);
  EXPECT_EQ(fifo.small_bytes(), 10U);
}

TEST(S3FifoTest, MainGivesOneRoundForEachHit) {
  S3Fifo fifo;
  std::array<S3FifoNode, 3> nodes;
  insert_all(fifo, nodes, Queue::kMain);
  for (int i = 0; i < 10; ++i) S3Fifo::touch(nodes[0]);
  EXPECT_EQ(nodes[0].frequency, S3Fifo::kFrequencyMax);
  EXPECT_EQ(fifo.evict(never).node, &nodes[1]);
  EXPECT_EQ(nodes[0].frequency, S3Fifo::kFrequencyMax - 1);
  EXPECT_EQ(fifo.evict(never).node, &nodes[2]);
  EXPECT_EQ(fifo.evict(never).node, &nodes[0]);
}

TEST(S3FifoTest, ASmallQueueBelowATenthIsSpared) {
  S3Fifo fifo;
  std::array<S3FifoNode, 30> main;
  std::array<S3FifoNode, 2> small;
  insert_all(fifo, main, Queue::kMain);
  insert_all(fifo, small, Queue::kSmall);
  EXPECT_EQ(fifo.evict(never).from, Queue::kMain);
}

TEST(S3FifoTest, TheDeadGoFirstAndGetNoSecondChance) {
  S3Fifo fifo;
  std::array<S3FifoNode, 3> small, main;
  insert_all(fifo, small, Queue::kSmall);
  insert_all(fifo, main, Queue::kMain);
  for (int i = 0; i < 3; ++i) S3Fifo::touch(main[0]);
  const auto is_dead = [&](const S3FifoNode& node) { return &node == &main[0]; };
  EXPECT_EQ(fifo.evict(is_dead).node, &main[0]);
}

TEST(S3FifoTest, WorkOfOneEvictionIsBounded) {
  S3Fifo fifo;
  std::array<S3FifoNode, S3Fifo::kReinsertMax * 2> nodes;
  insert_all(fifo, nodes, Queue::kMain);
  for (auto& node : nodes) S3Fifo::touch(node);
  EXPECT_EQ(fifo.evict(never).node, &nodes[S3Fifo::kReinsertMax]);
}

TEST(S3FifoTest, RemoveKeepsTheListsWhole) {
  S3Fifo fifo;
  std::array<S3FifoNode, 5> nodes;
  insert_all(fifo, nodes, Queue::kSmall);
  for (const int i : {0, 2, 4}) fifo.remove(nodes[static_cast<std::size_t>(i)]);
  EXPECT_EQ(fifo.bytes(), 20U);
  EXPECT_EQ(fifo.evict(never).node, &nodes[1]);
  EXPECT_EQ(fifo.evict(never).node, &nodes[3]);
  EXPECT_EQ(fifo.evict(never).node, nullptr);
}

}  // namespace
}  // namespace pgweir::cache
