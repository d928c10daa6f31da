#include "proxy/rule_stats.h"

#include <utility>

namespace pgweir::proxy {

void RuleStats::set_rules(std::shared_ptr<const query::Rules> rules) {
  Totals before;
  add_to(before);
  auto next = std::make_unique<Counters>();
  if (rules != nullptr) next->by_rule = decltype(next->by_rule)(rules->list().size());
  for (std::size_t i = 0; i < next->by_rule.size(); ++i) {
    const auto same = before.find(rules->list()[i].name);
    if (same == before.end()) continue;
    for (std::size_t outcome = 0; outcome < kOutcomes; ++outcome)
      next->by_rule[i][outcome].add(same->second[outcome]);
  }
  next->rules = std::move(rules);
  const std::lock_guard lock(mutex_);
  counters_ = std::move(next);
}

void RuleStats::add_to(Totals& totals) const {
  const std::lock_guard lock(mutex_);
  if (counters_ == nullptr) return;
  for (std::size_t i = 0; i < counters_->by_rule.size(); ++i) {
    auto& sums = totals[counters_->rules->list()[i].name];
    for (std::size_t outcome = 0; outcome < kOutcomes; ++outcome)
      sums[outcome] += counters_->by_rule[i][outcome].get();
  }
}

}  // namespace pgweir::proxy
