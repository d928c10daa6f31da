#include "proxy/console.h"

#include <algorithm>
#include <utility>

#include "wire/frame.h"
#include "wire/frontend.h"
#include "wire/reader.h"

namespace pgweir::proxy {
namespace {

// Without blanks around it and semicolons behind it.
std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\f\v";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin);
  while (!text.empty() && (text.back() == ';' || kBlanks.find(text.back()) != std::string_view::npos))
    text.remove_suffix(1);
  return text;
}

void append_columns(const ConsoleTable& table, base::Buffer& out) {
  if (table.columns.empty()) return out.append(wire::kNoData);
  wire::append_text_columns(out, table.columns);
}

void append_result(const ConsoleTable& table, base::Buffer& out) {
  for (const auto& row : table.rows) wire::append_text_row(out, row);
  wire::append_command_complete(
      out, table.columns.empty() ? table.tag : table.tag + " " + std::to_string(table.rows.size()));
}

}  // namespace

void ConsoleSession::append_welcome(base::Buffer& out) const {
  out.append(wire::kAuthenticationOk);
  const std::pair<std::string_view, std::string> reported[] = {
      {"server_version", "15 (pgweir " + console_.version() + ")"},
      {"server_encoding", "UTF8"},
      {"client_encoding", "UTF8"},
      {"standard_conforming_strings", "on"},
      {"DateStyle", "ISO, MDY"},
      {"TimeZone", "UTC"},
      {"integer_datetimes", "on"},
  };
  for (const auto& [name, value] : reported) wire::append_parameter_status(out, name, value);
  wire::append_ready_for_query(out, 'I');
}

std::size_t ConsoleSession::process(std::string_view input, base::Buffer& out) {
  std::size_t taken = 0;
  while (!fault_) {
    if (out.size() >= kUnsentBytesMax) return taken;
    wire::Message message;
    switch (wire::read_message(input.substr(taken), kMessageBytesMax, message)) {
      case wire::HeaderStatus::kNeedMore:
        return taken;
      case wire::HeaderStatus::kBadLength:
        malformed("invalid message length: the limit here is " + std::to_string(kMessageBytesMax) + " bytes");
        break;
      case wire::HeaderStatus::kComplete:
        take(message.type, message.body(), out);
        taken += message.raw.size();
    }
  }
  return input.size();
}

void ConsoleSession::take(char type, std::string_view body, base::Buffer& out) {
  if (type == 'X') {
    fault_ = "";
  } else if (type == 'S') {
    skipping_ = false;
    wire::append_ready_for_query(out, 'I');
  } else if (type == 'Q') {
    if (!skipping_) query(body, out);
  } else if (std::string_view("PBDECH").find(type) != std::string_view::npos) {
    if (!skipping_) extended(type, body, out);
  } else {
    malformed(std::string("message type '") + type + "' means nothing to pgweir's console");
  }
}

void ConsoleSession::query(std::string_view body, base::Buffer& out) {
  wire::Reader reader(body);
  const std::string_view command = trimmed(reader.string());
  if (!reader.ok()) return malformed("malformed Query message");
  if (command.empty()) {
    out.append(wire::kEmptyQueryResponse);
  } else if (const auto table = run(command, out)) {
    if (!table->columns.empty()) append_columns(*table, out);
    append_result(*table, out);
  }
  skipping_ = false;
  wire::append_ready_for_query(out, 'I');
}

void ConsoleSession::extended(char type, std::string_view body, base::Buffer& out) {
  switch (type) {
    case 'P':
      return parse(body, out);
    case 'B':
      return bind(body, out);
    case 'D':
      return describe(body, out);
    case 'E':
      return execute(body, out);
    case 'C':
      return close(body, out);
    default:  // Flush: nothing is held back
      return;
  }
}

void ConsoleSession::parse(std::string_view body, base::Buffer& out) {
  const auto parse = wire::parse_parse(body);
  if (!parse) return malformed(parse.error().message);
  keep(statements_, parse->statement, trimmed(parse->sql), out, wire::kParseComplete);
}

void ConsoleSession::bind(std::string_view body, base::Buffer& out) {
  wire::Bind bind;
  if (const auto parsed = wire::parse_bind(body, bind); !parsed) return malformed(parsed.error().message);
  if (!bind.parameters.empty())
    return fail({.code = "08P01", .message = "commands of pgweir's console take no parameters"}, out);
  if (const std::string* command = find(statements_, bind.statement, out))
    keep(portals_, bind.portal, *command, out, wire::kBindComplete);
}

void ConsoleSession::describe(std::string_view body, base::Buffer& out) {
  const auto target = wire::parse_target(body);
  if (!target) return malformed(target.error().message);
  const std::string* command = find(target->kind == 'S' ? statements_ : portals_, target->name, out);
  if (command == nullptr) return;
  const auto table = command->empty() ? ConsoleTable{} : run(*command, out);
  if (!table) return;
  if (target->kind == 'S') out.append(wire::kNoParameters);
  append_columns(*table, out);
}

void ConsoleSession::execute(std::string_view body, base::Buffer& out) {
  const auto execute = wire::parse_execute(body);
  if (!execute) return malformed(execute.error().message);
  const std::string* command = find(portals_, execute->portal, out);
  if (command == nullptr) return;
  if (command->empty()) return out.append(wire::kEmptyQueryResponse);
  if (const auto table = run(*command, out)) append_result(*table, out);
}

void ConsoleSession::close(std::string_view body, base::Buffer& out) {
  const auto target = wire::parse_target(body);
  if (!target) return malformed(target.error().message);
  Names& names = target->kind == 'S' ? statements_ : portals_;
  if (const auto found = names.find(target->name); found != names.end()) names.erase(found);
  out.append(wire::kCloseComplete);
}

void ConsoleSession::keep(Names& names, std::string_view name, std::string_view command, base::Buffer& out,
                          std::string_view done) {
  if (names.size() >= kNamesMax && !names.contains(name))
    return fail({.code = "53400", .message = "too many prepared statements or portals"}, out);
  names.insert_or_assign(std::string(name), std::string(command));
  out.append(done);
}

const std::string* ConsoleSession::find(const Names& names, std::string_view name, base::Buffer& out) {
  const auto found = names.find(name);
  if (found != names.end()) return &found->second;
  const bool portal = &names == &portals_;
  fail(
      {.code = portal ? "34000" : "26000",
       .message = (portal ? "portal \"" : "prepared statement \"") + std::string(name) + "\" does not exist"},
      out);
  return nullptr;
}

std::optional<ConsoleTable> ConsoleSession::run(std::string_view command, base::Buffer& out) {
  auto table = console_.run(command);
  if (table) return std::move(*table);
  fail(table.error(), out);
  return std::nullopt;
}

void ConsoleSession::fail(const wire::Complaint& complaint, base::Buffer& out) {
  wire::append_error(out, complaint);
  skipping_ = true;
}

}  // namespace pgweir::proxy
