#!/usr/bin/env bash
# Measures rows per second, bytes on the wire and processor time from a district to its region, the agents against
# PostgreSQL's own logical replication: tests/bench/run.sh [--rows 500000] [--rounds 3]. README.md beside it says how.
set -euo pipefail
umask 022
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
export HOME

source "$checkout/deploy/packages.sh"
source "$checkout/deploy/build.sh"
ensure_packages "${tributary_packages[@]}"
build_tributary "$checkout" bench_drain >&2
exec "$build_directory/tests/bench/bench_drain" "$@"
