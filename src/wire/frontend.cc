#include "wire/frontend.h"

#include "wire/backend.h"
#include "wire/reader.h"

namespace pgweir::wire {
namespace {

std::unexpected<base::Error> malformed(const char* what) {
  return base::fail(base::ErrorCode::kInvalid, std::string("invalid ") + what + " message format");
}

void read_formats(Reader& reader, std::vector<std::int16_t>& out) {
  const std::uint16_t count = reader.u16();
  out.clear();
  for (std::uint16_t i = 0; i < count && reader.ok(); ++i)
    out.push_back(static_cast<std::int16_t>(reader.u16()));
}

}  // namespace

base::Result<std::string_view> parse_query(std::string_view body) {
  Reader reader(body);
  const std::string_view sql = reader.string();
  if (!reader.ok() || !reader.at_end()) return malformed("Query");
  return sql;
}

base::Result<Parse> parse_parse(std::string_view body) {
  Reader reader(body);
  Parse out;
  out.statement = reader.string();
  out.sql = reader.string();
  const std::uint16_t count = reader.u16();
  for (std::uint16_t i = 0; i < count && reader.ok(); ++i) out.parameter_types.push_back(reader.u32());
  if (!reader.ok() || !reader.at_end()) return malformed("Parse");
  return out;
}

base::Result<void> parse_bind(std::string_view body, Bind& out) {
  Reader reader(body);
  out.portal = reader.string();
  out.statement = reader.string();
  read_formats(reader, out.parameter_formats);
  const std::uint16_t count = reader.u16();
  out.parameters.clear();
  for (std::uint16_t i = 0; i < count && reader.ok(); ++i) {
    const std::int32_t size = reader.i32();
    if (size < -1) return malformed("Bind");
    out.parameters.push_back(size == -1 ? std::string_view{} : reader.bytes(static_cast<std::size_t>(size)));
  }
  read_formats(reader, out.result_formats);
  if (!reader.ok() || !reader.at_end()) return malformed("Bind");
  const std::size_t formats = out.parameter_formats.size();
  if (formats > 1 && formats != out.parameters.size()) return malformed("Bind");
  return {};
}

base::Result<Target> parse_target(std::string_view body) {
  Reader reader(body);
  Target out;
  out.kind = static_cast<char>(reader.u8());
  out.name = reader.string();
  if (!reader.ok() || !reader.at_end() || (out.kind != 'S' && out.kind != 'P'))
    return malformed("Describe or Close");
  return out;
}

base::Result<Execute> parse_execute(std::string_view body) {
  Reader reader(body);
  Execute out;
  out.portal = reader.string();
  out.rows_max = reader.u32();
  if (!reader.ok() || !reader.at_end()) return malformed("Execute");
  return out;
}

void append_query(base::Buffer& out, std::string_view sql) {
  out.push_back('Q');
  append_u32(out, static_cast<std::uint32_t>(4 + sql.size() + 1));
  append_string(out, sql);
}

void append_parse(base::Buffer& out, std::string_view statement, std::string_view sql,
                  const std::vector<Oid>& types) {
  out.push_back('P');
  append_u32(out,
             static_cast<std::uint32_t>(4 + statement.size() + 1 + sql.size() + 1 + 2 + 4 * types.size()));
  append_string(out, statement);
  append_string(out, sql);
  append_u16(out, static_cast<std::uint16_t>(types.size()));
  for (const Oid type : types) append_u32(out, type);
}

void append_close_statement(base::Buffer& out, std::string_view statement) {
  out.push_back('C');
  append_u32(out, static_cast<std::uint32_t>(4 + 1 + statement.size() + 1));
  out.push_back('S');
  append_string(out, statement);
}

}  // namespace pgweir::wire
