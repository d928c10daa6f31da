#include "proxy/context_reader.h"

#include <utility>

namespace pgweir::proxy {
namespace {

// Without a catalog a statement's effects are unknown and everything is held; rather wait a little.
constexpr base::Nanos kLoadWait = base::kSecond;

}  // namespace

ContextReader::ContextReader(Services& services, Context& context, PreparedStatements& prepared,
                             std::shared_ptr<cache::Waiter> waiter, Ask ask, std::function<void()> done)
    : services_(services),
      context_(context),
      prepared_(prepared),
      waiter_(std::move(waiter)),
      ask_(std::move(ask)),
      done_(std::move(done)) {}

ContextReader::~ContextReader() { stop_timer(); }

void ContextReader::read() {
  const base::Nanos now = services_.clock.now();
  if (context_.catalog(now) == nullptr && !catalog_tried_) return load_catalog();
  const bool known = context_.settings_known(now);
  if (!known && context_.may_probe(now)) return probe_settings();
  if (known && prepared_.in_doubt()) return check_statements();
  end();
}

void ContextReader::read_catalog() { load_catalog(); }

void ContextReader::probe_settings() {
  services_.stats.settings_probes.add();
  const auto probed =
      [this, epoch = context_.database().settings_epoch()](base::Result<query::SessionSettings> settings) {
        const base::Nanos at = services_.clock.now();
        if (settings) {
          context_.set_settings(std::move(*settings), epoch, at);
        } else {
          context_.settings_failed(at);
        }
        read();
      };
  ask_(query::settings_probe_sql(), std::make_unique<SettingsProbe>(probed));
}

void ContextReader::check_statements() {
  const auto checked = [this](base::Result<StatementsCheck::Statements> statements) {
    prepared_.confirm(statements.value_or(StatementsCheck::Statements{}));
    read();
  };
  ask_(StatementsCheck::sql(), std::make_unique<StatementsCheck>(checked));
}

void ContextReader::load_catalog() {
  DatabaseCatalog& database = context_.database();
  const auto ticket = database.begin_load(services_.clock.now());
  if (!ticket) {
    awaits_load_ = database.wait_for_load(waiter_);
    if (!awaits_load_) return catalog_done();
    if (timer_ != 0) return;
    timer_ = services_.loop.after(kLoadWait, [this] {
      timer_ = 0;
      if (std::exchange(awaits_load_, false)) catalog_done();
    });
    return;
  }
  auto snapshot = database.snapshot();
  if (snapshot.catalog == nullptr) return load_catalog(*ticket);
  const auto checked = [this, ticket = *ticket](bool same) {
    if (same) return catalog_done();
    load_catalog(ticket);
  };
  ask_(FingerprintCheck::sql(),
       std::make_unique<FingerprintCheck>(context_.shared_database(), *ticket,
                                          std::move(snapshot.fingerprint), services_.clock, checked));
}

void ContextReader::load_catalog(const DatabaseCatalog::LoadTicket& ticket) {
  services_.stats.catalog_loads.add();
  const auto loaded = [this](bool needs_rollback) {
    if (needs_rollback) ask_("ROLLBACK", std::make_unique<IgnoredReply>());
    catalog_done();
  };
  ask_(CatalogLoad::sql(),
       std::make_unique<CatalogLoad>(context_.shared_database(), ticket, services_.clock, loaded));
}

void ContextReader::catalog_done() {
  catalog_tried_ = true;
  read();
}

void ContextReader::woken() {
  if (std::exchange(awaits_load_, false)) read();
}

void ContextReader::abandon() {
  awaits_load_ = false;
  end();
}

void ContextReader::end() {
  stop_timer();
  catalog_tried_ = false;
  done_();
}

void ContextReader::stop_timer() {
  services_.loop.cancel(timer_);
  timer_ = 0;
}

}  // namespace pgweir::proxy
