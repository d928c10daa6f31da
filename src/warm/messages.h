// A recorded statement as messages, such as the client has sent it.
#pragma once

#include "base/buffer.h"
#include "warm/statement.h"

namespace pgweir::warm {

// A simple query, or a batch on the unnamed statement and portal up to Sync: the reply has the same key.
void append_messages(base::Buffer& out, const Statement& statement);

}  // namespace pgweir::warm
