#include "proxy/stream_login.h"

#include <string>

namespace pgweir::proxy {
namespace {

const char* sslmode(TlsMode mode) {
  switch (mode) {
    case TlsMode::kDisable:
      return "disable";
    case TlsMode::kAllow:
      return "allow";
    case TlsMode::kPrefer:
      return "prefer";
    case TlsMode::kRequire:
      return "require";
    case TlsMode::kVerifyCa:
      return "verify-ca";
    case TlsMode::kVerifyFull:
      return "verify-full";
  }
  return "prefer";
}

}  // namespace

std::optional<sync::FollowerConfig> follower_config(const sync::SyncConfig& sync,
                                                    const UpstreamConfig& upstream) {
  if (sync.user.empty()) return std::nullopt;
  sync::FollowerConfig config;
  config.pulse.lag_max = sync.max_lag;
  config.permanent_slot = sync.permanent_slot;
  config.limit = std::make_shared<sync::FollowLimit>(sync.databases_max);
  config.connect_timeout = 2 * upstream.connect_timeout;
  std::string hosts, ports;
  for (const UpstreamConfig::Address& address : upstream.addresses) {
    hosts += (hosts.empty() ? "" : ",") + address.host;
    ports += (ports.empty() ? "" : ",") + std::to_string(address.port);
  }
  config.login = {
      {"host", hosts}, {"port", ports}, {"user", sync.user}, {"sslmode", sslmode(upstream.tls_mode)}};
  const auto add = [&](const char* keyword, const std::string& value) {
    if (!value.empty()) config.login.emplace_back(keyword, value);
  };
  add("passfile", sync.passfile);
  add("sslrootcert", upstream.tls_root_cert);
  add("sslcert", upstream.tls_cert);
  add("sslkey", upstream.tls_key);
  return config;
}

}  // namespace pgweir::proxy
