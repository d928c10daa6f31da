#include "sync/pgoutput.h"

#include "wire/reader.h"

namespace pgweir::sync {
namespace {

using wire::Reader;

std::uint64_t read_u64(Reader& reader) {
  const std::uint64_t high = reader.u32();
  return high << 32 | reader.u32();
}

void append_u64(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

std::unexpected<base::Error> malformed(char type) {
  return base::fail(base::ErrorCode::kInvalid, std::string("malformed replication message '") + type + "'");
}

bool read_row(Reader& reader, Row& row) {
  const std::uint16_t columns = reader.u16();
  row.clear();
  for (unsigned i = 0; i < columns && reader.ok(); ++i) {
    ColumnValue value;
    switch (reader.u8()) {
      case 'n':
        value.kind = ColumnValue::Kind::kNull;
        break;
      case 'u':
        value.kind = ColumnValue::Kind::kUnchanged;
        break;
      case 't':
        value.kind = ColumnValue::Kind::kText;
        value.bytes = reader.bytes(reader.u32());
        break;
      case 'b':
        value.kind = ColumnValue::Kind::kBinary;
        value.bytes = reader.bytes(reader.u32());
        break;
      default:
        return false;
    }
    row.push_back(value);
  }
  return reader.ok();
}

// The old row, if there is one; the marker that follows is left in `marker`.
bool read_old_row(Reader& reader, Change& change, char& marker) {
  marker = static_cast<char>(reader.u8());
  if (marker != 'K' && marker != 'O') return true;
  change.old_is_whole = marker == 'O';
  change.old_row.emplace();
  if (!read_row(reader, *change.old_row)) return false;
  marker = reader.at_end() ? '\0' : static_cast<char>(reader.u8());
  return true;
}

base::Result<Message> read_change(char type, Reader& reader) {
  Change change;
  change.kind = type == 'I'   ? Change::Kind::kInsert
                : type == 'U' ? Change::Kind::kUpdate
                              : Change::Kind::kDelete;
  change.relation = reader.u32();
  char marker = 0;
  if (!read_old_row(reader, change, marker)) return malformed(type);
  const bool wants_new = change.kind != Change::Kind::kDelete;
  if (wants_new != (marker == 'N')) return malformed(type);
  if (wants_new && !read_row(reader, change.row)) return malformed(type);
  const bool right_rows = change.kind == Change::Kind::kUpdate || change.old_row.has_value() != wants_new;
  if (!reader.ok() || !reader.at_end() || !right_rows) return malformed(type);
  return change;
}

base::Result<Message> read_relation(Reader& reader) {
  RelationDescription relation;
  relation.oid = reader.u32();
  relation.schema = reader.string();
  relation.name = reader.string();
  relation.identity = static_cast<char>(reader.u8());
  const std::uint16_t columns = reader.u16();
  for (unsigned i = 0; i < columns && reader.ok(); ++i) {
    ColumnDescription column;
    column.in_identity = (reader.u8() & 1U) != 0;
    column.name = reader.string();
    column.type = reader.u32();
    reader.u32();  // the type's modifier
    relation.columns.push_back(column);
  }
  if (!reader.ok() || !reader.at_end()) return malformed('R');
  return relation;
}

base::Result<Message> read_truncate(Reader& reader) {
  Truncate truncate;
  const std::uint32_t count = reader.u32();
  reader.u8();  // CASCADE, RESTART IDENTITY
  if (!reader.ok() || reader.rest().size() != std::size_t{count} * 4) return malformed('T');
  for (std::uint32_t i = 0; i < count; ++i) truncate.relations.push_back(reader.u32());
  return truncate;
}

base::Result<Message> read_logical_message(Reader& reader) {
  LogicalMessage message;
  message.transactional = (reader.u8() & 1U) != 0;
  message.lsn = read_u64(reader);
  message.prefix = reader.string();
  message.content = reader.bytes(reader.u32());
  if (!reader.ok() || !reader.at_end()) return malformed('M');
  return message;
}

}  // namespace

base::Result<StreamFrame> parse_stream_frame(std::string_view bytes) {
  Reader reader(bytes);
  const char type = static_cast<char>(reader.u8());
  if (type == 'w') {
    StreamData data;
    data.start = read_u64(reader);
    read_u64(reader);  // the end of the server's log
    read_u64(reader);  // the server's clock
    data.payload = reader.rest();
    if (reader.ok()) return data;
  } else if (type == 'k') {
    KeepAlive keep_alive;
    keep_alive.sent_up_to = read_u64(reader);
    read_u64(reader);
    keep_alive.reply_wanted = reader.u8() != 0;
    if (reader.ok()) return keep_alive;
  }
  return malformed(type);
}

std::string status_update(Lsn lsn, std::int64_t micros, bool reply_wanted) {
  std::string out = "r";
  for (int i = 0; i < 3; ++i) append_u64(out, lsn);  // written, flushed, applied
  append_u64(out, static_cast<std::uint64_t>(micros));
  out.push_back(reply_wanted ? '\1' : '\0');
  return out;
}

base::Result<Message> parse_message(std::string_view payload) {
  Reader reader(payload);
  const char type = static_cast<char>(reader.u8());
  switch (type) {
    case 'B': {
      Begin begin;
      begin.final_lsn = read_u64(reader);
      read_u64(reader);  // time of the commit
      begin.xid = reader.u32();
      if (!reader.ok() || !reader.at_end()) return malformed(type);
      return begin;
    }
    case 'C': {
      reader.u8();
      read_u64(reader);  // where the commit begins
      const Commit commit{.end_lsn = read_u64(reader)};
      read_u64(reader);
      if (!reader.ok() || !reader.at_end()) return malformed(type);
      return commit;
    }
    case 'R':
      return read_relation(reader);
    case 'I':
    case 'U':
    case 'D':
      return read_change(type, reader);
    case 'T':
      return read_truncate(reader);
    case 'M':
      return read_logical_message(reader);
    case 'O':
    case 'Y':
      return Ignored{};
    default:
      return malformed(type);
  }
}

}  // namespace pgweir::sync
