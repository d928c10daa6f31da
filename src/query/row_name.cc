#include "query/row_name.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace pgweir::query {
namespace {

// pg_type.dat; oids never change.
constexpr Oid kBool = 16, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25, kVarchar = 1043, kUuid = 2950;

// What PostgreSQL's input functions skip.
constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && is_space(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_space(s.back())) s.remove_suffix(1);
  return s;
}

std::string big_endian(std::int64_t value) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (56 - 8 * i));
  }
  return bytes;
}

// Digits with an optional sign.
std::optional<std::int64_t> decimal(std::string_view s) {
  if (s.starts_with('+')) {
    s.remove_prefix(1);
    if (s.starts_with('-')) return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (error != std::errc{} || end != s.data() + s.size()) return std::nullopt;
  return value;
}

bool in_range(Oid type, std::int64_t value) {
  switch (type) {
    case kInt2:
      return value >= std::numeric_limits<std::int16_t>::min() &&
             value <= std::numeric_limits<std::int16_t>::max();
    case kInt4:
      return value >= std::numeric_limits<std::int32_t>::min() &&
             value <= std::numeric_limits<std::int32_t>::max();
    default:
      return true;
  }
}

// Two's complement, big endian, of 2, 4 or 8 bytes.
std::optional<std::int64_t> binary_integer(Oid type, std::string_view bytes) {
  const std::size_t n = bytes.size();
  if (n != 2 && n != 4 && n != 8) return std::nullopt;
  if ((type == kInt2 && n != 2) || (type == kInt4 && n != 4) || (type == kInt8 && n != 8))
    return std::nullopt;
  std::uint64_t value = (static_cast<unsigned char>(bytes.front()) & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(value);
}

std::optional<std::string> integer(Oid column_type, const RawValue& value) {
  std::optional<std::int64_t> number;
  switch (value.form) {
    case RawValue::Form::kNumber:
      number = decimal(value.bytes);
      break;
    case RawValue::Form::kText:
      number = decimal(trimmed(value.bytes));
      if (number && !in_range(value.type == 0 ? column_type : value.type, *number)) return std::nullopt;
      break;
    case RawValue::Form::kBinary:
      number = binary_integer(value.type, value.bytes);
      break;
  }
  if (!number) return std::nullopt;
  return big_endian(*number);
}

bool is_prefix(std::string_view s, std::string_view word, std::size_t at_least) {
  if (s.size() < at_least || s.size() > word.size()) return false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (lower(s[i]) != word[i]) return false;
  }
  return true;
}

// As boolin does: any beginning of the words that tells them apart.
std::optional<bool> truth(std::string_view s) {
  if (is_prefix(s, "true", 1) || is_prefix(s, "yes", 1) || is_prefix(s, "on", 2) || s == "1") return true;
  if (is_prefix(s, "false", 1) || is_prefix(s, "no", 1) || is_prefix(s, "off", 2) || s == "0") return false;
  return std::nullopt;
}

std::optional<std::string> boolean(const RawValue& value) {
  std::optional<bool> result;
  if (value.form == RawValue::Form::kText) result = truth(trimmed(value.bytes));
  if (value.form == RawValue::Form::kBinary && value.bytes.size() == 1) result = value.bytes.front() != '\0';
  if (!result) return std::nullopt;
  return std::string(1, *result ? '\1' : '\0');
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// The usual form, with its hyphens or without any.
std::optional<std::string> uuid_of_text(std::string_view s) {
  constexpr std::array<std::size_t, 4> kHyphens = {8, 13, 18, 23};
  std::string digits;
  const bool hyphens = s.size() == 36;
  if (!hyphens && s.size() != 32) return std::nullopt;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const bool hyphen = hyphens && std::ranges::find(kHyphens, i) != kHyphens.end();
    if (hyphen != (s[i] == '-')) return std::nullopt;
    if (!hyphen) digits.push_back(s[i]);
  }
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = hex_digit(digits[i]);
    const int low = hex_digit(digits[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

std::optional<std::string> uuid(const RawValue& value) {
  if (value.form == RawValue::Form::kText) return uuid_of_text(value.bytes);
  if (value.form == RawValue::Form::kBinary && value.bytes.size() == 16) return std::string(value.bytes);
  return std::nullopt;
}

base::SipHash128 begin_name(const base::HashSecret& secret, char kind, Oid relation,
                            std::span<const Attnum> columns) {
  base::SipHash128 hash(secret);
  hash.update_u64(std::uint64_t{static_cast<unsigned char>(kind)} << 32 | relation);
  hash.update_u64(columns.size());
  for (const Attnum column : columns) hash.update_u64(static_cast<std::uint64_t>(column));
  return hash;
}

}  // namespace

ValueFamily value_family(Oid type) {
  switch (type) {
    case kInt2:
    case kInt4:
    case kInt8:
      return ValueFamily::kInteger;
    case kBool:
      return ValueFamily::kBool;
    case kUuid:
      return ValueFamily::kUuid;
    case kText:
    case kVarchar:
      return ValueFamily::kText;
    default:
      return ValueFamily::kNone;
  }
}

std::optional<std::string> canonicalize(Oid column_type, const RawValue& value) {
  const ValueFamily family = value_family(column_type);
  // Of another family it may be compared by an operator that sees other values as equal.
  if (value.type != 0 && value_family(value.type) != family) return std::nullopt;
  switch (family) {
    case ValueFamily::kNone:
      return std::nullopt;
    case ValueFamily::kInteger:
      return integer(column_type, value);
    case ValueFamily::kBool:
      return boolean(value);
    case ValueFamily::kUuid:
      return uuid(value);
    case ValueFamily::kText:
      if (value.form == RawValue::Form::kNumber) return std::nullopt;
      return std::string(value.bytes);
  }
  return std::nullopt;
}

std::uint64_t row_name(const base::HashSecret& secret, Oid relation, std::span<const Attnum> columns,
                       std::span<const std::string> values) {
  base::SipHash128 hash = begin_name(secret, 'r', relation, columns);
  for (const std::string& value : values) hash.update_field(value);
  return hash.finish().lo;
}

std::uint64_t any_name(const base::HashSecret& secret, Oid relation, std::span<const Attnum> columns) {
  return begin_name(secret, 'a', relation, columns).finish().lo;
}

}  // namespace pgweir::query
