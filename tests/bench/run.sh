#!/usr/bin/env bash
# Measures tributary and its peers side by side on this machine: tests/bench/run.sh --help. README.md beside it says how.
set -euo pipefail
umask 022
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
export HOME

source "$checkout/deploy/packages.sh"
source "$checkout/deploy/build.sh"
ensure_packages "${tributary_packages[@]}" openssl

# A peer that cannot be had is left out by the program, with the reason.
if [[ " $* " == *" pglogical "* ]]; then
  ensure_packages postgresql-15-pglogical || echo "pglogical cannot be installed here" >&2
fi

build_tributary "$checkout" tributary_bench >&2
results=$build_directory/bench
mkdir -p "$results"
exec "$build_directory/tests/bench/tributary_bench" \
  --svg "$results/performance.svg" --jsonl "$results/results.jsonl" "$@"
