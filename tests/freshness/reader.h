// A client that reads: single statements, transactions, pipelines, in every protocol.
#pragma once

#include "session.h"

namespace pgweir::freshness {

// Its thread's.
class Reader {
 public:
  Reader(Run& run, int number);
  // Until the run is over.
  void run();

 private:
  std::size_t choose_kind();
  void once();
  void single();
  void twice();
  void in_transaction();
  void in_pipeline();
  void in_snapshot();

  Run& run_;
  Random random_;
  Session session_;
};

}  // namespace pgweir::freshness
