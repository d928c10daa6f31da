// What a session's replies depend on besides the statement: its settings, asked of its own backend, and
// the catalog of its database. Both are read again when something may have changed them, and when
// they are old: what changes elsewhere is then noticed no later than the age limit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/hash.h"
#include "proxy/catalog_keeper.h"
#include "query/catalog.h"
#include "query/scan.h"
#include "query/session_settings.h"

namespace pgweir::proxy {

// One session's, on its worker's thread.
class Context {
 public:
  Context(std::shared_ptr<DatabaseCatalog> database, const base::HashSecret& secret, base::Nanos age_max);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // A ParameterStatus from the backend. expected: by a statement whose effects were told by
  // forget_settings(), and not by a reload.
  void reported(std::string_view name, std::string_view value, bool expected = false);
  // Whether the parser reads this text as the server will: plain strings, and UTF-8 on both sides or
  // nothing but ASCII (which every server encoding contains).
  bool text_is_readable(std::string_view sql) const;

  // The session's backend is on a standby, and others' are not: nothing of it is cached.
  bool is_beside_primary() const { return on_standby_ && !database_->shares_standby(); }

  // Both the client's and the server's encoding are UTF-8.
  bool is_utf8() const { return utf8_; }

  // What was sent may have changed them. names: and what names stand for, by search path or role.
  void forget_settings(bool names) {
    settings_.reset();
    touched_ = true;
    if (names) names_known_ = false;
  }
  // Whether the client is to get a notice with the outcome of each statement. While the settings are not
  // known, as they were last, or as the client has set it meanwhile.
  bool explains() const { return explains_; }
  void set_explains(bool explains) { explains_ = explains && shows_notices_; }

  // epoch: the database's settings_epoch() before the settings were asked for.
  void set_settings(query::SessionSettings settings, std::uint64_t epoch, base::Nanos now);
  // A probe has failed. It may have been cancelled by somebody who meant the client's statement, so one more
  // is worth it: while names are unknown each SELECT counts as writing everything. Then none for a second.
  void settings_failed(base::Nanos now) {
    if (std::exchange(probe_has_failed_, true)) settings_retry_at_ = now + base::kSecond;
  }

  bool settings_known(base::Nanos now) const { return settings_ && names_known(now); }
  // Whether names stand for what the last settings known say, though others may have changed.
  bool names_known(base::Nanos now) const {
    return names_known_ &&
           (database_->follows() ? settings_epoch_ == database_->settings_epoch()
                                 : now - settings_at_ < age_max_) &&
           settings_version_ == catalog_version();
  }
  // Of the last catalog known; 0: none. DDL may change what a search path comes to.
  std::uint64_t catalog_version() const { return snapshot_.catalog ? snapshot_.catalog->version() : 0; }
  // Tells apart what a prepared statement was analysed under: catalog, path, role, settings.
  std::uint64_t stamp() const { return catalog_version() ^ key_prefix_.lo; }
  // Changes whenever a text may be read or judged otherwise than before, or keys are others. Never 0.
  std::uint64_t version() const { return version_; }
  bool may_probe(base::Nanos now) const { return now >= settings_retry_at_; }
  // REQUIRES: settings_known.
  const query::SessionSettings& settings() const { return *settings_; }
  // REQUIRES: names_known.
  const query::SearchPath& search_path() const { return path_; }
  // Keyed hash of database, role and settings.
  const base::Hash128& key_prefix() const { return key_prefix_; }

  // Goes up when the settings have changed, whoever one is. 0: they may have, and are not known.
  std::uint64_t round() const { return touched_ ? 0 : round_; }
  // Whether the backend, which analysed a statement in that round, would now read it alike.
  // REQUIRES: settings_known.
  bool reads_alike(const query::Scan& scan, std::uint64_t round) const {
    return round == round_ || !(scan.read_by_settings || restricts_views_);
  }

  // The catalog if it is true and young enough, else nullptr.
  const query::Catalog* catalog(base::Nanos now) {
    if (!snapshot_is_true(now)) [[unlikely]]
      take_snapshot();
    return snapshot_is_true(now) ? snapshot_.catalog.get() : nullptr;
  }
  // The epoch of the catalog that catalog() gave last; of the database if it gave none.
  std::uint64_t judged_epoch() const {
    return snapshot_.catalog != nullptr ? snapshot_.epoch : database_->epoch();
  }
  // Whether catalog and settings are true though the change stream may not tell: else they must be young.
  bool is_recent(base::Nanos now) const {
    return database_->is_told(now) || (is_young(snapshot_.loaded_at, now) && is_young(settings_at_, now));
  }
  // Another session may have found the catalog true since. Whether that was not long ago.
  bool renew_snapshot(base::Nanos now) {
    if (database_->follows() && !is_young(snapshot_.loaded_at, now)) take_snapshot();
    return is_young(snapshot_.loaded_at, now);
  }
  // The last one known, true or not: effects judged by it must be taken with doubt. May be null.
  const query::Catalog* last_catalog() const { return snapshot_.catalog.get(); }
  // Whether it is worth looking for a name that the catalog does not have.
  bool catalog_may_lack_names(base::Nanos now) const { return now - snapshot_.loaded_at >= kNewNamesAge; }
  DatabaseCatalog& database() const { return *database_; }
  const std::shared_ptr<DatabaseCatalog>& shared_database() const { return database_; }

 private:
  static constexpr base::Nanos kNewNamesAge = 50 * base::kMillisecond;

  bool is_young(base::Nanos at, base::Nanos now) const {
    return now - at < std::min(age_max_, database_->lag_max());
  }
  bool snapshot_is_true(base::Nanos now) const {
    return snapshot_.catalog != nullptr && snapshot_.epoch == database_->epoch() &&
           (database_->follows() || now - snapshot_.loaded_at < age_max_);
  }
  void take_snapshot();

  std::shared_ptr<DatabaseCatalog> database_;
  const base::HashSecret secret_;
  const base::Nanos age_max_;
  DatabaseCatalog::Snapshot snapshot_;
  std::optional<query::SessionSettings> settings_;
  base::Nanos settings_at_ = 0;
  std::uint64_t settings_version_ = 0;
  std::uint64_t settings_epoch_ = 0;
  base::Nanos settings_retry_at_ = 0;
  bool probe_has_failed_ = false;  // the last one
  std::uint64_t round_ = 1;
  bool names_known_ = false;
  bool touched_ = false;                 // since the settings were asked for
  std::optional<base::Hash128> digest_;  // of this round
  bool restricts_views_ = false;         // for statements that are analysed from now on
  query::SearchPath path_;
  base::Hash128 key_prefix_;
  std::uint64_t version_ = 1;
  std::string client_encoding_, server_encoding_, standard_conforming_strings_;
  bool explains_ = false;
  bool shows_notices_ = true;
  bool plain_strings_ = false;
  bool utf8_ = false;
  bool on_standby_ = false;
};

}  // namespace pgweir::proxy
