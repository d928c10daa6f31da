#include "cache/greedy_dual.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "base/check.h"

namespace pgweir::cache {

// Exact below 8; above, an exponent and three bits.
Policy::Credit GreedyDual::credit_of(unsigned frequency) {
  if (frequency < 8) return static_cast<Credit>(frequency);
  const auto exponent = static_cast<unsigned>(std::bit_width(frequency)) - 3;
  return static_cast<Credit>(
      std::min<unsigned>(exponent * 8 + (frequency >> (exponent - 1)) % 8, kCreditMax));
}

unsigned GreedyDual::frequency_of(Credit credit) {
  return credit < 8 ? credit : (8U + credit % 8) << (credit / 8 - 1);
}

// What costs nothing is still better kept than not.
double GreedyDual::value_of(const PolicyNode& node) const {
  const double cost = std::max(static_cast<double>(node.cost), 1.0);
  return clock_ + node.frequency * cost / std::max<double>(node.charge_bytes, 1.0);
}

void GreedyDual::insert(PolicyNode& node, Credit credit) {
  CHECK(node.queue == Queue::kNone);
  node.queue = Queue::kMain;
  node.frequency = static_cast<std::uint16_t>(frequency_of(credit) + kNew);
  node.touched = false;
  bytes_ += node.charge_bytes;
  CHECK(size_ < heap_.size());
  ++size_;
  rise(size_ - 1, {value_of(node), &node});
}

void GreedyDual::touch(PolicyNode& node) {
  constexpr unsigned kMax = std::numeric_limits<std::uint16_t>::max();
  node.frequency = static_cast<std::uint16_t>(std::min(node.frequency + kHit, kMax));
  node.touched = true;
}

Policy::Credit GreedyDual::remove(PolicyNode& node) {
  CHECK(node.queue == Queue::kMain);
  erase(node.place);
  bytes_ -= node.charge_bytes;
  node.queue = Queue::kNone;
  node.newer = node.older = 0;
  return credit_of(node.frequency);
}

Policy::Victim GreedyDual::evict(const IsDead& is_dead) {
  for (unsigned reinserted = 0; size_ != 0; ++reinserted) {
    const Item least = heap_[0];
    const bool dead = is_dead(*least.node);
    if (!dead && least.node->touched && reinserted < kReinsertMax) {
      least.node->touched = false;
      sink(0, {value_of(*least.node), least.node});
      continue;
    }
    if (!dead) clock_ = std::max(clock_, least.value);
    return {.node = least.node, .credit = remove(*least.node), .is_dead = dead, .ages_ghosts = true};
  }
  return {};
}

std::uint64_t GreedyDual::overhead_bytes(std::size_t nodes) const {
  return PageArray<Item>::bytes_for(nodes);
}

void GreedyDual::reserve(std::size_t nodes) {
  CHECK(nodes >= size_);
  PageArray<Item> old(nodes);
  std::swap(old, heap_);
  std::copy_n(old.data(), size_, heap_.data());
}

void GreedyDual::move(const PolicyNode& from, PolicyNode& to) {
  CHECK(heap_[to.place].node == &from);
  heap_[to.place].node = &to;
}

void GreedyDual::put(std::size_t place, const Item& item) {
  heap_[place] = item;
  item.node->place = static_cast<std::uint32_t>(place);
}

void GreedyDual::rise(std::size_t place, const Item& item) {
  while (place != 0) {
    const std::size_t parent = (place - 1) / kChildren;
    if (heap_[parent].value <= item.value) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, item);
}

void GreedyDual::sink(std::size_t place, const Item& item) {
  for (;;) {
    const std::size_t first = place * kChildren + 1;
    if (first >= size_) break;
    const Item* const least =
        std::min_element(heap_.data() + first, heap_.data() + std::min(first + kChildren, size_),
                         [](const Item& a, const Item& b) { return a.value < b.value; });
    if (least->value >= item.value) break;
    const auto child = static_cast<std::size_t>(least - heap_.data());
    put(place, *least);
    place = child;
  }
  put(place, item);
}

void GreedyDual::erase(std::size_t place) {
  const Item last = heap_[--size_];
  if (place == size_) return;
  if (place != 0 && heap_[(place - 1) / kChildren].value > last.value) {
    rise(place, last);
  } else {
    sink(place, last);
  }
}

}  // namespace pgweir::cache
