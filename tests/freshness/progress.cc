#include "progress.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>

namespace pgweir::freshness {
namespace {
constexpr std::uint64_t kReadsPerWake = 8;
}

void Tally::add(std::string_view what, std::uint64_t times) {
  const std::lock_guard lock(mutex_);
  const auto found = times_.find(what);
  if (found != times_.end()) {
    found->second += times;
  } else {
    times_.emplace(what, times);
  }
}

std::uint64_t Tally::of(std::string_view what) const {
  const std::lock_guard lock(mutex_);
  const auto found = times_.find(what);
  return found == times_.end() ? 0 : found->second;
}

std::string Tally::json() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& [what, times] : times_)
    text += fmt::format("{}\"{}\": {}", text.empty() ? "" : ", ", what, times);
  return "{" + text + "}";
}

Progress::Progress(std::uint64_t reads_wanted, std::uint64_t violations_max)
    : started_at_(clock_.now()), reads_wanted_(reads_wanted), violations_max_(violations_max) {}

void Progress::read_checked() {
  const std::uint64_t reads = reads_.fetch_add(1) + 1;
  if (reads >= reads_wanted_) return stop();
  if (reads % kReadsPerWake != 0) return;
  const std::lock_guard lock(mutex_);
  moved_.notify_all();
}

bool Progress::wait_for_reads(std::uint64_t reads) {
  std::unique_lock lock(mutex_);
  // A reader may wait for a writer's cell only through PostgreSQL, so reads always go on.
  moved_.wait(lock, [&] { return is_over() || reads_.load() + kReadsPerWake > reads; });
  return !is_over();
}

void Progress::stop() {
  const std::lock_guard lock(mutex_);
  is_over_.store(true);
  moved_.notify_all();
}

bool Progress::wait_until_over(base::Nanos silence_max) {
  std::unique_lock lock(mutex_);
  while (!is_over()) {
    const std::uint64_t before = reads_.load();
    const auto moved = [&] { return is_over() || reads_.load() >= before + kReadsPerWake; };
    if (!moved_.wait_for(lock, std::chrono::nanoseconds(silence_max), moved)) return false;
  }
  return true;
}

void Progress::fault(std::string_view which, const std::string& whose) {
  faults.add(which);
  const std::lock_guard lock(mutex_);
  last_fault_ = fmt::format("{}: {}", which, whose);
  last_fault_at_ = now();
}

std::string Progress::last_fault() const {
  const std::lock_guard lock(mutex_);
  if (last_fault_.empty()) return "none yet";
  return fmt::format("the last was {}, at {:.6f} s", last_fault_, static_cast<double>(last_fault_at_) / 1e9);
}

void Progress::violation(const std::string& text) {
  const std::uint64_t number = violations_.fetch_add(1) + 1;
  if (number <= violations_max_) {
    fmt::print("VIOLATION {} at {:.6f} s, after {} checked reads: {}\n", number,
               static_cast<double>(now()) / 1e9, reads(), text);
    std::fflush(stdout);
  }
  if (number >= violations_max_) stop();
}

}  // namespace pgweir::freshness
