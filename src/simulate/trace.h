// A trace of requests, read from CSV: time_ms,key,size_bytes,cost_us[,ttl_ms]
//
// One row for each request, in order of time; the first row may name the columns. The key is any text, in
// double quotes if it has a comma or a quote in it (RFC 4180). size_bytes is the reply's size, cost_us what
// it takes the database, ttl_ms how long the reply may be kept (left out or empty: for ever). The file may be
// compressed by gzip or zstd.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace pgweir::simulate {

struct Request {
  std::int64_t time_ms = 0;
  std::uint32_t key = 0;  // numbered in order of appearance
  std::uint32_t size_bytes = 0;
  std::uint32_t cost_us = 0;
  std::uint32_t ttl_ms = 0;  // kForever: no end
  static constexpr std::uint32_t kForever = UINT32_MAX;
};

struct Trace {
  std::vector<Request> requests;
  std::uint32_t keys = 0;
};

// 0 to 1, now and then.
using Progress = std::function<void(double)>;

// Error: kInvalid, "path:line: what is wrong, and what is allowed".
base::Result<Trace> read_trace(const std::string& path, const Progress& progress);

}  // namespace pgweir::simulate
