#include "bench/workload.h"

#include <fmt/format.h>

namespace pgweir::bench {
namespace {

void put_u16(std::string& out, std::size_t value) {
  out.push_back(static_cast<char>(value >> 8 & 0xff));
  out.push_back(static_cast<char>(value & 0xff));
}

void put_u32(std::string& out, std::size_t value) {
  put_u16(out, value >> 16);
  put_u16(out, value);
}

void put_message(std::string& out, char type, std::string_view body) {
  out.push_back(type);
  put_u32(out, body.size() + 4);
  out.append(body);
}

void put_string(std::string& out, std::string_view text) { out.append(text).push_back('\0'); }

// `$1`, but not `$10`.
std::size_t find_parameter(std::string_view sql) {
  for (std::size_t at = sql.find("$1"); at != std::string_view::npos; at = sql.find("$1", at + 1)) {
    if (at + 2 == sql.size() || sql[at + 2] < '0' || sql[at + 2] > '9') return at;
  }
  return std::string_view::npos;
}

std::string simple_query(std::string_view sql, std::string_view key) {
  std::string body(sql);
  for (std::size_t at = find_parameter(body); at != std::string::npos; at = find_parameter(body)) {
    body.replace(at, 2, key);
  }
  body.push_back('\0');
  std::string out;
  put_message(out, 'Q', body);
  return out;
}

// Text parameters and text results, as libpq's callers mostly do.
std::string bind_execute_sync(bool has_parameter, std::string_view key) {
  std::string bind;
  put_string(bind, "");
  put_string(bind, kStatementName);
  put_u16(bind, 0);
  put_u16(bind, has_parameter ? 1 : 0);
  if (has_parameter) {
    put_u32(bind, key.size());
    bind.append(key);
  }
  put_u16(bind, 1);
  put_u16(bind, 0);
  std::string out;
  put_message(out, 'B', bind);
  put_message(out, 'D', std::string_view("P\0", 2));
  put_message(out, 'E', std::string_view("\0\0\0\0\0", 5));
  put_message(out, 'S', "");
  return out;
}

std::string redis_key(std::size_t key) { return fmt::format("bench:{}", key); }

std::string redis_get(std::size_t key) {
  const std::string name = redis_key(key);
  return fmt::format("*2\r\n$3\r\nGET\r\n${}\r\n{}\r\n", name.size(), name);
}

}  // namespace

std::string redis_set(std::size_t key, std::size_t value_bytes) {
  const std::string name = redis_key(key);
  return fmt::format("*3\r\n$3\r\nSET\r\n${}\r\n{}\r\n${}\r\n{}\r\n", name.size(), name, value_bytes,
                     std::string(value_bytes, 'x'));
}

base::Result<Workload> Workload::make(const WorkloadConfig& config) {
  const bool has_parameter = find_parameter(config.sql) != std::string_view::npos;
  if (config.keys == 0) return base::fail(base::ErrorCode::kInvalid, "at least one key is needed");
  if (config.mode != Mode::kRedis && config.keys > 1 && !has_parameter) {
    return base::fail(base::ErrorCode::kInvalid, "the statement has no $1 to put the key in; use one key");
  }
  Workload workload;
  for (std::size_t key = 1; key <= config.keys; ++key) {
    const std::string text = std::to_string(key);
    switch (config.mode) {
      case Mode::kSimple:
        workload.bytes_ += simple_query(config.sql, text);
        break;
      case Mode::kPrepared:
        workload.bytes_ += bind_execute_sync(has_parameter, text);
        break;
      case Mode::kRedis:
        workload.bytes_ += redis_get(key);
        break;
    }
    workload.ends_.push_back(workload.bytes_.size());
  }
  return workload;
}

}  // namespace pgweir::bench
