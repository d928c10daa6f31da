// A client that keeps changing its settings and reads the same statements as others with other settings.
// What each reply must look like under each of them PostgreSQL itself has said, directly.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "session.h"

namespace pgweir::freshness {

// Its thread's.
class SettingsReader {
 public:
  SettingsReader(Run& run, int number);
  // Until the run is over.
  void run();

 private:
  using Values = std::map<std::string, std::string>;

  void connect();
  void touch();
  void change();
  void change_in_transaction();
  bool set(const std::string& name, const std::string& value);
  void ask();
  std::string expected(const char* question, const Values& values);

  Run& run_;
  const int number_;
  Random random_;
  Connection connection_;
  Connection direct_;
  Values started_with_;
  Values now_;
  std::map<std::string, std::string> expected_;  // question and settings -> reply
  bool is_certain_ = false;                      // the settings are as we think
};

}  // namespace pgweir::freshness
