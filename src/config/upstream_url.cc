#include "config/upstream_url.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "config/quoted.h"

namespace pgweir::config {
namespace {

using proxy::TlsMode;
using proxy::UpstreamConfig;

constexpr std::size_t kAddressesMax = 16;
constexpr std::size_t kHostBytesMax = 255;
constexpr unsigned kConnectTimeoutSecondsMax = 600;
constexpr std::uint16_t kDefaultPort = 5432;

constexpr std::array<std::pair<TlsMode, std::string_view>, 6> kTlsModes{
    {{TlsMode::kDisable, "disable"},
     {TlsMode::kAllow, "allow"},
     {TlsMode::kPrefer, "prefer"},
     {TlsMode::kRequire, "require"},
     {TlsMode::kVerifyCa, "verify-ca"},
     {TlsMode::kVerifyFull, "verify-full"}}};

std::unexpected<base::Error> refuse(std::string message) {
  return base::fail(base::ErrorCode::kInvalid, std::move(message));
}

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

// libpq repeats the whole text in some of its errors, and a password may be in it.
std::string without_url(std::string message, const std::string& url) {
  for (std::size_t at = 0; !url.empty() && (at = message.find(url, at)) != std::string::npos;) {
    message.replace(at, url.size(), "…");
  }
  while (!message.empty() && (message.back() == '\n' || message.back() == '.')) message.pop_back();
  return message;
}

base::Result<Options> read_options(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return refuse("the upstream URL holds a zero byte");
  const std::string url(text);
  char* raw_error = nullptr;
  Options options(PQconninfoParse(url.c_str(), &raw_error));
  const std::unique_ptr<char, void (*)(void*)> error(raw_error, PQfreemem);
  if (options) return options;
  if (url.find('@') != std::string::npos || url.find("password") != std::string::npos) {
    return refuse(
        "the upstream URL cannot be read: write postgres://host:port, without user, password or database "
        "(clients bring their own)");
  }
  return refuse(fmt::format("the upstream URL cannot be read: {}; write postgres://host:port",
                            error ? without_url(error.get(), url) : "out of memory"));
}

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

base::Result<void> check_host(std::string_view host) {
  if (host.empty()) {
    return refuse(
        "the upstream URL names no host: write postgres://host:port (for a Unix socket "
        "postgres:///?host=/directory)");
  }
  const bool directory = host.front() == '/';
  const bool valid =
      host.size() <= kHostBytesMax && std::ranges::all_of(host, [directory](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte > 0x20 && byte != 0x7f && (directory || (c != '/' && c != '@' && c != '[' && c != ']'));
      });
  if (!valid)
    return refuse(
        fmt::format("the upstream host {} is neither a name nor an address nor a directory", quoted(host)));
  return {};
}

base::Result<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty()) return kDefaultPort;
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || parsed != end || port == 0) {
    return refuse(fmt::format("the upstream port {} is not a number from 1 to 65535", quoted(text)));
  }
  return port;
}

base::Result<std::vector<UpstreamConfig::Address>> read_addresses(std::string_view host_list,
                                                                  std::string_view port_list) {
  const auto hosts = split(host_list), ports = split(port_list);
  if (hosts.size() > kAddressesMax) {
    return refuse(
        fmt::format("the upstream URL names {} hosts; at most {} are allowed", hosts.size(), kAddressesMax));
  }
  if (ports.size() != 1 && ports.size() != hosts.size()) {
    return refuse(
        fmt::format("the upstream URL names {} ports for {} hosts: give one port, or one for each host",
                    ports.size(), hosts.size()));
  }
  std::vector<UpstreamConfig::Address> addresses;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (const auto checked = check_host(hosts[i]); !checked) return std::unexpected(checked.error());
    const auto port = parse_port(ports.size() == 1 ? ports[0] : ports[i]);
    if (!port) return std::unexpected(port.error());
    addresses.push_back({std::string(hosts[i]), *port});
  }
  return addresses;
}

base::Result<void> set_option(std::string_view keyword, std::string_view value, UpstreamConfig& upstream) {
  if (keyword == "sslmode") {
    const auto mode = parse_tls_mode(value);
    if (!mode) {
      return refuse(fmt::format(
          "sslmode={} is not one of disable, allow, prefer, require, verify-ca, verify-full", quoted(value)));
    }
    upstream.tls_mode = *mode;
  } else if (keyword == "sslrootcert") {
    // libpq's own word for the system's certificates, which are the default here.
    upstream.tls_root_cert = value == "system" ? "" : value;
  } else if (keyword == "sslcert") {
    upstream.tls_cert = value;
  } else if (keyword == "sslkey") {
    upstream.tls_key = value;
  } else if (keyword == "connect_timeout") {
    unsigned seconds = 0;
    const char* const end = value.data() + value.size();
    const auto [parsed, error] = std::from_chars(value.data(), end, seconds);
    if (error != std::errc{} || parsed != end || seconds < 1 || seconds > kConnectTimeoutSecondsMax) {
      return refuse(fmt::format("connect_timeout={} is not a number of seconds from 1 to {}", quoted(value),
                                kConnectTimeoutSecondsMax));
    }
    upstream.connect_timeout = seconds * base::kSecond;
  } else if (keyword == "user" || keyword == "password" || keyword == "dbname") {
    return refuse(fmt::format("the upstream URL must not have a {}: clients bring their own", keyword));
  } else {
    return refuse(
        fmt::format("{} means nothing in the upstream URL: allowed are host, port, sslmode, sslrootcert, "
                    "sslcert, sslkey and connect_timeout; session settings come from clients",
                    keyword));
  }
  return {};
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || c == '.' || c == '-' || c == '_' || c == '/' || c == ':') {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace

base::Result<void> overlay_upstream(std::string_view url, UpstreamConfig& upstream) {
  const auto options = read_options(url);
  if (!options) return std::unexpected(options.error());
  UpstreamConfig result = upstream;
  std::string_view hosts, ports;
  for (const PQconninfoOption* option = options->get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword = option->keyword;
    if (keyword == "host") {
      hosts = option->val;
    } else if (keyword == "port") {
      ports = option->val;
    } else if (const auto set = set_option(keyword, option->val, result); !set) {
      return set;
    }
  }
  auto addresses = read_addresses(hosts, ports);
  if (!addresses) return std::unexpected(addresses.error());
  result.addresses = *std::move(addresses);
  upstream = std::move(result);
  return {};
}

base::Result<UpstreamConfig> parse_upstream(std::string_view url) {
  UpstreamConfig upstream;
  if (const auto read = overlay_upstream(url, upstream); !read) return std::unexpected(read.error());
  if (auto conflict = find_tls_conflict(upstream)) return refuse(*std::move(conflict));
  return upstream;
}

std::string format_upstream(const UpstreamConfig& upstream) {
  std::string hosts, ports, pairs;
  bool directories = false;
  for (const auto& [host, port] : upstream.addresses) {
    const std::string_view comma = hosts.empty() ? "" : ",";
    const bool ipv6 = host.find(':') != std::string::npos;
    directories |= host.starts_with('/');
    fmt::format_to(std::back_inserter(hosts), "{}{}", comma, percent_encoded(host));
    fmt::format_to(std::back_inserter(ports), "{}{}", comma, port);
    const std::string encoded = percent_encoded(host);
    fmt::format_to(std::back_inserter(pairs), "{}{}:{}", comma, ipv6 ? fmt::format("[{}]", encoded) : encoded,
                   port);
  }
  // A directory has no place before the path of a URL.
  return directories ? fmt::format("postgres:///?host={}&port={}", hosts, ports) : "postgres://" + pairs;
}

std::optional<TlsMode> parse_tls_mode(std::string_view name) {
  const auto at = std::ranges::find(kTlsModes, name, &std::pair<TlsMode, std::string_view>::second);
  return at == kTlsModes.end() ? std::nullopt : std::optional(at->first);
}

std::string_view format_tls_mode(TlsMode mode) {
  return std::ranges::find(kTlsModes, mode, &std::pair<TlsMode, std::string_view>::first)->second;
}

std::optional<std::string> find_tls_conflict(const UpstreamConfig& upstream) {
  if (upstream.tls_cert.empty() != upstream.tls_key.empty()) {
    return "the upstream's client certificate and its key (tls_cert and tls_key, in a URL sslcert and "
           "sslkey) go "
           "together: give both or neither";
  }
  if (upstream.tls_mode == TlsMode::kVerifyCa && upstream.tls_root_cert.empty()) {
    return "verify-ca without tls_root_cert (in a URL sslrootcert) would trust anyone who holds a "
           "certificate that "
           "the system trusts: name the file, or use verify-full";
  }
  return std::nullopt;
}

}  // namespace pgweir::config
