// What one worker counts for each rule of the configuration.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/counters.h"
#include "proxy/outcome.h"
#include "query/rules.h"

namespace pgweir::proxy {

class RuleStats {
 public:
  using Totals = std::map<std::string, std::array<std::uint64_t, kOutcomes>>;  // by the rule's name

  // On the worker's thread, or before it runs: the rules that count() means from now on; null: none. What
  // a rule of the same name has counted stays.
  void set_rules(std::shared_ptr<const query::Rules> rules);
  // On the worker's thread. REQUIRES: an index of those rules.
  void count(int rule, Outcome outcome) {
    counters_->by_rule[static_cast<std::size_t>(rule)][static_cast<std::size_t>(outcome)].add();
  }
  // Any thread.
  void add_to(Totals& totals) const;

 private:
  struct Counters {
    std::shared_ptr<const query::Rules> rules;
    std::vector<std::array<base::Counter, kOutcomes>> by_rule;
  };

  mutable std::mutex mutex_;
  std::unique_ptr<Counters> counters_;  // replaced under mutex_ by the worker's thread only
};

}  // namespace pgweir::proxy
