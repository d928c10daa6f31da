#!/bin/bash
# Fetches PostgreSQL 15's Debian source and builds the test programs of it that the compatibility suites
# run: pg_regress, pg_isolation_regress, isolationtester, libpq_pipeline, and psql, whose output the tests
# compare and which differs between minor versions. Kept in .cache, so that only the first call takes long.
# Prints the build directory.
#
# Usage: tools/postgresql_source.sh
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=$ROOT/.cache/postgresql-src
source "$ROOT/tools/packages.sh"

# apt with lists of its own: a list of sources alone, in the machine's own directory, would replace the
# machine's package lists.
private_apt() {
  "$1" -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$CACHE/apt/sources" \
    -o Dir::State::lists="$CACHE/apt/lists" -o Dir::Cache="$CACHE/apt/cache" "${@:2}"
}

write_sources() {
  mkdir -p "$CACHE/apt/sources" "$CACHE/apt/lists/partial" "$CACHE/apt/cache/archives/partial"
  local key=/usr/share/keyrings/debian-archive-keyring.gpg
  cat >"$CACHE/apt/sources/debian.list" <<LIST
deb-src [signed-by=$key] http://deb.debian.org/debian bookworm main
deb-src [signed-by=$key] http://deb.debian.org/debian bookworm-updates main
deb-src [signed-by=$key] http://deb.debian.org/debian-security bookworm-security main
LIST
}

# The version installed first, then every other that is listed: the security archive may name a version
# whose tarball it no longer has.
versions_to_try() {
  dpkg-query -W -f='${source:Version}\n' postgresql-15 2>/dev/null || true
  private_apt apt-cache showsrc postgresql-15 2>/dev/null |
    awk '$1 == "Package:" { name = $2 } $1 == "Version:" && name == "postgresql-15" { print $2 }' | sort -rV
}

fetch() {
  write_sources
  private_apt apt-get update -q >&2
  local version
  for version in $(versions_to_try | awk '!seen[$0]++'); do
    echo "fetching the source of postgresql-15 $version" >&2
    rm -rf "$CACHE/fetch" && mkdir -p "$CACHE/fetch"
    if (cd "$CACHE/fetch" && private_apt apt-get source -q -o APT::Sandbox::User=root "postgresql-15=$version" >&2); then
      rm -rf "$CACHE/source"
      mv "$CACHE"/fetch/postgresql-15-*/ "$CACHE/source"
      rm -rf "$CACHE/fetch"
      return 0
    fi
  done
  echo "postgresql_source: no version of postgresql-15's source could be fetched" >&2
  return 1
}

# As Debian's server was: the expected output of some tests depends on these.
build() {
  local jobs
  jobs=$(nproc)
  cd "$CACHE/source"
  CC="$(command -v ccache || true) gcc" ./configure --quiet --prefix="$CACHE/install" \
    --with-openssl --without-icu --enable-thread-safety >&2
  make -s -j"$jobs" -C src/backend generated-headers >&2
  local part
  for part in src/common src/port src/interfaces/libpq src/fe_utils src/bin/psql src/test/regress \
    src/test/isolation src/test/modules/libpq_pipeline contrib/spi; do
    echo "building $part" >&2
    make -s -j"$jobs" -C "$part" >&2
  done
  touch "$CACHE/built"
}

main() {
  if [[ ! -e $CACHE/built ]]; then
    require_packages server source
    mkdir -p "$CACHE"
    [[ -d $CACHE/source ]] || fetch
    (build)
  fi
  echo "$CACHE/source"
}

main
