// Any text gives a configuration or findings; a configuration that was shown reads back the same.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "config/config.h"
#include "config/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgweir::config;
  const std::string text(data, data + size);
  const auto loaded = load(text, "fuzz.toml");
  if (!loaded) {
    CHECK(!loaded.error().empty());
    for (const Finding& finding : loaded.error()) CHECK(!finding.to_string().empty());
    return 0;
  }
  Config again;
  for (const Setting& setting : settings()) {
    const std::string shown = show_setting(*loaded, setting);
    CHECK(set_setting(again, setting, shown).has_value());
    CHECK(show_setting(again, setting) == shown);
  }
  return 0;
}
