# shellcheck shell=bash disable=SC2034,SC2154,SC2174
# Sourced by the scripts that build tributary. Sets `build_directory`.

# One job per processor, but no more than there are GiB of memory: a large file takes the compiler up to one.
build_jobs() {
  local gibibytes limit
  gibibytes=$(awk '/^MemAvailable:/ { print int($2 / 1048576 + 0.3) }' /proc/meminfo)
  if limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null) && [[ $limit =~ ^[0-9]+$ ]]; then
    limit=$((limit / 1073741824))
    if ((limit < gibibytes)); then gibibytes=$limit; fi
  fi
  local jobs
  jobs=$(nproc)
  if ((jobs > gibibytes)); then jobs=$gibibytes; fi
  echo $((jobs < 1 ? 1 : jobs))
}

# build_tributary CHECKOUT TARGET...: in CHECKOUT/build/release, or below /tmp where that cannot be written.
build_tributary() {
  local checkout=$1
  shift
  build_directory=$checkout/build/release
  if ! mkdir -p "$build_directory" 2>/dev/null || [[ ! -w $build_directory ]] ||
    [[ -e $build_directory/CMakeCache.txt && ! -w $build_directory/CMakeCache.txt ]]; then
    build_directory=/tmp/tributary-build-$(id -u)/$(printf %s "$checkout" | cksum | cut -d' ' -f1)
    mkdir -p -m 700 "${build_directory%/*}"
    if [[ ! -O ${build_directory%/*} || -L ${build_directory%/*} ]]; then
      echo "${build_directory%/*} belongs to another user" >&2
      return 1
    fi
    mkdir -p "$build_directory"
  fi
  if [[ ! -w ${HOME:-/nonexistent} ]]; then export CCACHE_DIR=$build_directory/ccache; fi

  local lock
  exec {lock}>"$build_directory/.lock"
  flock "$lock"
  local log=$build_directory/configure.log
  local configure=(cmake -S "$checkout" -B "$build_directory" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo
    "-DTRIBUTARY_WERROR=${TRIBUTARY_WERROR:-OFF}")
  # A cache that another checkout or a killed run left is no use: begin anew, once.
  if ! "${configure[@]}" >"$log" 2>&1; then
    find "$build_directory" -mindepth 1 -maxdepth 1 ! -name .lock ! -name ccache ! -name configure.log \
      -exec rm -rf {} +
    if ! "${configure[@]}" >"$log" 2>&1; then
      cat "$log" >&2
      return 1
    fi
  fi
  local result=0
  ninja -C "$build_directory" -j "$(build_jobs)" "$@" {lock}>&- || result=$?
  exec {lock}>&-
  return "$result"
}
