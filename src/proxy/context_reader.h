// Reads what a session's replies depend on, over its own connection: the catalog (once for all sessions of
// the database), the session's settings, and which prepared statements its backend has. What cannot be
// read stays unknown, and nothing is cached meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "proxy/context.h"
#include "proxy/injected.h"
#include "proxy/prepared.h"
#include "proxy/services.h"

namespace pgweir::proxy {

// One session's, on its worker's thread.
class ContextReader {
 public:
  using Ask = std::function<void(std::string_view sql, std::unique_ptr<InjectedReply> reply)>;

  // ask: sends a question to the session's backend, which must be at rest. done: has read what it could;
  // may be called before read() returns. waiter: woken when a load that was waited for has ended.
  ContextReader(Services& services, Context& context, PreparedStatements& prepared,
                std::shared_ptr<cache::Waiter> waiter, Ask ask, std::function<void()> done);
  ~ContextReader();
  ContextReader(const ContextReader&) = delete;
  ContextReader& operator=(const ContextReader&) = delete;

  // Reads what is not known; the catalog first, since DDL may change what a search path comes to.
  void read();
  // The catalog even if it is known: it lacks a name that may be new.
  void read_catalog();
  // What it asked could not be sent: it reads no more.
  void abandon();
  // The waiter was woken.
  void woken();

 private:
  void load_catalog();
  void load_catalog(const DatabaseCatalog::LoadTicket& ticket);
  void catalog_done();
  void probe_settings();
  void check_statements();
  void end();
  void stop_timer();

  Services& services_;
  Context& context_;
  PreparedStatements& prepared_;
  std::shared_ptr<cache::Waiter> waiter_;
  Ask ask_;
  std::function<void()> done_;
  bool catalog_tried_ = false;
  bool awaits_load_ = false;  // by another session
  io::TimerId timer_ = 0;
};

}  // namespace pgweir::proxy
