# Debian packages by purpose, and their installation. Sourced by ./dev and by the tools beside this file.

declare -A PACKAGES=(
  [build]="g++ cmake ninja-build pkg-config ccache mold
    libboost1.81-dev libfmt-dev libspdlog-dev libssl-dev libpq-dev libpg-query-dev libprotobuf-c-dev
    libsystemd-dev libtomlplusplus-dev libcli11-dev nlohmann-json3-dev libgtest-dev libgmock-dev libbenchmark-dev"
  [server]="postgresql-15 postgresql-client-15"
  [test]="python3 python3-psycopg openssl procps prometheus"
  [source]="dpkg-dev gcc make bison flex perl patch zlib1g-dev libreadline-dev"
  [node]="nodejs npm"
  [bench]="pgbouncer pgpool2 redis-server util-linux"
  [fuzz]="clang-19 libclang-rt-19-dev"
  [lint]="clang-tidy-19 clang-format-19 python3"
)

# A tool that came from elsewhere (Node from its vendor's packages) counts as installed.
declare -A PACKAGE_COMMAND=([nodejs]=node [npm]=npm)

package_is_installed() {
  local command=${PACKAGE_COMMAND[$1]:-}
  if [[ -n $command ]] && command -v "$command" >/dev/null; then return 0; fi
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  else
    sudo "$@"
  fi
}

# Services that the packages bring stay stopped: Debian asks this file before it starts one.
install_without_services() {
  local policy=/usr/sbin/policy-rc.d own_policy=false status=0
  if [[ ! -e $policy ]]; then
    own_policy=true
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod +x "$policy"
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null || status=$?
  if $own_policy; then as_root rm -f "$policy"; fi
  return $status
}

# require_packages PURPOSE...: installs what is missing, and nothing when nothing is.
require_packages() {
  local purpose package missing=()
  for purpose in "$@"; do
    for package in ${PACKAGES[$purpose]}; do
      package_is_installed "$package" || missing+=("$package")
    done
  done
  if ((${#missing[@]} == 0)); then return 0; fi
  if ! command -v apt-get >/dev/null; then
    echo "dev: this needs Debian 12's packages, which are missing here: ${missing[*]}" >&2
    return 1
  fi
  echo "dev: installing Debian packages: ${missing[*]}" >&2
  if ((EUID != 0)); then echo "dev: sudo may ask for your password" >&2; fi
  as_root apt-get update -q </dev/null >&2
  install_without_services "${missing[@]}" >&2
}
