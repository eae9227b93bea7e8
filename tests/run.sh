#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. Arguments go to ctest: `tests/run.sh -L system`.
set -euo pipefail
umask 022
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
export HOME

source "$checkout/deploy/packages.sh"
source "$checkout/deploy/build.sh"
ensure_packages "${tributary_packages[@]}"
build_tributary "$checkout" all

# A system test counts as two processors: two of them at a time, whatever the machine has.
cd "$build_directory"
exec ctest --output-on-failure -j 4 "$@"
