// For tests: the bytes of a change stream.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::sync {

inline std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}
inline std::string u16(std::uint64_t value) { return big_endian(value, 2); }
inline std::string u32(std::uint64_t value) { return big_endian(value, 4); }
inline std::string u64(std::uint64_t value) { return big_endian(value, 8); }
inline std::string zero_ended(std::string_view text) { return std::string(text) + '\0'; }

inline std::string begin_message(std::uint32_t xid, std::uint64_t commit_lsn = 1) {
  return "B" + u64(commit_lsn) + u64(0) + u32(xid);
}
inline std::string commit_message(std::uint64_t end_lsn) {
  return "C" + std::string(1, '\0') + u64(end_lsn - 1) + u64(end_lsn) + u64(0);
}
// The first column is the identity.
inline std::string relation_message(std::uint32_t oid, const std::vector<std::string>& columns) {
  std::string out = "R" + u32(oid) + zero_ended("public") + zero_ended("t") + "d" + u16(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i)
    out += std::string(1, i == 0 ? '\1' : '\0') + zero_ended(columns[i]) + u32(23) + u32(0xffffffff);
  return out;
}
inline std::string row(const std::vector<std::string>& values) {
  std::string out = u16(values.size());
  for (const std::string& value : values) out += "t" + u32(value.size()) + value;
  return out;
}
inline std::string logical_message(std::string_view prefix, std::string_view content) {
  return "M" + std::string(1, '\1') + u64(1) + zero_ended(prefix) + u32(content.size()) +
         std::string(content);
}

}  // namespace pgweir::sync
