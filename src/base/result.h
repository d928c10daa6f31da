// Errors as values. Nothing on the data plane throws.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace pgweir::base {

// Codes are few and named for what the caller does next.
enum class ErrorCode {
  kInvalid,      // the input is wrong: report it to whoever sent it, do not retry
  kUnavailable,  // the other side cannot be reached or answered badly: retry later
  kLimit,        // one of our limits was reached: shed or wait
  kClosed,       // the peer has gone: clean up
  kInternal,     // our own defect or the operating system's refusal: log and give up
};

struct Error {
  ErrorCode code;
  std::string message;  // names the place and the fix, without a trailing period
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace pgweir::base
