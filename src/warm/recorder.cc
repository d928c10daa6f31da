#include "warm/recorder.h"

#include <utility>

#include "warm/list_file.h"

namespace pgweir::warm {

Recorder::Recorder(RecorderConfig config, const base::Clock& clock)
    : config_(std::move(config)),
      clock_(clock),
      records_(config_.records),
      ranking_({.bytes_max = config_.bytes_max}),
      aged_at_(clock.now()),
      saved_at_(clock.now()) {}

base::Result<void> Recorder::load() {
  auto list = load_list(config_.path, config_.user, config_.secret);
  if (!list) {
    if (list.error().code == base::ErrorCode::kUnavailable) records_ = false;
    return std::unexpected(list.error());
  }
  if (!*list) return {};
  const std::lock_guard lock(mutex_);
  ranking_.start_with(std::move(**list));
  statements_ = ranking_.size();
  bytes_ = ranking_.bytes();
  return {};
}

Samples* Recorder::add_worker() {
  if (!records_) return nullptr;
  return samples_.emplace_back(std::make_unique<Samples>(config_.user)).get();
}

void Recorder::collect() {
  for (const auto& samples : samples_) {
    Samples::Batch batch = samples->take();
    if (batch.statements.empty()) continue;
    const std::lock_guard lock(mutex_);
    ranking_.add(std::move(batch));
    is_new_ = true;
    statements_ = ranking_.size();
    bytes_ = ranking_.bytes();
  }
}

bool Recorder::is_save_due() const { return records_ && clock_.now() - saved_at_.load() >= kSaveInterval; }

base::Result<void> Recorder::save() {
  if (!records_) return {};
  const base::Nanos now = clock_.now();
  saved_at_ = now;
  std::string bytes;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(is_new_, false)) return {};
    ranking_.age(now - std::exchange(aged_at_, now));
    statements_ = ranking_.size();
    bytes_ = ranking_.bytes();
    bytes = encode_list(ranking_.list(), config_.user, config_.secret);
  }
  auto saved = save_list(config_.path, bytes);
  if (!saved) {
    const std::lock_guard lock(mutex_);
    is_new_ = true;
  }
  return saved;
}

List Recorder::list() const {
  const std::lock_guard lock(mutex_);
  return ranking_.list();
}

std::uint64_t Recorder::memory_bytes() const { return bytes_ + samples_.size() * Samples::kBytesMax; }

}  // namespace pgweir::warm
