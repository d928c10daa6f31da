// Who is behind a cancel key: CancelRequest arrives on a connection of its own, at any worker.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "io/loop.h"
#include "io/socket.h"
#include "wire/startup.h"

namespace pgweir::proxy {

class Session;

// Any thread.
class CancelRegistry {
 public:
  struct Owner {
    io::Loop* loop;  // the session's worker; outlives the registry's use
    std::weak_ptr<Session> session;
    io::SocketAddress upstream;
  };

  void add(const wire::CancelRequest& key, Owner owner);
  void remove(const wire::CancelRequest& key);
  std::optional<Owner> find(const wire::CancelRequest& key) const;

 private:
  static std::string name(const wire::CancelRequest& key);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Owner> owners_;  // guarded by mutex_
};

}  // namespace pgweir::proxy
