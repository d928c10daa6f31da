// The policies there are, by name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pgweir::cache {

// What each keeps: policy.h.
enum class PolicyKind : std::uint8_t { kS3Fifo, kLru, kCost };

inline constexpr std::array<std::string_view, 3> kPolicyNames{"s3fifo", "lru", "cost"};

constexpr std::string_view name(PolicyKind kind) { return kPolicyNames[static_cast<std::size_t>(kind)]; }

constexpr std::optional<PolicyKind> policy_of_name(std::string_view name) {
  for (std::size_t i = 0; i < kPolicyNames.size(); ++i)
    if (kPolicyNames[i] == name) return static_cast<PolicyKind>(i);
  return std::nullopt;
}

}  // namespace pgweir::cache
