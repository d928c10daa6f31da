// A connection to pgweir's own listener over which recorded statements are asked again. It goes the way of
// any client's, so what it asks is judged, keyed, filled and limited as theirs is. Its session is read-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "query/session_settings.h"
#include "sync/connection.h"
#include "warm/outcome.h"
#include "warm/reply_reader.h"
#include "warm/statement.h"

namespace pgweir::warm {

// SQL that makes a session with these settings, of which `own` differ from PostgreSQL's defaults, one with
// those of `wanted` instead; empty: it is. Both as query::SessionSettings::digest.
std::string adopting_sql(std::string_view own, std::string_view wanted);

// One thread's. Errors: kClosed: told to stop; kUnavailable: the connection is lost, or cannot be had;
// kLimit: there is too much to do already, and the connection is as before.
class Replay {
 public:
  // stop: as sync::Connection's.
  Replay(const sync::Wakeup& stop, const base::Clock& clock)
      : stop_(stop), clock_(clock), connection_(stop, clock) {}
  // Ends what still runs.
  ~Replay();
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  // login: as libpq's; of a listener without TLS.
  base::Result<void> connect(const sync::Connection::Parameters& login);
  // Of the session as it is. Has pgweir read the database's catalog, if it does not know it.
  base::Result<query::SessionSettings> settings();
  // Makes the session one like those. kInvalid: it cannot be.
  base::Result<query::SessionSettings> adopt(const SessionState& wanted, std::string_view user);
  // Sends it and hears the reply out, which is thrown away.
  base::Result<Outcome> ask(const Statement& statement);

 private:
  base::Result<void> send(std::string_view bytes, base::Nanos deadline);
  base::Result<Outcome> hear(base::Nanos deadline);
  base::Result<void> wait(short events, base::Nanos deadline) const;

  const sync::Wakeup& stop_;
  const base::Clock& clock_;
  sync::Connection connection_;
  ReplyReader reader_;
  bool is_asking_ = false;
};

}  // namespace pgweir::warm
