// The plainest LRU and S3-FIFO that count entries, written apart from cache/: what its policies are compared
// with.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <list>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace pgweir::simulate {

inline std::uint64_t reference_lru_hits(const std::vector<std::uint32_t>& keys, std::size_t capacity) {
  std::list<std::uint32_t> order;  // newest first
  std::unordered_map<std::uint32_t, std::list<std::uint32_t>::iterator> places;
  std::uint64_t hits = 0;
  for (const std::uint32_t key : keys) {
    if (const auto it = places.find(key); it != places.end()) {
      ++hits;
      order.splice(order.begin(), order, it->second);
      continue;
    }
    if (order.size() == capacity) {
      places.erase(order.back());
      order.pop_back();
    }
    order.push_front(key);
    places[key] = order.begin();
  }
  return hits;
}

// The paper's three queues: small gives way while it has a tenth; more than one hit in it leads to main; who
// leaves it is remembered until nine tenths of the capacity have left it after; main gives a round for each
// hit, and at most 128 of them in one eviction.
inline std::uint64_t reference_s3fifo_hits(const std::vector<std::uint32_t>& keys, std::size_t capacity) {
  const std::size_t remembered = capacity - capacity / 10;
  std::deque<std::uint32_t> small, main;
  std::unordered_map<std::uint32_t, int> frequency;       // of what is cached
  std::unordered_map<std::uint32_t, std::uint64_t> left;  // when it left small
  std::uint64_t leavings = 0, hits = 0;
  const auto evict = [&] {
    for (int rounds = 0;;) {
      const bool from_small =
          !small.empty() && (main.empty() || small.size() * 10 >= small.size() + main.size());
      if (from_small) {
        const std::uint32_t key = small.front();
        small.pop_front();
        if (frequency[key] > 1) {
          frequency[key] = 0;
          main.push_back(key);
          continue;
        }
        frequency.erase(key);
        left[key] = ++leavings;
        return;
      }
      const std::uint32_t key = main.front();
      main.pop_front();
      if (frequency[key] > 0 && rounds < 128) {
        ++rounds;
        --frequency[key];
        main.push_back(key);
        continue;
      }
      frequency.erase(key);
      left.erase(key);
      return;
    }
  };
  for (const std::uint32_t key : keys) {
    if (const auto it = frequency.find(key); it != frequency.end()) {
      ++hits;
      it->second = std::min(it->second + 1, 3);
      continue;
    }
    if (small.size() + main.size() == capacity) evict();
    const auto it = left.find(key);
    const bool returns = it != left.end() && leavings - it->second <= remembered;
    if (it != left.end()) left.erase(it);
    frequency[key] = 0;
    (returns ? main : small).push_back(key);
  }
  return hits;
}

}  // namespace pgweir::simulate
