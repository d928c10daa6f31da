// From PostgreSQL to the client: passes replies on as they arrive, follows which statement each
// belongs to, collects the replies to misses, and keeps back the answers to pgweir's own questions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/channel.h"
#include "proxy/query_path.h"
#include "proxy/services.h"
#include "wire/frame.h"

namespace pgweir::proxy {

// One session's, after its login, on its worker's thread.
class ReplyPath {
 public:
  ReplyPath(Services& services, Channel& client, QueryPath& query_path)
      : services_(services), client_(client), query_path_(query_path) {}

  // Takes from the start of input what can be passed on, and gives back how many bytes it took; what
  // it left must be given again when more has arrived.
  std::size_t process(std::string_view input);
  // The session must end with this error: PostgreSQL's replies make no sense (any more).
  const std::optional<wire::Complaint>& fault() const { return fault_; }
  // Both sides are to be passed on unread from here on.
  bool opaque() const { return opaque_; }
  // PostgreSQL's last word was an error: if it closes now it has said why. Behind its farewell may come
  // notices.
  bool said_why() const { return farewell_ || last_type_ == 'E'; }
  // The backend has said that it ends: nothing commits after that.
  bool said_farewell() const { return farewell_; }

 private:
  // What becomes of a message.
  enum class Fate : std::uint8_t { kPass, kSwallow, kIncomplete, kFault };

  Fate take(const wire::Header& header, std::string_view available);
  Fate take_injected(char type, std::string_view body);
  // What becomes of a message while an old reply may still take the place of this one; none: as without.
  std::optional<Fate> weigh(Group& group, const wire::Header& header, std::string_view available);
  Fate take_ready(std::string_view body);
  void note(char type, std::string_view body);
  Fate lost(std::string message);

  Services& services_;
  Channel& client_;
  QueryPath& query_path_;
  std::uint64_t left_ = 0;  // bytes of a message whose beginning was passed on
  char left_type_ = 0;
  bool left_unseen_ = false;  // the beginning was thrown away, and so is the rest
  char last_type_ = 0;
  bool opaque_ = false;
  bool farewell_ = false;
  std::optional<wire::Complaint> fault_;
};

}  // namespace pgweir::proxy
