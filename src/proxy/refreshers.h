// The sessions of one worker, for their connections: a reply that is to be asked anew with nobody waiting for
// it is asked over one whose client is idle.
#pragma once

#include <cstddef>
#include <vector>

#include "base/clock.h"

namespace pgweir::proxy {

class Context;
class QueryPath;

// On the worker's thread.
class Refreshers {
 public:
  void add(QueryPath& path) { paths_.push_back(&path); }
  void remove(QueryPath& path);

  // One whose replies are the same as this session's: of equal database, role and settings. Its client has
  // been idle for longer than a fill of this cost takes, several times. Null if none is found soon.
  QueryPath* find(const Context& context, base::Nanos cost, base::Nanos now);

 private:
  std::vector<QueryPath*> paths_;
  std::size_t next_ = 0;
};

}  // namespace pgweir::proxy
