// Messages that a client sends after startup, and the ones pgweir sends upstream on its own
// (PostgreSQL documentation, "Message Formats"). Views point into the message given.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"

namespace pgweir::wire {

using Oid = std::uint32_t;

base::Result<std::string_view> parse_query(std::string_view body);

struct Parse {
  std::string_view statement;
  std::string_view sql;
  std::vector<Oid> parameter_types;
};
base::Result<Parse> parse_parse(std::string_view body);

struct Bind {
  std::string_view portal;
  std::string_view statement;
  std::vector<std::int16_t> parameter_formats;  // 0, 1 or one for each parameter
  std::vector<std::string_view> parameters;     // data() == nullptr is NULL
  std::vector<std::int16_t> result_formats;     // 0, 1 or one for each column
};
// The format of value i. REQUIRES: formats are none, one, or one for each value.
inline std::uint16_t format_of(const std::vector<std::int16_t>& formats, std::size_t i) {
  if (formats.empty()) return 0;
  return static_cast<std::uint16_t>(formats.size() == 1 ? formats[0] : formats[i]);
}
// Into an existing Bind, so that its vectors keep their memory.
base::Result<void> parse_bind(std::string_view body, Bind& out);

// Describe and Close have the same fields.
struct Target {
  char kind = 0;  // 'S' statement, 'P' portal
  std::string_view name;
};
base::Result<Target> parse_target(std::string_view body);

struct Execute {
  std::string_view portal;
  std::uint32_t rows_max = 0;  // 0: all
};
base::Result<Execute> parse_execute(std::string_view body);

void append_query(base::Buffer& out, std::string_view sql);
void append_parse(base::Buffer& out, std::string_view statement, std::string_view sql,
                  const std::vector<Oid>& types);
void append_close_statement(base::Buffer& out, std::string_view statement);
inline constexpr std::string_view kSync{"S\0\0\0\4", 5};
inline constexpr std::string_view kFlush{"H\0\0\0\4", 5};

}  // namespace pgweir::wire
