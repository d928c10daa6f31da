#include "proxy/fallback.h"

#include "proxy/server_failure.h"
#include "wire/backend.h"
#include "wire/frame.h"

namespace pgweir::proxy {
namespace {

// RowDescription of a very wide table, say.
constexpr std::size_t kWithheldBytesMax = 64 * 1024;

}  // namespace

Fallback::Step Fallback::step(char type, std::string_view body) const {
  switch (type) {
    case 'N':
    case 'A':
    case 'S':
      return Step::kAside;
    case '1':
    case '2':
    case 'T':
      return withheld_.size() + body.size() > kWithheldBytesMax ? Step::kGiveUp : Step::kWithhold;
    case 'E':
      break;
    default:
      return Step::kGiveUp;
  }
  // A statement that was not parsed does not exist, and a later Bind would say so.
  if (forbidden_ || (parses_ && !withheld_.starts_with('1'))) return Step::kGiveUp;
  const bool ends = wire::error_field(body, 'V').value_or("") != "ERROR";
  const auto code = wire::error_field(body, 'C');
  return !ends && code && is_failure_of_the_server(*code) ? Step::kAnswer : Step::kGiveUp;
}

void Fallback::append_answer(std::string_view reply, base::Buffer& out) const {
  if (binds_) out.append(parses_ ? wire::kParseAndBindComplete : wire::kBindComplete);
  out.append(reply);
}

}  // namespace pgweir::proxy
