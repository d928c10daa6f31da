#include "cache/pass_marks.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace pgweir::cache {

PassMarks::PassMarks(std::size_t capacity) : capacity_(capacity) {
  CHECK(std::has_single_bit(capacity) && capacity >= kWays);
}

void PassMarks::allocate() {
  if (marks_ == nullptr) marks_ = std::make_unique<Mark[]>(capacity_);
}

PassMarks::Mark* PassMarks::set_of(const Key& key) const {
  return &marks_[static_cast<std::size_t>(key.hi) % (capacity_ / kWays) * kWays];
}

const PassMarks::Mark* PassMarks::find(const Key& key, base::Nanos now) const {
  if (marks_ == nullptr) return nullptr;
  const Mark* set = set_of(key);
  const Mark* mark =
      std::find_if(set, set + kWays, [&](const Mark& m) { return m.ends_at > now && m.key == key; });
  return mark == set + kWays ? nullptr : mark;
}

void PassMarks::put(const Mark& mark) {
  CHECK(is_allocated());
  Mark* set = set_of(mark.key);
  Mark* target = std::find_if(set, set + kWays, [&](const Mark& m) { return m.key == mark.key; });
  if (target == set + kWays) {
    target = std::min_element(set, set + kWays,
                              [](const Mark& a, const Mark& b) { return a.ends_at < b.ends_at; });
  }
  *target = mark;
}

void PassMarks::erase(const Key& key) {
  if (marks_ == nullptr) return;
  Mark* set = set_of(key);
  for (Mark* mark = set; mark != set + kWays; ++mark) {
    if (mark->key == key) *mark = {};
  }
}

void PassMarks::clear() {
  if (marks_ != nullptr) std::fill_n(marks_.get(), capacity_, Mark{});
}

}  // namespace pgweir::cache
