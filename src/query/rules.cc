#include "query/rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "query/catalog.h"
#include "query/syntax.h"
#include "query/template_text.h"

namespace pgweir::query {
namespace {

constexpr std::int64_t kRegexBytesMax = 256 << 10;  // of one, compiled

re2::RE2::Options regex_options() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kRegexBytesMax);
  options.set_never_capture(true);
  return options;
}

bool reads_relation(const Name& wanted, const std::set<Oid>& reads, const Catalog& catalog) {
  return std::ranges::any_of(reads, [&](Oid oid) {
    const Relation* const relation = catalog.relation(oid);
    return relation != nullptr && relation->name == wanted.name && relation->schema == wanted.schema;
  });
}

}  // namespace

struct Rules::Regexes {
  std::vector<std::unique_ptr<re2::RE2>> by_rule;  // null: none given
};

base::Result<void> check_regex(std::string_view regex) {
  const re2::RE2 compiled(re2::StringPiece(regex.data(), regex.size()), regex_options());
  if (compiled.ok()) return {};
  return base::fail(base::ErrorCode::kInvalid, compiled.error());
}

Rules::Rules() : regexes_(std::make_unique<Regexes>()) {}
Rules::~Rules() = default;

base::Result<std::shared_ptr<const Rules>> Rules::make(std::vector<RuleConfig> list) {
  if (list.size() > kCountMax) return base::fail(base::ErrorCode::kLimit, "too many rules");
  const std::shared_ptr<Rules> rules(new Rules());
  for (const RuleConfig& rule : list) {
    auto& regex = rules->regexes_->by_rule.emplace_back();
    rules->wants_fingerprint_ = rules->wants_fingerprint_ || rule.fingerprint;
    if (rule.regex.empty()) continue;
    rules->wants_text_ = true;
    regex = std::make_unique<re2::RE2>(rule.regex, regex_options());
    if (!regex->ok()) return base::fail(base::ErrorCode::kInvalid, rule.name + ": " + regex->error());
  }
  rules->list_ = std::move(list);
  return std::shared_ptr<const Rules>(rules);
}

Rules::Candidates Rules::candidates(std::string_view sql) const {
  const auto print = wants_fingerprint_ ? fingerprint(sql) : std::nullopt;
  const std::string text = wants_text_ ? template_text(sql) : std::string();
  Candidates out;
  for (std::size_t i = 0; i < list_.size(); ++i) {
    if (list_[i].fingerprint && list_[i].fingerprint != print) continue;
    const auto& regex = regexes_->by_rule[i];
    if (regex != nullptr && !re2::RE2::PartialMatch(text, *regex)) continue;
    out.push_back(static_cast<std::uint16_t>(i));
  }
  out.shrink_to_fit();
  return out;
}

const RuleConfig* Rules::first(std::span<const std::uint16_t> candidates, const std::set<Oid>& reads,
                               const Catalog& catalog) const {
  for (const std::uint16_t i : candidates) {
    const RuleConfig& rule = list_[i];
    if (!rule.relation || reads_relation(*rule.relation, reads, catalog)) return &rule;
  }
  return nullptr;
}

}  // namespace pgweir::query
