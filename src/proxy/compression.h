// Replies are kept compressed (zstd) where that saves memory worth its CPU time. The entry's mark tells what
// is stored: 0: the reply as it is; else its size, and the entry holds one zstd frame with a checksum.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/counters.h"
#include "cache/entry.h"

// As <zstd.h> has them.
struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace pgweir::proxy {

// What became of a reply that was to be kept, while compression is on.
enum class Compressed : std::uint8_t { kYes, kTooSmall, kTooLarge, kNoGain, kOverBudget };
inline constexpr std::size_t kCompressedKinds = 5;
std::string_view name(Compressed kind);

struct CompressionStats {
  std::array<base::Counter, kCompressedKinds> replies;
  base::Counter reply_bytes;   // of those that were compressed: before,
  base::Counter stored_bytes;  // and after
  base::Counter cpu_ns;        // spent on compressing, in vain too
  base::Counter expanded;      // answers from what was compressed
  base::Counter expanded_bytes;
  base::Counter unreadable;  // what was stored did not give the reply again
  base::Level memory_bytes;  // of buffers, and of zstd's own state
};

struct CompressionLimits {
  std::size_t bytes_min = 512;
  // What is larger would hold up the worker's other sessions: this much takes some milliseconds.
  std::size_t bytes_max = std::size_t{1} << 20;
  double stored_share_max = 0.875;  // of the reply's bytes; else it is kept as it is
};

// One worker's, on its thread.
class Compression {
 public:
  // cpu: tells the CPU time of the worker's thread.
  Compression(const base::Clock& clock, const base::Clock& cpu, CompressionStats& stats,
              const CompressionLimits& limits = {});
  ~Compression();
  Compression(const Compression&) = delete;
  Compression& operator=(const Compression&) = delete;

  // Compressing takes no more than this share of the time, over any while longer than a few seconds; 0:
  // nothing is compressed. What is compressed already stays readable.
  void set_cpu_share(double share);

  // What to store in place of the reply, with its size as the mark; empty: store the reply itself. Valid
  // until the next call, here and below.
  std::string_view compress(std::string_view reply);
  // The reply that the entry holds; nothing if it is unreadable.
  std::optional<std::string_view> expand(const cache::EntryRef& entry) {
    if (entry.mark() == 0) [[likely]]
      return entry.bytes();
    return expand_compressed(entry);
  }

 private:
  std::optional<std::string_view> expand_compressed(const cache::EntryRef& entry);
  Compressed try_to_compress(std::string_view reply, std::size_t& stored_bytes);
  bool has_cpu_time();
  char* scratch(std::size_t bytes);
  void count_memory();

  struct FreeContext {
    void operator()(ZSTD_CCtx_s* context) const;
    void operator()(ZSTD_DCtx_s* context) const;
  };

  const base::Clock& clock_;
  const base::Clock& cpu_;
  CompressionStats& stats_;
  const CompressionLimits limits_;
  double cpu_share_ = 0;
  base::Nanos cpu_left_ = 0;  // may be below 0: what a reply costs is known afterwards
  base::Nanos counted_at_;    // up to when cpu_left_ has grown
  // These are made when they are needed first.
  std::unique_ptr<ZSTD_CCtx_s, FreeContext> compressor_;
  std::unique_ptr<ZSTD_DCtx_s, FreeContext> expander_;
  std::vector<char> scratch_;
  base::Held held_;
};

}  // namespace pgweir::proxy
