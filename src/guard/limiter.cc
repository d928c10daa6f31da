#include "guard/limiter.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace pgweir::guard {
namespace {

// Two cores that have three statements each are as busy as they get; more only wait for one another.
const double kSlowdownAimedAt = std::log(1.6);
constexpr double kGain = 0.5;
constexpr double kFallMax = 0.7, kRiseMax = 1.25;  // of the limit, for one window
constexpr double kOutlier = 2.1;                   // e^2.1 = 8: no single statement says more

// No more than so many hardly are in one another's way.
constexpr unsigned kCalm = 4;

constexpr base::Nanos kWindow = 100 * base::kMillisecond;
constexpr unsigned kWindowSamples = 16;
constexpr unsigned kKnownSamples = 4;  // of a template, before it is compared with itself

// How fast what is calm is learned anew: slower than an overload lasts, faster than data grow. When even the
// lowest limit is slow, this is hardly calm.
constexpr double kCalmSeconds = 120, kCalmSecondsAtFloor = 600;
constexpr base::Nanos kPauseMax = 10 * base::kSecond;

// When a limit holds statements back for so long, a few run calmly now and then, to be compared with.
constexpr base::Nanos kProbeEvery = 20 * base::kSecond;
constexpr base::Nanos kProbeMax = base::kSecond;
constexpr unsigned kProbeSamples = 16;

double seconds(base::Nanos nanos) { return static_cast<double>(nanos) / static_cast<double>(base::kSecond); }

}  // namespace

void Limiter::configure(const GuardConfig& config) {
  is_fixed_ = config.limit != 0;
  fixed_ = config.limit;
  min_ = config.limit_min;
  max_ = std::max(config.limit_max, config.limit_min);
  limit_ = std::clamp<double>(limit_, min_, max_);
}

unsigned Limiter::limit() const {
  if (is_fixed_) return fixed_;
  return calm_wanted_ != 0 ? std::min(min_, kCalm) : static_cast<unsigned>(limit_);
}

double Limiter::slowdown() const { return std::exp(slowdown_); }

void Limiter::add(const Sample& sample, base::Nanos now) {
  const double x = std::log(static_cast<double>(std::max<base::Nanos>(sample.latency, base::kMicrosecond)));
  Template& known = template_of(sample.template_hash);
  const bool calm = sample.active <= std::min(min_, kCalm);
  learn(known, x, calm, now);
  if (calm) {
    held_back_since_ = 0;
    if (calm_wanted_ != 0) --calm_wanted_;
  }
  // Templates that come once or twice are compared with one another.
  if (known.samples < kKnownSamples) learn(others_, x, calm, now);
  const Template& compared = known.samples < kKnownSamples ? others_ : known;
  if (compared.samples < kKnownSamples) return;
  if (window_.samples == 0) window_.began = std::max(window_.began, now - kWindow);
  window_.sum += std::clamp(x - compared.calm, -kOutlier, kOutlier);
  ++window_.samples;
  if (window_.samples >= kWindowSamples && now - window_.began >= kWindow) close_window(now);
}

void Limiter::held_back(base::Nanos now) {
  window_.held_back = true;
  probe(now);
}

void Limiter::learn(Template& known, double x, bool calm, base::Nanos now) const {
  known.seen = now;
  if (!calm) {
    // The first word of a template that comes in busy times: as slow as all others.
    if (known.samples >= kKnownSamples) return;
    known.calm += (x - slowdown_ - known.calm) / (known.samples + 1);
    ++known.samples;
    return;
  }
  const bool at_floor = limit_ <= min_ && slowdown_ > kSlowdownAimedAt;
  const double fades = at_floor ? kCalmSecondsAtFloor : kCalmSeconds;
  // After a pause the first one may have found cold caches: it does not stand for all that time.
  const base::Nanos passed = std::min(now - known.calm_at, kPauseMax);
  const double weight = std::max(1.0 / (known.samples + 1), 1.0 - std::exp(-seconds(passed) / fades));
  known.calm += (x - known.calm) * weight;
  known.samples = std::min(known.samples + 1, 1'000'000U);
  known.calm_at = now;
}

void Limiter::close_window(base::Nanos now) {
  const double slowdown = window_.sum / window_.samples;
  slowdown_ += (slowdown - slowdown_) / 2;
  const double change = std::exp(kGain * (kSlowdownAimedAt - slowdown));
  if (change < 1) {
    limit_ = std::max<double>(limit_ * std::max(change, kFallMax), min_);
  } else if (window_.held_back && calm_wanted_ == 0) {
    limit_ = std::min<double>(limit_ * std::min(change, kRiseMax), max_);
  }
  window_ = {.began = now};
}

void Limiter::probe(base::Nanos now) {
  if (calm_wanted_ != 0) {
    if (now >= probe_ends_) calm_wanted_ = 0;
    return;
  }
  if (is_fixed_) return;
  if (held_back_since_ == 0) held_back_since_ = now;
  if (now - held_back_since_ < kProbeEvery) return;
  held_back_since_ = now;
  calm_wanted_ = kProbeSamples;
  probe_ends_ = now + kProbeMax;
}

base::Nanos Limiter::calm_latency(std::uint64_t template_hash) const {
  const std::size_t set = (template_hash >> (64 - kTemplatesLog2)) / kWays * kWays;
  for (const Template& known : std::span(templates_).subspan(set, kWays))
    if (known.hash == template_hash && known.samples != 0)
      return static_cast<base::Nanos>(std::exp(known.calm));
  return 0;
}

Limiter::Template& Limiter::template_of(std::uint64_t hash) {
  const std::size_t set = (hash >> (64 - kTemplatesLog2)) / kWays * kWays;
  Template* oldest = &templates_[set];
  for (Template& known : std::span(templates_).subspan(set, kWays)) {
    if (known.hash == hash) return known;
    if (known.samples == 0 || (oldest->samples != 0 && known.seen < oldest->seen)) oldest = &known;
  }
  *oldest = {.hash = hash};
  return *oldest;
}

}  // namespace pgweir::guard
