// What answers if PostgreSQL fails to: a reply whose ttl is over, for which its rule allows that
// (stale_if_error). Until the first row, what comes of the new reply is withheld, so that the old one can
// still take its place. PostgreSQL sends it together with the first row or the error anyway.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "cache/entry.h"

namespace pgweir::proxy {

// One session's, on its worker's thread.
class Fallback {
 public:
  // parses: a ParseComplete belongs to the reply; binds: a BindComplete.
  Fallback(cache::EntryRef entry, bool parses, bool binds)
      : entry_(std::move(entry)), parses_(parses), binds_(binds) {}

  // What becomes of a message of the new reply.
  enum class Step : std::uint8_t {
    kAside,     // none of its own: pass it on, and go on
    kWithhold,  // give it to withhold()
    kGiveUp,    // append_withheld() first, then pass it on; the fallback has had its time
    kAnswer,    // append_answer() instead of it; nothing more of this reply is for the client
  };
  // body: of the whole message, as far as type is one of those to be read whole.
  Step step(char type, std::string_view body) const;
  static bool reads_whole(char type) { return type == '1' || type == '2' || type == 'T' || type == 'E'; }

  void withhold(std::string_view message) { withheld_ += message; }
  std::string_view withheld() const { return withheld_; }
  const cache::EntryRef& entry() const { return entry_; }
  // reply: what the entry holds. Without ReadyForQuery.
  void append_answer(std::string_view reply, base::Buffer& out) const;
  // The client does not want an answer any more.
  void forbid() { forbidden_ = true; }

 private:
  cache::EntryRef entry_;
  std::string withheld_;
  bool parses_;
  bool binds_;
  bool forbidden_ = false;
};

}  // namespace pgweir::proxy
