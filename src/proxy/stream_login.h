// How the change stream logs in: sync.user at the upstream of the sessions.
#pragma once

#include <optional>

#include "proxy/config.h"
#include "sync/config.h"
#include "sync/follower.h"

namespace pgweir::proxy {

// nullopt: changes are not to be followed. Any thread.
std::optional<sync::FollowerConfig> follower_config(const sync::SyncConfig& sync,
                                                    const UpstreamConfig& upstream);

}  // namespace pgweir::proxy
