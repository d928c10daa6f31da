// What a reply says of its statement's fate, from the bytes as they come; the rows are passed over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "warm/outcome.h"
#include "wire/frame.h"

namespace pgweir::warm {

// Of one connection whose session has pgweir.explain on, one reply after another.
class ReplyReader {
 public:
  // Before a statement is sent.
  void begin();
  // True: its reply is complete, with ReadyForQuery. What has come behind that counts for the next one.
  bool take(std::string_view bytes);

  // How it fares, as far as the reply has come.
  Outcome outcome() const { return outcome_; }
  // It has failed since there is too much to do (SQLSTATE class 53).
  bool is_shed() const { return is_shed_; }
  // What came is not PostgreSQL's protocol.
  bool is_broken() const { return is_broken_; }

 private:
  void hear(char type, std::string_view body);

  static constexpr std::uint64_t kReplyBytesMax = std::uint64_t{1} << 31;
  static constexpr std::uint64_t kHeardBytesMax = std::uint64_t{1} << 20;

  std::string in_;                // the beginning of a message
  std::uint64_t skip_bytes_ = 0;  // of one that says nothing
  Outcome outcome_ = Outcome::kPassed;
  bool is_shed_ = false;
  bool is_broken_ = false;
};

}  // namespace pgweir::warm
