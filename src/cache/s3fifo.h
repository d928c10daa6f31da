// S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023), by bytes.
//
// Three queues. New entries enter *small*, a tenth of the bytes. An entry that reaches the tail of
// small was either hit more than once meanwhile and moves to *main*, or leaves and only its key is
// remembered in the *ghost* (ghost.h). A key that comes back while its ghost is remembered enters
// main at once. At the tail of main an entry that was hit goes round again with one hit less.
// Most keys of a real workload are asked for once: they flow through small and never disturb main.
//
// A hit only raises a 2-bit number, so the hit path moves nothing in any list.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "base/check.h"

namespace pgweir::cache {

enum class Queue : std::uint8_t { kNone, kSmall, kMain };

// The links of an entry, inherited by it.
struct S3FifoNode {
  S3FifoNode* newer = nullptr;
  S3FifoNode* older = nullptr;
  std::uint32_t charge_bytes = 0;
  std::uint8_t frequency = 0;
  Queue queue = Queue::kNone;
};

// Owns no node. One thread at a time (the shard's lock).
class S3Fifo {
 public:
  static constexpr std::uint8_t kFrequencyMax = 3;
  // Bounds the work under the lock: after so many second chances in one eviction the tail leaves.
  static constexpr unsigned kReinsertMax = 128;

  // REQUIRES: node is in no queue; charge_bytes does not change while it is in one.
  void insert(S3FifoNode& node, Queue queue) {
    CHECK(node.queue == Queue::kNone);
    node.frequency = 0;
    push(node, queue);
  }
  static void touch(S3FifoNode& node) {
    if (node.frequency < kFrequencyMax) ++node.frequency;
  }
  // REQUIRES: node is in a queue.
  void remove(S3FifoNode& node) {
    List& list = list_of(node.queue);
    (node.newer != nullptr ? node.newer->older : list.head) = node.older;
    (node.older != nullptr ? node.older->newer : list.tail) = node.newer;
    list.bytes -= node.charge_bytes;
    node.newer = node.older = nullptr;
    node.queue = Queue::kNone;
  }

  struct Victim {
    S3FifoNode* node = nullptr;  // null if both queues are empty
    Queue from = Queue::kNone;
  };
  // Chooses a victim and takes it out of its queue. A node for which is_dead(node) holds gets no
  // second chance, and goes first if it is at a tail.
  template <class IsDead>
  Victim evict(IsDead&& is_dead) {
    for (S3FifoNode* tail : {small_.tail, main_.tail}) {
      if (tail != nullptr && is_dead(*tail)) return take(*tail);
    }
    for (unsigned reinserted = 0;;) {
      const bool from_small =
          small_.tail != nullptr && (main_.tail == nullptr || small_.bytes * 10 >= bytes());
      S3FifoNode* tail = from_small ? small_.tail : main_.tail;
      if (tail == nullptr) return {};
      if (from_small && tail->frequency > 1 && !is_dead(*tail)) {
        move_to_main(*tail, 0);
      } else if (!from_small && tail->frequency > 0 && reinserted < kReinsertMax && !is_dead(*tail)) {
        ++reinserted;
        move_to_main(*tail, static_cast<std::uint8_t>(tail->frequency - 1));
      } else {
        return take(*tail);
      }
    }
  }

  std::uint64_t small_bytes() const { return small_.bytes; }
  std::uint64_t main_bytes() const { return main_.bytes; }
  std::uint64_t bytes() const { return small_.bytes + main_.bytes; }

 private:
  struct List {
    S3FifoNode* head = nullptr;  // newest
    S3FifoNode* tail = nullptr;  // oldest
    std::uint64_t bytes = 0;
  };

  List& list_of(Queue queue) {
    CHECK(queue != Queue::kNone);
    return queue == Queue::kSmall ? small_ : main_;
  }
  void push(S3FifoNode& node, Queue queue) {
    List& list = list_of(queue);
    node.queue = queue;
    node.newer = nullptr;
    node.older = list.head;
    (list.head != nullptr ? list.head->newer : list.tail) = &node;
    list.head = &node;
    list.bytes += node.charge_bytes;
  }
  void move_to_main(S3FifoNode& node, std::uint8_t frequency) {
    remove(node);
    push(node, Queue::kMain);
    node.frequency = frequency;
  }
  Victim take(S3FifoNode& node) {
    const Queue from = node.queue;
    remove(node);
    return {&node, from};
  }

  List small_;
  List main_;
};

}  // namespace pgweir::cache
