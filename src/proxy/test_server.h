// For tests: a server that speaks as much of PostgreSQL's protocol as the proxy must follow. Its
// replies depend only on the bytes it is sent, however they are split.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "proxy/injected.h"
#include "query/session_settings.h"
#include "wire/backend.h"
#include "wire/frame.h"
#include "wire/frontend.h"
#include "wire/reader.h"

namespace pgweir::proxy {

inline std::string message(char type, std::string_view body) {
  base::Buffer out;
  out.push_back(type);
  wire::append_u32(out, static_cast<std::uint32_t>(body.size() + 4));
  out.append(body);
  return std::string(out.view());
}

// What a statement does is told by the words in it: begin, commit, rollback, copy (with frozen: fails
// before it reads), fail, badparse, huge, set.
class TestServer {
 public:
  // Takes any part of the client's stream; replies are appended to out().
  void receive(std::string_view bytes) {
    in_ += bytes;
    std::size_t pos = 0;
    wire::Header header;
    while (wire::read_header(std::string_view(in_).substr(pos), 1 << 30, header) ==
               wire::HeaderStatus::kComplete &&
           in_.size() - pos >= header.message_bytes) {
      take(header.type,
           std::string_view(in_).substr(pos + wire::kHeaderBytes, header.message_bytes - wire::kHeaderBytes));
      pos += header.message_bytes;
    }
    in_.erase(0, pos);
  }
  std::string& out() { return out_; }
  // Each select fails with this code from now on, once its rows have been described; empty: none does.
  void fail_with(std::string_view code) { outage_ = code; }
  bool has_partial_input() const { return !in_.empty(); }

 private:
  static bool has(std::string_view sql, std::string_view word) {
    return sql.find(word) != std::string_view::npos;
  }
  void say(char type, std::string_view body = "") { out_ += message(type, body); }

  void take(char type, std::string_view body) {
    if (copying_) return take_copy(type, body);
    if (skipping_ && type != 'S') return;
    switch (type) {
      case 'Q':
        return query(wire::parse_query(body).value_or(""));
      case 'F':
        extended_ = false;
        if (status_ == 'E') return error("25P02");
        say('V', std::string_view("\0\0\0\1x", 5));
        return ready();
      case 'S':
        skipping_ = false;
        return ready();
      case 'P':
        return parse(body);
      case 'B':
        return bind(body);
      case 'D':
        return describe(body);
      case 'E':
        return execute(body);
      case 'C':
        return close(body);
      default:  // Flush; copy messages outside of a COPY
        return;
    }
  }

  void query(std::string_view sql) {
    extended_ = false;
    statements_.erase("");
    portals_.erase("");
    if (sql.starts_with("SELECT pg_catalog.set_config")) {  // before a statement that is asked anew
      say('C', std::string_view("DONE\0", 5));
      sql.remove_prefix(sql.find("; ") + 2);
    }
    if (sql == query::settings_probe_sql()) {
      settings();
    } else if (sql == FingerprintCheck::sql()) {
      row({"fingerprint"});
      say('C', std::string_view("SELECT\0", 7));
    } else if (sql == CatalogLoad::sql()) {
      status_ = 'E';
      return error("57014");
    } else if (sql == StatementsCheck::sql()) {
      for (const auto& [name, text] : statements_)
        if (!name.empty()) row({name, text});
      say('C', std::string_view("SELECT\0", 7));
    } else {
      if (sql == "ROLLBACK") sql = "rollback";  // the proxy's own
      if (status_ == 'E' && !has(sql, "rollback") && !has(sql, "commit")) return error("25P02");
      if (has(sql, "badparse")) return error("42601");
      describe_rows(sql);
      if (!run(sql, 0)) return;
    }
    ready();
  }

  // False: an error, or a COPY has begun.
  bool run(std::string_view sql, std::uint32_t rows_max) {
    if (has(sql, "copy")) {
      if (has(sql, "fail")) return error("42P01"), false;
      say('G', std::string_view("\0\0\0", 3));
      if (has(sql, "frozen")) return error("55000"), false;
      copying_ = true;
      return false;
    }
    if (has(sql, "fail")) return error("22012"), false;
    if (!outage_.empty() && has(sql, "select")) return error(outage_), false;
    if (has(sql, "begin") && status_ == 'I') status_ = 'T';
    if (has(sql, "commit") || has(sql, "rollback")) status_ = 'I';
    if (has(sql, "set") && !has(sql, "set_config")) {
      last_set_ = sql;
      say('S', std::string_view("application_name\0x\0", 19));
    }
    if (has(sql, "select")) {
      for (std::uint32_t i = 0; i < 3; ++i) {
        if (rows_max != 0 && i == rows_max) return say('s'), true;
        row({has(sql, "huge") ? std::string(100'000, 'h') : std::string(sql), std::to_string(i)});
      }
    }
    say('C', std::string_view("DONE\0", 5));
    return true;
  }

  void take_copy(char type, std::string_view body) {
    if (type == 'f' || (type == 'd' && has(body, "bad"))) {
      copying_ = false;
      return error("57014");
    }
    if (type != 'c') return;
    copying_ = false;
    say('C', std::string_view("COPY 0\0", 7));
    if (!extended_) ready();
  }

  void parse(std::string_view body) {
    extended_ = true;
    const auto parsed = wire::parse_parse(body);
    if (!parsed) return error("08P01");
    if (status_ == 'E' && !has(parsed->sql, "rollback") && !has(parsed->sql, "commit")) return error("25P02");
    const std::string name(parsed->statement);
    if (!name.empty() && statements_.contains(name)) return error("42P05");
    if (name.empty()) statements_.erase(name);
    if (has(parsed->sql, "badparse")) return error("42601");
    statements_[name] = parsed->sql;
    say('1');
  }
  void bind(std::string_view body) {
    extended_ = true;
    wire::Bind bound;
    if (!wire::parse_bind(body, bound)) return error("08P01");
    const auto statement = statements_.find(std::string(bound.statement));
    if (statement == statements_.end()) return error("26000");
    if (status_ == 'E' && !has(statement->second, "rollback") && !has(statement->second, "commit"))
      return error("25P02");
    std::string sql = statement->second;
    for (const std::string_view value : bound.parameters) sql += value.substr(0, 20);
    portals_[std::string(bound.portal)] = sql;
    say('2');
  }
  void describe(std::string_view body) {
    extended_ = true;
    const auto target = wire::parse_target(body);
    if (!target) return error("08P01");
    const auto& map = target->kind == 'S' ? statements_ : portals_;
    const auto found = map.find(std::string(target->name));
    if (found == map.end()) return error(target->kind == 'S' ? "26000" : "34000");
    if (target->kind == 'S') say('t', std::string_view("\0\0", 2));
    if (!describe_rows(found->second)) say('n');
  }
  void execute(std::string_view body) {
    extended_ = true;
    const auto asked = wire::parse_execute(body);
    if (!asked) return error("08P01");
    const auto portal = portals_.find(std::string(asked->portal));
    if (portal == portals_.end()) return error("34000");
    run(portal->second, asked->rows_max);
  }
  void close(std::string_view body) {
    extended_ = true;
    const auto target = wire::parse_target(body);
    if (!target) return error("08P01");
    (target->kind == 'S' ? statements_ : portals_).erase(std::string(target->name));
    say('3');
  }

  void error(std::string_view code) {
    base::Buffer out;
    wire::append_error(out, {.code = code, .message = "as asked"});
    out_ += out.view();
    if (status_ == 'T') status_ = 'E';
    if (extended_) {
      skipping_ = true;
    } else {
      ready();
    }
  }
  void ready() {
    if (status_ == 'I') portals_.clear();
    say('Z', std::string_view(&status_, 1));
  }
  bool describe_rows(std::string_view sql) {
    if (!has(sql, "select")) return false;
    say('T', std::string_view("\0\1x\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0", 22));
    return true;
  }
  void row(std::initializer_list<std::string> columns) {
    base::Buffer body;
    wire::append_u16(body, static_cast<std::uint16_t>(columns.size()));
    for (const std::string& column : columns) {
      wire::append_u32(body, static_cast<std::uint32_t>(column.size()));
      body.append(column);
    }
    say('D', body.view());
  }
  void settings() {
    row({"ann", "ann", "{pg_catalog,public}", "{}", "read committed", "off", "read committed", "off", "UTF8",
         "UTF8", "on", last_set_, has(last_set_, "explain") ? "on" : "", "notice",
         has(last_set_, "statement_timeout") ? "200" : "0"});
    say('C', std::string_view("SELECT\0", 7));
  }

  std::string in_, out_;
  std::string last_set_;  // all settings there are
  std::string outage_;
  char status_ = 'I';
  bool extended_ = false;
  bool copying_ = false;
  bool skipping_ = false;
  std::map<std::string, std::string> statements_, portals_;
};

}  // namespace pgweir::proxy
