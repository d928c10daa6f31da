#include "sync/snapshot.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace pgweir::sync {
namespace {

// The number before `end`, which is consumed; false if there is none.
bool take_number(std::string_view& text, char end, std::uint64_t& out) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  if (text.empty()) return end == ',';
  if (text.front() != end) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

base::Result<Snapshot> Snapshot::parse(std::string_view text) {
  Snapshot snapshot;
  std::string_view rest = text;
  bool good = take_number(rest, ':', snapshot.xmin_) && take_number(rest, ':', snapshot.xmax_);
  while (good && !rest.empty()) good = take_number(rest, ',', snapshot.running_.emplace_back());
  if (!good || snapshot.xmin_ > snapshot.xmax_)
    return base::fail(base::ErrorCode::kInvalid, "not a snapshot: '" + std::string(text) + "'");
  std::ranges::sort(snapshot.running_);
  return snapshot;
}

bool Snapshot::has_ended(Xid xid) const {
  const auto distance = static_cast<std::int32_t>(xid - static_cast<Xid>(xmax_));
  const std::uint64_t full = xmax_ + static_cast<std::uint64_t>(std::int64_t{distance});
  if (full < xmin_) return true;
  return full < xmax_ && !std::ranges::binary_search(running_, full);
}

std::vector<std::uint64_t> Snapshot::running(std::uint64_t next) const {
  std::vector<std::uint64_t> ids = running_;
  for (std::uint64_t id = xmax_; id < next; ++id) ids.push_back(id);
  return ids;
}

}  // namespace pgweir::sync
