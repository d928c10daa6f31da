// The part of QueryPath that tells what is worth asking again after a start.
#include "proxy/query_path.h"
#include "warm/samples.h"

namespace pgweir::proxy {

void QueryPath::sample(const Question& question, const cache::Entry& entry) {
  // Whoever wants everything explained is no traffic: a person who looks, or the warm-up itself.
  if (context_.explains()) return services_.samples->pass();
  const bool binds = question.bind != nullptr;
  services_.samples->add({.key = entry.key(),
                          .context = context_.key_prefix(),
                          .saved_ns = static_cast<double>(entry.cost),
                          .database = context_.database().name(),
                          .settings = context_.settings(),
                          .sql = question.sql,
                          .types = binds ? question.types : nullptr,
                          .bound = binds ? bound_values(batch_.raw) : std::string_view(),
                          .describes = question.describes});
}

}  // namespace pgweir::proxy
