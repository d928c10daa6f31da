#include "proxy/fence.h"

namespace pgweir::proxy {

void Layouts::replace(std::uint64_t layout) {
  const std::lock_guard lock(mutex_);
  if (layout == current_) return;
  current_ = layout;
  older_fences_ += std::exchange(fences_, 0);
}

bool Layouts::enter(std::uint64_t layout) {
  const std::lock_guard lock(mutex_);
  if (layout != current_) return false;
  ++fences_;
  return true;
}

void Layouts::leave(std::uint64_t layout) {
  const std::lock_guard lock(mutex_);
  --(layout == current_ ? fences_ : older_fences_);
}

bool Layouts::is_current(std::uint64_t layout) const {
  const std::lock_guard lock(mutex_);
  return layout == current_;
}

bool Layouts::is_sole(std::uint64_t layout) const {
  const std::lock_guard lock(mutex_);
  return layout == current_ && older_fences_ == 0;
}

Fence& Fence::operator=(Fence&& other) noexcept {
  if (this != &other) {
    release();
    hold_ = std::move(other.hold_);
    layouts_ = std::move(other.layouts_);
    layout_ = other.layout_;
  }
  return *this;
}

// The layout is left last: until the slots have moved, nobody may rely on rows that this does not name.
void Fence::end() {
  hold_.release();
  if (const auto layouts = std::move(layouts_)) layouts->leave(layout_);
}

}  // namespace pgweir::proxy
