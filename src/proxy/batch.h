// The extended-protocol messages that libraries send for one statement, up to Sync.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "wire/frontend.h"

namespace pgweir::proxy {

// [Parse] Bind [Describe portal] Execute Sync, all on the unnamed portal, without a row limit. Views
// point into the bytes given.
struct Batch {
  std::optional<wire::Parse> parse;
  wire::Bind bind;
  bool describes = false;
  std::string_view raw;
};

enum class BatchStatus : std::uint8_t {
  kComplete,
  kNeedMore,  // so far it is one
  kOther,     // another order, or too long: the messages go upstream one by one
};

// Reads from the start of bytes. The batch keeps its vectors' memory from call to call.
BatchStatus read_batch(std::string_view bytes, std::size_t bytes_max, Batch& out);

// What stands behind the names in the batch's Bind. REQUIRES: Batch::raw of a complete one.
std::string_view bound_values(std::string_view batch);

}  // namespace pgweir::proxy
