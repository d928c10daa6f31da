#include "proxy/context.h"

#include <algorithm>
#include <utility>

namespace pgweir::proxy {

Context::Context(std::shared_ptr<DatabaseCatalog> database, const base::HashSecret& secret,
                 base::Nanos age_max)
    : database_(std::move(database)), secret_(secret), age_max_(age_max), path_({}) {
  if (sync::Follower* const follower = database_->follower()) follower->attend();
}

Context::~Context() {
  if (sync::Follower* const follower = database_->follower()) follower->leave();
}

void Context::reported(std::string_view name, std::string_view value, bool expected) {
  if (name == "client_encoding") {
    client_encoding_ = value;
  } else if (name == "server_encoding") {
    server_encoding_ = value;
  } else if (name == "standard_conforming_strings") {
    standard_conforming_strings_ = value;
  }
  if (name == "in_hot_standby") {
    const bool was_standby = std::exchange(on_standby_, value == "on");
    database_->seen_server(on_standby_, was_standby && !on_standby_);
  }
  plain_strings_ = standard_conforming_strings_ == "on";
  utf8_ = client_encoding_ == "UTF8" && server_encoding_ == "UTF8";
  ++version_;
  // A reload, a function, a SET somewhere: whatever it was may have changed more than is reported.
  settings_.reset();
  if (!expected) names_known_ = false;
}

bool Context::text_is_readable(std::string_view sql) const {
  if (!plain_strings_) return false;
  return utf8_ ||
         std::all_of(sql.begin(), sql.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

void Context::set_settings(query::SessionSettings settings, std::uint64_t epoch, base::Nanos now) {
  base::SipHash128 hash(secret_);
  hash.update_field(database_->name());
  hash.update_field(settings.current_user);
  hash.update_field(settings.session_user);
  hash.update_u64(settings.search_path.size());
  for (const std::string& schema : settings.search_path) hash.update_field(schema);
  hash.update_field(settings.digest);
  key_prefix_ = hash.finish();
  base::SipHash128 digest(secret_);
  digest.update_field(settings.digest);
  const base::Hash128 hashed = digest.finish();
  const bool changed = digest_ ? *digest_ != hashed : touched_;
  round_ += changed ? 1 : 0;
  touched_ = false;
  digest_ = hashed;
  restricts_views_ = settings.digest.find("restrict_nonsystem_relation_kind=") != std::string::npos;
  path_ = query::SearchPath(settings.search_path, settings.temporary_names);
  shows_notices_ = settings.shows_notices;
  set_explains(settings.explains);
  settings_ = std::move(settings);
  settings_at_ = now;
  settings_version_ = catalog_version();
  settings_epoch_ = epoch;
  names_known_ = true;
  probe_has_failed_ = false;
  ++version_;
}

void Context::take_snapshot() {
  const std::uint64_t before = catalog_version();
  snapshot_ = database_->snapshot();
  if (catalog_version() != before) ++version_;
}

}  // namespace pgweir::proxy
