# The suites of ./dev test: what each needs, and how it runs. Sourced by ./dev.

# name | packages | presets to build | what it shows
SUITES="
unit|build server test|dev|unit tests of every folder, and the style rules, under ASan and UBSan
release|build|release|the tests of the cache with malloc itself, whose true sizes its memory limit counts
style|build|dev|includes against the rows of the house, and limits on functions and files (part of unit)
protocol|build server test|dev|messages in any order, directly and through pgweir; hostile bytes
behaviour|build server test|dev|scripts of statements with the outcome expected of each: hit, miss, bypass
settings|build server test|release|each setting changed in every way: replies as directly, and hits; and it finds what is planted
privileges|build server test|release|who may read what, changed in every way, here and elsewhere: rows or error as directly
differ|build server test sqlsmith|release|random schemas, statements, settings and roles: replies as directly; and it finds what is planted
sync|build server test|release|the change stream when things go wrong: lost, stalled, restarted, changed elsewhere
freshness|build server test|release|every reply against what had been acknowledged before, with faults; and it finds what is planted
drivers|build server test source node|dev|psycopg 3, node-postgres, and libpq's pipeline mode, with the same results as directly
serve|build server test|release|large results and slow clients, signals, reloads, TLS, an upstream out of reach, limits
guard|build server test|release|who waits for a turn at PostgreSQL and who does not, and what becomes of whom it does not reach
psql|build server test|dev|psql scripts and logins of every kind, with the same output as directly
pgbench|build server test|release|pgbench in three modes: no error, and the balances agree
setup|build server test|release|pgweir setup: no write or DDL of users ever fails by it, and the change stream tells
explain|build server test|release|pgweir explain: every example in docs/cacheability.md has the reason that stands there
dump|build server test|release|pg_dump and pg_restore of databases, compared row for row
pg-regress|build server test source|release|PostgreSQL's regression tests: the same pass as directly, with the cache on
ask-twice|build server test source|release|regression tests, each read asked until it hits: the reply is the backend's own, byte for byte
isolation|build server test source|release|PostgreSQL's tests of concurrent sessions: the same pass as directly
fuzz|build fuzz|fuzz|every fuzzer for ten seconds, without a finding
pins|build server test|dev|random reads and writes: a change that a reply's pins leave out never changes it
tsan|build server test|tsan|the stress tests and the protocol under ThreadSanitizer
"

suite_field() { # NAME FIELD
  awk -F'|' -v name="$1" -v field="$2" '$1 == name { print $field }' <<<"$SUITES"
}

suite_names() { awk -F'|' 'NF { print $1 }' <<<"$SUITES"; }

help_test() {
  cat <<'HELP'
Usage: ./dev test [--list] [--long] [SUITE...]

Runs the suites named, or all of them, and ends with one line for each: its outcome and its seconds. The
exit status is 1 if any failed. The output of each is kept in build/test/SUITE.log. --long gives settings,
privileges, sync, freshness, ask-twice and differ many times more to do, for an hour or more in all.

Suites:
HELP
  awk -F'|' 'NF { printf "  %-12s %s\n", $1, $4 }' <<<"$SUITES"
  cat <<'HELP'

Suites with a proxy run build/release/pgweir, or build/dev/pgweir with its sanitizers where speed does not
matter. PGWEIR=FILE runs another binary. PGWEIR_TEST_PROXY=relay puts a plain relay in its place: what
fails then is the suite, not pgweir.

Examples:
  ./dev test
  ./dev test unit protocol
  ./dev test --long freshness
  PGWEIR_TEST_PROXY=relay ./dev test pg-regress
HELP
}

run_ctest() { # PRESET [ctest arguments]
  ctest --test-dir "build/$1" --output-on-failure -j"${JOBS:-$(nproc)}" "${@:2}"
}

LONG=  # or --long, for the suites that know it
suite_unit() { run_ctest dev; }
suite_release() { run_ctest release -R '^(cache|simulate)$'; }
suite_style() { build/dev/style_test; }
suite_protocol() { tests/protocol/run; }
suite_serve() { tests/serve/run; }
suite_guard() { tests/guard/run; }
suite_settings() { tests/settings/run $LONG; }
suite_privileges() { tests/privileges/run $LONG; }
suite_sync() { tests/sync/run $LONG; }
suite_freshness() { tests/freshness/run $LONG && tests/freshness/run $LONG --no-planted --follow 2; }
suite_drivers() { tests/drivers/run; }
suite_psql() { tests/psql/run; }
suite_pgbench() { tests/pgbench/run; }
suite_setup() { tests/setup/run; }
suite_explain() { tests/explain/run; }
suite_dump() { tests/dump/run; }
suite_pg_regress() { tests/pg_regress/run; }
suite_ask_twice() { tests/pg_regress/ask_twice $LONG; }
suite_isolation() { tests/pg_regress/run --suite isolation; }
suite_fuzz() { ./dev fuzz --seconds 10; }
suite_differ() { tests/differ/run $LONG; }
suite_pins() { tests/pins/run; }
suite_tsan() { run_ctest tsan -R '^(cache|observe|proxy|warm)$' && build/tsan/guard_test --gtest_filter='Gate*' && tests/protocol/run --preset tsan; }
suite_behaviour() { tests/behaviour/run; }

# All tests are built with the sanitizers of dev; of the other presets only what the suites run.
preset_targets() {
  case $1 in
    dev) echo all ;;
    release) echo pgweir shop-load freshness-check planted-pgweirs bench-echo cache_test simulate_test ;;
    fuzz) fuzz_targets | tr '\n' ' ' ;;
    tsan) echo pgweir cache_test guard_test observe_test proxy_test warm_test ;;
  esac
}

prepare_suites() {
  local suite packages=() presets=()
  for suite in "$@"; do
    read -ra words <<<"$(suite_field "$suite" 2)"
    packages+=("${words[@]}")
    read -ra words <<<"$(suite_field "$suite" 3)"
    presets+=("${words[@]}")
  done
  require_packages "${packages[@]}"
  local preset
  for preset in $(printf '%s\n' "${presets[@]}" | sort -u); do
    echo "dev: building the preset $preset"
    read -ra words <<<"$(preset_targets "$preset")"
    build "$preset" "${words[@]}"
  done
}

run_suite() { # NAME, in a shell of its own so that its failure ends nothing else
  local function=suite_${1//-/_}
  (
    set -euo pipefail
    "$function"
  ) </dev/null 2>&1 | tee "build/test/$1.log"
}

run_suites() {
  local suites=() suite summary='' failed=() started
  while (($# > 0)); do
    case $1 in
      --list) suite_names && return ;;
      --long) LONG=--long ;;
      -*) usage_error test "unknown option '$1'" ;;
      *) [[ -n $(suite_field "$1" 4) ]] || usage_error test "no suite is called '$1'" && suites+=("$1") ;;
    esac
    shift
  done
  if ((${#suites[@]} == 0)); then mapfile -t suites < <(suite_names | grep -vx style); fi
  mkdir -p build/test
  prepare_suites "${suites[@]}"
  for suite in "${suites[@]}"; do
    echo "===== $suite"
    started=$SECONDS
    if run_suite "$suite"; then
      summary+=$(printf '%-12s pass %5d s' "$suite" $((SECONDS - started)))$'\n'
    else
      failed+=("$suite")
      summary+=$(printf '%-12s FAIL %5d s   build/test/%s.log' "$suite" $((SECONDS - started)) "$suite")$'\n'
    fi
  done
  for suite in "${failed[@]}"; do
    printf '\n===== %s failed; its last lines:\n' "$suite"
    tail -n 40 "build/test/$suite.log"
  done
  printf '\n%s%d passed, %d failed\n' "$summary" $((${#suites[@]} - ${#failed[@]})) "${#failed[@]}"
  ((${#failed[@]} == 0))
}
