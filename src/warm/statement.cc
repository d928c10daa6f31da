#include "warm/statement.h"

namespace pgweir::warm {

std::size_t SessionState::bytes() const {
  std::size_t bytes = sizeof *this + database.size() + settings.size();
  for (const std::string& schema : search_path) bytes += sizeof(std::string) + schema.size();
  return bytes;
}

std::size_t Statement::bytes() const {
  return sizeof *this + sql.size() + types.size() * sizeof(wire::Oid) + (bound ? bound->size() : 0);
}

}  // namespace pgweir::warm
