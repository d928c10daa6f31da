// PostgreSQL's own VOLATILE functions, by what calling one can do.
#pragma once

#include <cstdint>
#include <string_view>

namespace pgweir::query {

enum class VolatileEffect : std::uint8_t {
  kNone,      // only its result is volatile: random()
  kState,     // sequences, locks, notifications, sleeping: no table and no setting changes
  kSettings,  // set_config()
  kAnything,  // runs a query given as text, or is not on our list
};

VolatileEffect volatile_effect(std::string_view function);

}  // namespace pgweir::query
