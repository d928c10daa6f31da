// The list of statements as a file of the state directory. It holds texts and values, so it is for its
// owner's eyes only; and it is read as what anybody may have written.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"
#include "warm/statement.h"

namespace pgweir::warm {

inline constexpr std::size_t kFileBytesMax = std::size_t{16} << 20;

// user: the role whose statements they are. The secret keys the checksum.
std::string encode_list(const List& list, std::string_view user, const base::HashSecret& secret);
// kInvalid: damaged, of another secret, or of another user. What is accepted can be sent as it is.
base::Result<List> decode_list(std::string_view bytes, std::string_view user, const base::HashSecret& secret);

// Nothing if there is no such file. kInvalid as decode_list. kUnavailable: it cannot be read, or must not
// be: it is somebody else's, others may read or write it, it is no regular file; the message says the fix.
base::Result<std::optional<List>> load_list(const std::string& path, std::string_view user,
                                            const base::HashSecret& secret);
// In place of what is there, all or nothing, with mode 0600. May block for as long as the disk does.
base::Result<void> save_list(const std::string& path, std::string_view bytes);

}  // namespace pgweir::warm
