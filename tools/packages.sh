# Debian packages by purpose, and their installation. Sourced by ./dev and by the tools beside this file.

declare -A PACKAGES=(
  [build]="g++ cmake ninja-build pkg-config ccache mold
    libboost1.81-dev libfmt-dev libspdlog-dev libssl-dev libpq-dev libpg-query-dev libprotobuf-c-dev
    libsystemd-dev libre2-dev zlib1g-dev libzstd-dev libxxhash-dev libtomlplusplus-dev libcli11-dev nlohmann-json3-dev libgtest-dev libgmock-dev libbenchmark-dev"
  [server]="postgresql-15 postgresql-client-15"
  [test]="python3 python3-psycopg python3-psycopg2 python3-sqlalchemy openssl prometheus"
  [sqlsmith]="sqlsmith"
  [source]="dpkg-dev gcc make bison flex perl patch zlib1g-dev libreadline-dev"
  [node]="nodejs npm"
  [bench]="python3 gnuplot-nox pgbouncer pgpool2 redis-server"
  [fuzz]="clang-19 libclang-rt-19-dev"
  [lint]="clang-tidy-19 clang-format-19"
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

# Services that the packages bring stay stopped: Debian asks this file before it starts one. A subshell, so
# that the file goes whatever ends the installation.
install_without_services() (
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap 'as_root rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod +x "$policy"
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null
)

# require_packages PURPOSE...: installs what is missing, and nothing when nothing is.
require_packages() {
  local purpose package missing=()
  for purpose in "$@"; do
    for package in ${PACKAGES[$purpose]}; do
      if [[ " ${missing[*]} " == *" $package "* ]] || package_is_installed "$package"; then continue; fi
      missing+=("$package")
    done
  done
  if ((${#missing[@]} == 0)); then return 0; fi
  if ! command -v apt-get >/dev/null; then
    echo "dev: this needs Debian 12's packages, which are missing here: ${missing[*]}" >&2
    return 1
  fi
  echo "dev: installing Debian packages: ${missing[*]}" >&2
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "dev: there is no sudo here; as root: apt-get install --no-install-recommends ${missing[*]}" >&2
      return 1
    fi
    echo "dev: sudo may ask for your password" >&2
  fi
  as_root apt-get update -q </dev/null >&2 || echo "dev: going on with the package lists that there are" >&2
  install_without_services "${missing[@]}" >&2
}
