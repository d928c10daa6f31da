// The login: passes the client's authentication exchange through to PostgreSQL, changing only what a
// relay must (docs/decisions/0004-authentication.md). Bytes in, bytes out; opens no socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "wire/backend.h"
#include "wire/frame.h"
#include "wire/startup.h"

namespace pgweir::proxy {

// The newest minor version of protocol 3 that pgweir reads.
inline constexpr std::uint16_t kProtocolMinorMax = 2;

struct LoginFacts {
  bool client_is_local = false;
  bool upstream_uses_tls = false;
  bool allow_passwordless_remote = false;
};

// One session's, from its startup message to the first ReadyForQuery.
class Login {
 public:
  enum class Step : std::uint8_t {
    kContinue,
    kDone,     // ReadyForQuery was passed on
    kRefused,  // refusal() says why: send it to the client and close both sides
    kEnded,    // PostgreSQL has refused and will close; its error was passed on
  };

  Login(wire::StartupMessage startup, LoginFacts facts);

  void set_upstream_uses_tls(bool uses) { facts_.upstream_uses_tls = uses; }

  // What to send upstream first.
  void append_startup(base::Buffer& upstream) const;
  // One message of PostgreSQL's; what the client is to see is appended to `client`.
  Step from_upstream(const wire::Message& message, base::Buffer& client);
  // One message of the client's; false: kRefused.
  bool from_client(const wire::Message& message, base::Buffer& upstream);

  const wire::Complaint& refusal() const { return refusal_; }
  const wire::StartupMessage& startup() const { return startup_; }
  // The backend's process id and secret; empty key: none was sent.
  const wire::CancelRequest& cancel_key() const { return cancel_key_; }
  bool is_physical_replication() const;
  // Physical or logical.
  bool is_replication() const;
  // The database asked for, as PostgreSQL would default it.
  std::string database() const;

 private:
  Step authentication(const wire::Message& message, base::Buffer& client);
  Step sasl(std::string_view data, base::Buffer& client);
  void negotiate(const wire::Message* from_upstream, base::Buffer& client);
  Step refuse(std::string_view code, std::string message, std::string hint);

  wire::StartupMessage startup_;
  std::uint32_t requested_version_;
  std::vector<std::string> withheld_options_;  // _pq_ options that pgweir does not know
  LoginFacts facts_;
  bool negotiated_ = false;
  bool secret_was_asked_ = false;
  bool sasl_started_ = false;
  bool authenticated_ = false;
  wire::CancelRequest cancel_key_;
  wire::Complaint refusal_;
};

}  // namespace pgweir::proxy
