#include "simulate/trace.h"

#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "simulate/text_file.h"

namespace pgweir::simulate {
namespace {

constexpr std::size_t kColumnsMin = 4, kColumnsMax = 5;
constexpr std::array<std::string_view, kColumnsMax> kColumns{"time_ms", "key", "size_bytes", "cost_us",
                                                             "ttl_ms"};
constexpr std::string_view kForm = "time_ms,key,size_bytes,cost_us[,ttl_ms]";
constexpr std::int64_t kTimeMax = std::int64_t{1} << 42;  // 139 years of milliseconds
constexpr std::size_t kRowsBetweenProgress = 1 << 16;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

struct Row {
  std::array<std::string_view, kColumnsMax> fields;
  std::size_t size = 0;
  std::string key;  // a quoted one, without its quotes
};

// Empty: all is well.
std::string split(std::string_view line, Row& row) {
  row.size = 0;
  for (bool more = true; more;) {
    if (row.size == kColumnsMax) return "more than five columns";
    std::string_view& field = row.fields[row.size];
    if (row.size == 1 && line.starts_with('"')) {
      row.key.clear();
      std::size_t at = 1;
      for (;; ++at) {
        const std::size_t quote = line.find('"', at);
        if (quote == std::string_view::npos) return "the key's closing quote is missing";
        row.key += line.substr(at, quote - at);
        at = quote + 1;
        if (at == line.size() || line[at] != '"') break;
        row.key += '"';
      }
      if (at != line.size() && line[at] != ',') return "text follows the key's closing quote";
      field = row.key;
      more = at != line.size();
      line.remove_prefix(more ? at + 1 : at);
    } else {
      const std::size_t comma = line.find(',');
      more = comma != std::string_view::npos;
      field = line.substr(0, comma);
      line.remove_prefix(more ? comma + 1 : line.size());
    }
    ++row.size;
  }
  return row.size < kColumnsMin ? "fewer than four columns" : "";
}

template <class Number>
std::string number(const Row& row, std::size_t column, std::int64_t max, Number& out) {
  const std::string_view text = row.fields[column];
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > max) {
    return std::string(kColumns[column]) + " is \"" + std::string(text.substr(0, 40)) +
           "\", not a whole number from 0 to " + std::to_string(max);
  }
  out = static_cast<Number>(value);
  return "";
}

std::string read_request(const Row& row, Request& request) {
  constexpr std::int64_t kMax = UINT32_MAX - 1;
  std::string why = number(row, 0, kTimeMax, request.time_ms);
  if (why.empty()) why = number(row, 2, kMax, request.size_bytes);
  if (why.empty()) why = number(row, 3, kMax, request.cost_us);
  request.ttl_ms = Request::kForever;
  if (why.empty() && row.size == kColumnsMax && !row.fields[4].empty())
    why = number(row, 4, kMax, request.ttl_ms);
  return why;
}

bool names_columns(const Row& row) { return row.fields[0] == kColumns[0]; }

std::string check_names(const Row& row) {
  for (std::size_t i = 0; i < row.size; ++i)
    if (row.fields[i] != kColumns[i])
      return "column " + std::to_string(i + 1) + " is \"" + std::string(row.fields[i].substr(0, 40)) + "\"";
  return "";
}

}  // namespace

base::Result<Trace> read_trace(const std::string& path, const Progress& progress) {
  auto file = TextFile::open(path);
  if (!file) return std::unexpected(file.error());
  Trace trace;
  std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> keys;
  Row row;
  std::uint64_t number = 0;
  const auto fail = [&](const std::string& why) {
    return base::fail(base::ErrorCode::kInvalid,
                      path + ":" + std::to_string(number) + ": " + why + "; a row is " + std::string(kForm));
  };
  for (std::string_view line;;) {
    const auto more = file->next(line);
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    ++number;
    if (line.empty()) continue;
    if (const std::string why = split(line, row); !why.empty()) return fail(why);
    if (number == 1 && names_columns(row)) {
      if (const std::string why = check_names(row); !why.empty()) return fail(why);
      continue;
    }
    Request request;
    if (const std::string why = read_request(row, request); !why.empty()) return fail(why);
    if (!trace.requests.empty() && request.time_ms < trace.requests.back().time_ms)
      return fail("time_ms is before that of the row above: sort the rows by time");
    auto known = keys.find(row.fields[1]);
    if (known == keys.end()) {
      if (trace.keys == UINT32_MAX) return fail("more than 2^32 keys");
      known = keys.emplace(std::string(row.fields[1]), trace.keys++).first;
    }
    request.key = known->second;
    trace.requests.push_back(request);
    if (progress && trace.requests.size() % kRowsBetweenProgress == 0) progress(file->progress());
  }
  if (trace.requests.empty()) return fail("there are no requests in it");
  return trace;
}

}  // namespace pgweir::simulate
