#include "simulate/sparse_device.h"

#include <cstring>

namespace pgweir::simulate {

base::Result<std::size_t> SparseDevice::read(std::uint64_t at, std::span<char> out) const {
  const std::uint64_t end = std::min(size_bytes_, at + out.size());
  for (std::uint64_t pos = at; pos < end;) {
    const std::uint64_t begin = pos % kPageBytes, n = std::min(kPageBytes - begin, end - pos);
    const auto page = pages_.find(pos / kPageBytes);
    char* const into = out.data() + (pos - at);
    if (page == pages_.end()) {
      std::memset(into, 0, n);
    } else {
      std::memcpy(into, page->second->data() + begin, n);
    }
    pos += n;
  }
  return at < end ? end - at : 0;
}

base::Result<void> SparseDevice::write(std::uint64_t at, std::string_view bytes) {
  if (at + bytes.size() > size_bytes_)
    return base::fail(base::ErrorCode::kLimit, "a write past the end of the simulated disk");
  written_bytes_ += bytes.size();
  while (!bytes.empty()) {
    const std::uint64_t begin = at % kPageBytes;
    const std::string_view part = bytes.substr(0, kPageBytes - begin);
    const bool zero = part.find_first_not_of('\0') == std::string_view::npos;
    auto& page = pages_[at / kPageBytes];
    if (zero && part.size() == kPageBytes) {
      page.reset();
    } else if (!zero || page != nullptr) {
      if (page == nullptr) page = std::make_unique<Page>();
      std::memcpy(page->data() + begin, part.data(), part.size());
    }
    if (page == nullptr) pages_.erase(at / kPageBytes);
    at += part.size();
    bytes.remove_prefix(part.size());
  }
  return {};
}

}  // namespace pgweir::simulate
