#include "proxy/reply_key.h"

#include <cstdint>
#include <string_view>

namespace pgweir::proxy {
base::SipHash128 key_seed(const base::HashSecret& secret, const base::Hash128& context,
                          const base::Hash128& text, const std::vector<wire::Oid>& types) {
  base::SipHash128 hash(secret);
  hash.update_hash(context);
  hash.update_hash(text);
  hash.update_u64(types.size());
  for (const wire::Oid type : types) hash.update_u64(type);
  return hash;
}

cache::Key simple_key(base::SipHash128 seed) {
  seed.update_u64(1);
  return seed.finish();
}

cache::Key extended_key(base::SipHash128 seed, const wire::Bind& bind, bool describes) {
  const bool all_text =
      bind.result_formats.empty() || (bind.result_formats.size() == 1 && bind.result_formats[0] == 0);
  const std::size_t formats = all_text ? 0 : bind.result_formats.size();  // a wrong count is an error
  // Each count is of 16 bits on the wire; together they say how many words follow.
  seed.update_u64((describes ? 1U : 0U) | std::uint64_t{bind.parameters.size()} << 8 |
                  std::uint64_t{formats} << 24);
  for (std::size_t i = 0; i < bind.parameters.size(); ++i) {
    const std::string_view value = bind.parameters[i];
    const std::uint64_t is_null = value.data() == nullptr ? 1 : 0;
    seed.update_u64(std::uint64_t{value.size()} << 24 | wire::format_of(bind.parameter_formats, i) << 1 |
                    is_null);
    seed.update_padded(value);
  }
  for (std::size_t i = 0; i < formats; ++i)
    seed.update_u64(static_cast<std::uint64_t>(bind.result_formats[i]));
  return seed.finish();
}

}  // namespace pgweir::proxy
