// The logical replication protocol as pgoutput speaks it, version 1: bytes to messages. Format:
// PostgreSQL documentation, "Logical Replication Message Formats" and "Streaming Replication Protocol".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "query/statement.h"

namespace pgweir::sync {

using Lsn = std::uint64_t;
using Xid = std::uint32_t;

// What one CopyData of a replication stream holds.
struct StreamData {
  Lsn start = 0;
  std::string_view payload;  // one pgoutput message
};
struct KeepAlive {
  Lsn sent_up_to = 0;  // everything that was committed before has been sent
  bool reply_wanted = false;
};
using StreamFrame = std::variant<StreamData, KeepAlive>;

// Views point into `bytes`. kInvalid: not a frame of this protocol.
base::Result<StreamFrame> parse_stream_frame(std::string_view bytes);

// A standby status update that confirms everything up to `lsn`. `micros`: since 2000-01-01 UTC.
std::string status_update(Lsn lsn, std::int64_t micros, bool reply_wanted);

struct Begin {
  Lsn final_lsn = 0;
  Xid xid = 0;
};
struct Commit {
  Lsn end_lsn = 0;
};
struct ColumnDescription {
  std::string_view name;
  query::Oid type = 0;
  bool in_identity = false;
};
struct RelationDescription {
  query::Oid oid = 0;
  std::string_view schema;
  std::string_view name;
  char identity = 'd';  // pg_class.relreplident
  std::vector<ColumnDescription> columns;
};
struct ColumnValue {
  enum class Kind : std::uint8_t { kNull, kUnchanged, kText, kBinary } kind = Kind::kNull;
  std::string_view bytes;
};
using Row = std::vector<ColumnValue>;
struct Change {
  enum class Kind : std::uint8_t { kInsert, kUpdate, kDelete } kind = Kind::kInsert;
  query::Oid relation = 0;
  // The identity's columns (others null), or the whole row if `old_is_whole`. An update without it
  // left the identity's columns as they are in `row`.
  std::optional<Row> old_row;
  bool old_is_whole = false;
  Row row;  // empty for a delete
};
struct Truncate {
  std::vector<query::Oid> relations;
};
struct LogicalMessage {
  bool transactional = false;
  Lsn lsn = 0;
  std::string_view prefix;
  std::string_view content;
};
struct Ignored {};  // Origin, Type

using Message = std::variant<Begin, Commit, RelationDescription, Change, Truncate, LogicalMessage, Ignored>;

// Views point into `payload`. kInvalid: malformed, or of another version.
base::Result<Message> parse_message(std::string_view payload);

}  // namespace pgweir::sync
