#include "proxy/compression.h"

#include <zstd.h>

#include <algorithm>

namespace pgweir::proxy {
namespace {

// Higher ones take more time and memory and gain little.
constexpr int kLevel = 1;
// What of the CPU share may be saved up.
constexpr base::Nanos kSavedUp = base::kSecond;

}  // namespace

std::string_view name(Compressed kind) {
  switch (kind) {
    case Compressed::kYes:
      return "compressed";
    case Compressed::kTooSmall:
      return "too_small";
    case Compressed::kTooLarge:
      return "too_large";
    case Compressed::kNoGain:
      return "no_gain";
    case Compressed::kOverBudget:
      return "over_budget";
  }
  return "";
}

void Compression::FreeContext::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }
void Compression::FreeContext::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

Compression::Compression(const base::Clock& clock, const base::Clock& cpu, CompressionStats& stats,
                         const CompressionLimits& limits)
    : clock_(clock),
      cpu_(cpu),
      stats_(stats),
      limits_(limits),
      counted_at_(clock.now()),
      held_(stats.memory_bytes) {}

Compression::~Compression() = default;

void Compression::set_cpu_share(double share) {
  if (share == cpu_share_) return;
  cpu_share_ = share;
  cpu_left_ = static_cast<base::Nanos>(share * kSavedUp);
  counted_at_ = clock_.now();
}

bool Compression::has_cpu_time() {
  const base::Nanos now = clock_.now();
  const auto most = static_cast<base::Nanos>(cpu_share_ * kSavedUp);
  const auto more = static_cast<base::Nanos>(cpu_share_ * static_cast<double>(now - counted_at_));
  if (more > 0) {  // else a nanosecond at a time would never add up
    cpu_left_ = std::min(most, cpu_left_ + more);
    counted_at_ = now;
  }
  return cpu_left_ > 0;
}

char* Compression::scratch(std::size_t bytes) {
  if (scratch_.size() < bytes) scratch_.resize(bytes);
  return scratch_.data();
}

void Compression::count_memory() {
  std::size_t bytes = scratch_.capacity();
  if (compressor_ != nullptr) bytes += ZSTD_sizeof_CCtx(compressor_.get());
  if (expander_ != nullptr) bytes += ZSTD_sizeof_DCtx(expander_.get());
  held_.set(bytes);
}

Compressed Compression::try_to_compress(std::string_view reply, std::size_t& stored_bytes) {
  if (reply.size() < limits_.bytes_min) return Compressed::kTooSmall;
  if (reply.size() > limits_.bytes_max) return Compressed::kTooLarge;
  if (!has_cpu_time()) return Compressed::kOverBudget;
  if (compressor_ == nullptr) {
    compressor_.reset(ZSTD_createCCtx());
    if (compressor_ == nullptr) return Compressed::kNoGain;
    ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_checksumFlag, 1);
  }
  const auto stored_max =
      static_cast<std::size_t>(static_cast<double>(reply.size()) * limits_.stored_share_max);
  const base::Nanos before = cpu_.now();
  const std::size_t n =
      ZSTD_compress2(compressor_.get(), scratch(stored_max), stored_max, reply.data(), reply.size());
  const base::Nanos spent = cpu_.now() - before;
  cpu_left_ -= spent;
  count_memory();
  stats_.cpu_ns.add(static_cast<std::uint64_t>(spent));
  if (ZSTD_isError(n) != 0) return Compressed::kNoGain;  // it does not fit
  stored_bytes = n;
  return Compressed::kYes;
}

std::string_view Compression::compress(std::string_view reply) {
  if (cpu_share_ <= 0) return {};
  std::size_t stored_bytes = 0;
  const Compressed result = try_to_compress(reply, stored_bytes);
  stats_.replies[static_cast<std::size_t>(result)].add();
  if (result != Compressed::kYes) return {};
  stats_.reply_bytes.add(reply.size());
  stats_.stored_bytes.add(stored_bytes);
  return {scratch_.data(), stored_bytes};
}

std::optional<std::string_view> Compression::expand_compressed(const cache::EntryRef& entry) {
  const std::size_t size = entry.mark();
  const std::string_view stored = entry.bytes();
  if (expander_ == nullptr) expander_.reset(ZSTD_createDCtx());
  // Both say how large it is, so that a wrong one does not decide how much memory is taken.
  const bool is_sound = expander_ != nullptr && size <= limits_.bytes_max &&
                        ZSTD_getFrameContentSize(stored.data(), stored.size()) == size;
  if (is_sound &&
      ZSTD_decompressDCtx(expander_.get(), scratch(size), size, stored.data(), stored.size()) == size) {
    count_memory();
    stats_.expanded.add();
    stats_.expanded_bytes.add(size);
    return std::string_view(scratch_.data(), size);
  }
  stats_.unreadable.add();
  return std::nullopt;
}

}  // namespace pgweir::proxy
