// The part of rules.h that is about functions.
#include <algorithm>
#include <array>

#include "query/catalog.h"
#include "query/rules.h"

namespace pgweir::query {
namespace {

constexpr std::string_view kBlanks = " \t\n\r\f";

// Built-in functions, not IMMUTABLE in some overload, whose results depend on arguments, session settings
// that are in the key, and the clock or chance: never on who asks, on rows, or on the server's state. Sorted.
constexpr auto kBuiltins = std::to_array<std::string_view>({
    "array_to_json",
    "array_to_string",
    "clock_timestamp",
    "concat",
    "concat_ws",
    "date_part",
    "date_trunc",
    "extract",
    "format",
    "gen_random_uuid",
    "generate_series",
    "json_agg",
    "json_build_array",
    "json_build_object",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_object_agg",
    "make_timestamptz",
    "now",
    "random",
    "row_to_json",
    "statement_timestamp",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "transaction_timestamp",
});
static_assert(std::ranges::is_sorted(kBuiltins));

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Lower case unless quoted, with one blank for any white space.
std::string folded(std::string_view text) {
  const bool quoted = text.find('"') != std::string_view::npos;
  std::string out;
  for (const char c : text) {
    if (kBlanks.find(c) != std::string_view::npos) {
      if (!out.ends_with(' ')) out += ' ';
    } else {
      out += !quoted && c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
  }
  return out;
}

// As format_type() writes it.
std::string type_name(std::string_view text) {
  struct Alias {
    std::string_view name, formatted;
  };
  static constexpr auto kAliases = std::to_array<Alias>({
      {"bool", "boolean"},
      {"bpchar", "character"},
      {"char", "character"},
      {"decimal", "numeric"},
      {"float", "double precision"},
      {"float4", "real"},
      {"float8", "double precision"},
      {"int", "integer"},
      {"int2", "smallint"},
      {"int4", "integer"},
      {"int8", "bigint"},
      {"time", "time without time zone"},
      {"timestamp", "timestamp without time zone"},
      {"timestamptz", "timestamp with time zone"},
      {"timetz", "time with time zone"},
      {"varbit", "bit varying"},
      {"varchar", "character varying"},
  });
  std::string name = folded(trimmed(text));
  const bool is_array = name.ends_with("[]");
  if (is_array) name = folded(trimmed(std::string_view(name).substr(0, name.size() - 2)));
  if (const auto alias = std::ranges::find(kAliases, name, &Alias::name); alias != kAliases.end())
    name = alias->formatted;
  return is_array ? name + "[]" : name;
}

bool trusts(std::span<const TrustedFunction> trust, std::string_view name, const Overload& overload) {
  return std::ranges::any_of(trust, [&](const TrustedFunction& f) {
    return f.name.name == name && f.name.schema == overload.schema &&
           (!f.arguments || *f.arguments == overload.arguments);
  });
}

std::unexpected<base::Error> refuse(std::string message) {
  return base::fail(base::ErrorCode::kInvalid, std::move(message));
}

}  // namespace

base::Result<TrustedFunction> parse_trusted_function(std::string_view text) {
  text = trimmed(text);
  const std::size_t open = text.find('(');
  const std::string_view name = trimmed(text.substr(0, open));
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == name.size() || name.ends_with(')'))
    return refuse("write schema.function(argument types), such as \"public.tax(numeric, text)\"");
  TrustedFunction out{{std::string(name.substr(0, dot)), std::string(name.substr(dot + 1))}, {}};
  if (open != std::string_view::npos) {
    const std::string_view list = text.substr(open + 1, text.size() - open - 2);
    if (!text.ends_with(')') || list.find_first_of("()") != std::string_view::npos)
      return refuse("argument types stand between ( and ), without sizes: \"public.tax(numeric, text)\"");
    std::string& arguments = out.arguments.emplace();
    for (std::string_view rest = list; !trimmed(list).empty();) {
      const std::size_t comma = rest.find(',');
      const std::string type = type_name(rest.substr(0, comma));
      if (type.empty()) return refuse("an argument type is missing between commas");
      arguments += (arguments.empty() ? "" : ", ") + type;
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  if (out.name.schema == "information_schema" || out.name.schema.starts_with("pg_temp"))
    return refuse("functions of this schema cannot be trusted");
  if (out.name.schema != "pg_catalog") return out;
  if (out.arguments) return refuse("built-in functions go by name: write \"" + std::string(name) + "\"");
  if (!std::ranges::binary_search(kBuiltins, std::string_view(out.name.name)))
    return refuse(
        "this built-in function cannot be trusted: what it gives may depend on who asks, or it does more");
  return out;
}

bool trusts_added(std::span<const TrustedFunction> trust, const Name& name, const Catalog& catalog,
                  const SearchPath& path) {
  if (trust.empty()) return false;
  bool found = false;
  for (const Overload& overload : catalog.overloads(name.name)) {
    const bool reachable = name.schema.empty()
                               ? std::ranges::find(path.schemas(), overload.schema) != path.schemas().end()
                               : overload.schema == name.schema;
    if (!reachable) continue;
    if (!trusts(trust, name.name, overload)) return false;
    found = true;
  }
  return found;
}

bool trusts_builtin(std::span<const TrustedFunction> trust, std::string_view name) {
  return std::ranges::any_of(
      trust, [&](const TrustedFunction& f) { return f.name.schema == "pg_catalog" && f.name.name == name; });
}

}  // namespace pgweir::query
